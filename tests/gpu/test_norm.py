"""Norms and residual branches on the card, against the NumPy operations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from py_demixer.ops.norm import group_norm, layer_norm, restore, standardise
from py_demixer.ops.residual import residual_branch
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.properties import SETTINGS

EXAMPLES = settings(SETTINGS, max_examples=30)
DTYPES = st.sampled_from([np.float16, np.float32])
CHANNELS = st.integers(1, 70)
NOT_FINITE = pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])

# An offset that costs digits: the mean is rounded to float32, by NumPy as well.
FAR_FROM_ZERO = 100.0


def affine(channels: int, dtype: type = np.float16) -> dict[str, np.ndarray]:
    return {
        "weight": (cases.random("weight", channels) + 1).astype(dtype),
        "bias": cases.random("bias", channels).astype(dtype),
    }


def compare(card, network, x, tensors, decibels: float = SNR) -> None:
    """Compare the card's output with NumPy's; both may work in place."""
    expected = network(x.copy())
    got = card.compile(network, x.shape, tensors)(x)
    assert got.shape == expected.shape
    assert snr(expected, got) >= decibels


def compare_not_finite(card, network, x, tensors) -> None:
    with np.errstate(invalid="ignore"):
        expected = network(x.copy())
    assert not np.isfinite(expected).all()
    got = card.compile(network, x.shape, tensors)(x)
    assert np.allclose(got, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def layer_normed(tensors: Mapping[str, np.ndarray]):
    return lambda x: layer_norm(x, **tensors)


@pytest.mark.parametrize("positions", [2688, 1344])
def test_layer_norm_of_the_network(card, positions):
    tensors = affine(512)
    compare(card, layer_normed(tensors), cases.random("x", 512, positions) + 1, tensors)


@EXAMPLES
@given(CHANNELS, st.integers(1, 70), st.floats(-5, 5), DTYPES)
def test_any_layer_norm(card, channels, positions, mean, dtype):
    tensors = affine(channels, dtype)
    x = cases.random("x", channels, positions) + np.float32(mean)
    compare(card, layer_normed(tensors), x, tensors, SNR if channels > 2 else 90)


@NOT_FINITE
def test_layer_norm_of_non_finite_values(card, value):
    tensors, x = affine(40), cases.random("x", 40, 50)
    x[30, 20] = value
    compare_not_finite(card, layer_normed(tensors), x, tensors)


def group_normed(tensors: Mapping[str, np.ndarray], **options):
    return lambda x: group_norm(x, **tensors, **options)


@pytest.mark.parametrize(
    ("shape", "activation"),
    [
        ((512, 1, 2688), None),
        ((6, 512, 336), "gelu"),
        ((48, 8, 336), "gelu"),
        ((6, 1, 85995), "gelu"),
        ((48, 1, 1344), "gelu"),
    ],
)
def test_group_norm_of_the_network(card, shape, activation):
    tensors = affine(shape[0])
    x = cases.random("x", *shape) + 2
    compare(card, group_normed(tensors, activation=activation), x, tensors)


@EXAMPLES
@given(
    st.integers(1, 20),
    st.integers(1, 6),
    st.integers(1, 900),
    st.integers(1, 4),
    st.sampled_from([None, "gelu"]),
    DTYPES,
)
@example(1, 1, 1, 1, None, np.float32)
def test_any_group_norm(card, channels, rows, positions, groups, activation, dtype):
    channels *= groups
    tensors = affine(channels, dtype)
    network = group_normed(tensors, groups=groups, activation=activation)
    # With one or two numbers, the sign of the difference from their mean depends on its last bit.
    few = channels // groups * positions <= 2
    compare(
        card, network, cases.random("x", channels, rows, positions), tensors, 60 if few else SNR
    )


def test_group_norm_far_from_zero(card):
    """Only the rounding of the mean itself costs digits."""
    tensors = affine(6)
    x = cases.random("x", 6, 2, 9000) + np.float32(FAR_FROM_ZERO)
    compare(card, group_normed(tensors), x, tensors, 100)


def test_group_norm_with_glu_is_refused(card):
    tensors = affine(4)
    with pytest.raises(ValueError, match="cannot be followed by 'glu'"):
        card.compile(group_normed(tensors, activation="glu"), (4, 2, 3), tensors)


def test_weights_of_one_operation_must_have_one_dtype(card):
    tensors = affine(4) | {"bias": np.zeros(4, np.float32)}
    with pytest.raises(ValueError, match=r"of one type, not weight \(float16\), bias"):
        card.compile(group_normed(tensors), (4, 2, 3), tensors)


@NOT_FINITE
def test_group_norm_of_non_finite_values(card, value):
    tensors, x = affine(4), cases.random("x", 4, 3, 3000)
    x[2, 1, 700] = value
    compare_not_finite(card, group_normed(tensors, activation="gelu"), x, tensors)


def standardised(x):
    standardise(x)
    return x


def there_and_back(x):
    return restore(x, standardise(x))


@pytest.mark.parametrize("shape", [(4, 2048, 336), (2, 343980), (3, 7), (2, 1)])
def test_standardise(card, shape):
    x = cases.random("x", *shape) * 3 + 1
    compare(card, standardised, x, {})
    compare(card, standardise, x, {})
    compare(card, there_and_back, x, {})


@EXAMPLES
@given(st.integers(2, 10_000), st.floats(-10, 10), st.floats(0.01, 100))
def test_standardise_any_numbers(card, count, mean, std):
    x = cases.random("x", count) * np.float32(std) + np.float32(mean)
    compare(card, standardise, x, {})
    compare(card, there_and_back, x, {})


def test_standardise_silence(card):
    silence = np.zeros((2, 5000), np.float32)
    for network in (standardise, standardised, there_and_back):
        assert not card.compile(network, silence.shape, {})(silence).any()


@NOT_FINITE
def test_standardise_non_finite_values(card, value):
    x = cases.random("x", 2, 5000)
    x[1, 77] = value
    for network in (standardise, standardised):
        with np.errstate(invalid="ignore"):
            expected = network(x.copy())
        got = card.compile(network, x.shape, {})(x)
        assert np.array_equal(np.isfinite(got), np.isfinite(expected))


def branch(channels: int, hidden: int, dtype: type = np.float16) -> dict[str, np.ndarray]:
    """Weights of a residual branch, in the order of its arguments."""
    shapes = {
        "in_weight": (hidden, channels, 1, 3),
        "in_bias": (hidden,),
        "in_norm_weight": (hidden,),
        "in_norm_bias": (hidden,),
        "out_weight": (2 * channels, hidden, 1, 1),
        "out_bias": (2 * channels,),
        "out_norm_weight": (2 * channels,),
        "out_norm_bias": (2 * channels,),
        "scale": (channels,),
    }
    return {name: (cases.random(name, *shape) / 2).astype(dtype) for name, shape in shapes.items()}


def branched(tensors: Mapping[str, np.ndarray], dilation: int):
    return lambda x: residual_branch(x, **tensors, dilation=dilation)


@pytest.mark.parametrize(
    ("channels", "rows", "positions"),
    [
        (48, 512, 336),
        (96, 128, 336),
        (192, 32, 336),
        (384, 8, 336),
        (48, 1, 85995),
        (96, 1, 21499),
        (192, 1, 5375),
        (384, 1, 1344),
    ],
)
def test_residual_branch_of_the_network(card, channels, rows, positions):
    tensors = branch(channels, channels // 8)
    x = cases.random("x", channels, rows, positions)
    network = branched(tensors, 1 + rows % 3 % 2)
    expected = network(x.copy())
    got = card.compile(network, x.shape, tensors)(x)
    assert snr(expected - x, got - x) >= SNR  # the added part


@EXAMPLES
@given(
    CHANNELS, st.integers(1, 20), st.integers(1, 5), st.integers(1, 300), st.integers(1, 4), DTYPES
)
def test_any_residual_branch(card, channels, hidden, rows, positions, dilation, dtype):
    tensors = branch(channels, hidden, dtype)
    x = cases.random("x", channels, rows, positions)
    # A norm over few numbers that hardly differ from the mean amplifies their rounding.
    decibels = SNR if hidden * positions > 16 else 70
    compare(card, branched(tensors, dilation), x, tensors, decibels)


@NOT_FINITE
def test_residual_branch_of_non_finite_values(card, value):
    tensors, x = branch(12, 3), cases.random("x", 12, 3, 200)
    x[5, 1, 60] = value
    compare_not_finite(card, branched(tensors, 2), x, tensors)
