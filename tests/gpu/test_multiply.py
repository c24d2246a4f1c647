"""Convolutions and linear layers on the card, against the NumPy operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from py_demixer.gpu import multiply
from py_demixer.gpu.lowering import lower
from py_demixer.ops.conv import conv2d, conv_transpose2d
from py_demixer.ops.linear import linear
from py_demixer.program.program import Operation
from py_demixer.program.record import record
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.properties import SETTINGS, convolutions

EXAMPLES = settings(SETTINGS, max_examples=40)

SAME, SPECTRAL_SAME, QUARTER = ((0, 0), (1, 1)), ((1, 1), (1, 1)), (2, 2)


@dataclass(frozen=True)
class Layer:
    """An operation with the shapes of its operands."""

    function: Callable[..., np.ndarray]
    x: tuple[int, ...]
    weight: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return self.weight[self.function is conv_transpose2d]

    def draw(self, dtype: type = np.float16) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Draw an input, and weights that keep its magnitude."""
        scale = (self.weight[0] / np.prod(self.weight)) ** 0.5
        weight = cases.random("weight", *self.weight) * np.float32(scale)
        bias = cases.random("bias", self.outputs)
        tensors = {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}
        return cases.random("x", *self.x), tensors

    def network(self, tensors: Mapping[str, np.ndarray]) -> Callable[[Any], Any]:
        return lambda x: self.function(x, tensors["weight"], tensors["bias"], **self.options)

    def operation(self) -> Operation:
        _, tensors = self.draw()
        return record(self.network(tensors), self.x, tensors).operations[0]


def temporal(n_in: int, n_out: int, length: int, taps: int, **options: Any) -> Layer:
    return Layer(conv2d, (n_in, 1, length), (n_out, n_in, 1, taps), options)


def spectral(n_in: int, n_out: int, rows: int, taps: tuple[int, int], **options: Any) -> Layer:
    return Layer(conv2d, (n_in, rows, 336), (n_out, n_in, *taps), options)


def encoder(n_in: int, n_out: int, length: int) -> Layer:
    padding = ((0, 0), (2, 2 + -length % 4))
    return temporal(n_in, n_out, length, 8, stride=(1, 4), padding=padding, activation="gelu")


def decoder(n_in: int, n_out: int, x: tuple[int, int], height: int, *, last: bool = False) -> Layer:
    options = {"stride": 4, "crop": 2, "height": height, "activation": None if last else "gelu"}
    return Layer(conv_transpose2d, (n_in, *x), (n_in, n_out, 8, 1), options)


GLU, GELU = {"activation": "glu"}, {"activation": "gelu"}
SPECTRAL_ENCODER = {"stride": (4, 1), "padding": (QUARTER, (0, 0)), **GELU}
LAYERS = {
    # The released network's layers; spectral ones have fewer rows.
    "encoder 0": spectral(4, 48, 64, (8, 1), **SPECTRAL_ENCODER),
    "encoder 1": spectral(48, 96, 32, (8, 1), **SPECTRAL_ENCODER),
    "encoder 2": spectral(96, 192, 16, (8, 1), **SPECTRAL_ENCODER),
    "encoder 3": spectral(192, 384, 8, (8, 1), **SPECTRAL_ENCODER),
    "rewrite of encoder 0": spectral(48, 96, 16, (1, 1), **GLU),
    "rewrite of encoder 1": spectral(96, 192, 16, (1, 1), **GLU),
    "rewrite of encoder 2": spectral(192, 384, 4, (1, 1), **GLU),
    "rewrite of encoder 3": spectral(384, 768, 2, (1, 1), **GLU),
    "temporal encoder 0": encoder(2, 48, 343980),
    "temporal encoder 1": encoder(48, 96, 85995),
    "temporal encoder 2": encoder(96, 192, 21499),
    "temporal encoder 3": encoder(192, 384, 5375),
    "rewrite of temporal encoder 0": temporal(48, 96, 85995, 1, **GLU),
    "rewrite of temporal encoder 3": temporal(384, 768, 1344, 1, **GLU),
    "upsampler": spectral(384, 512, 2, (1, 1)),
    "temporal upsampler": temporal(384, 512, 1344, 1),
    "projection": Layer(linear, (512, 1344), (512, 512)),
    "feed-forward, in": Layer(linear, (512, 672), (2048, 512), GELU),
    "feed-forward, out": Layer(linear, (2048, 336), (512, 2048)),
    "downsampler": spectral(512, 384, 2, (1, 1)),
    "rewrite of decoder 0": spectral(384, 768, 2, (3, 3), padding=SPECTRAL_SAME, **GLU),
    "rewrite of decoder 1": spectral(192, 384, 4, (3, 3), padding=SPECTRAL_SAME, **GLU),
    "rewrite of decoder 2": spectral(96, 192, 8, (3, 3), padding=SPECTRAL_SAME, **GLU),
    "rewrite of decoder 3": spectral(48, 96, 8, (3, 3), padding=SPECTRAL_SAME, **GLU),
    "decoder 0": decoder(384, 192, (8, 336), 32),
    "decoder 1": decoder(192, 96, (8, 336), 32),
    "decoder 2": decoder(96, 48, (8, 336), 32),
    "decoder 3": decoder(48, 16, (16, 336), 64, last=True),
    "rewrite of temporal decoder 0": temporal(384, 768, 1344, 3, padding=SAME, **GLU),
    "rewrite of temporal decoder 2": temporal(96, 192, 21499, 3, padding=SAME, **GLU),
    "temporal decoder 0": decoder(384, 192, (1344, 1), 5375),
    "temporal decoder 1": decoder(192, 96, (5375, 1), 21499),
    "temporal decoder 2": decoder(96, 48, (21499, 1), 85995),
    "temporal decoder 3": decoder(48, 8, (85995, 1), 343980, last=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_the_network(card, name):
    layer = LAYERS[name]
    x, tensors = layer.draw()
    network = layer.network(tensors)
    out = card.compile(network, x.shape, tensors)(x)
    expected = network(x)
    assert out.shape == expected.shape
    assert snr(expected, out) >= SNR


@pytest.mark.parametrize("name", LAYERS)
def test_work_per_dispatch_is_limited(name):
    layer = LAYERS[name]
    for dispatch in lower(layer.operation()):
        sizes, constants = dispatch.sizes, dispatch.constants
        tile = 64 * constants["ROW_THREADS"] * constants["COLUMN_THREADS"]
        tiles = np.prod(dispatch.workgroups)
        assert 2 * tiles * tile * sizes["channels"] * sizes["taps"] <= multiply.MOST_FLOP
        assert max(dispatch.workgroups) <= 65535


def compare(card, layer: Layer, dtype: type) -> None:
    """Compare errors with the magnitude of the summands, which may cancel."""
    x, tensors = layer.draw(dtype)
    network = layer.network(tensors)
    out, expected = card.compile(network, x.shape, tensors)(x), network(x)
    assert out.shape == expected.shape
    parts = {name: abs(tensor) for name, tensor in tensors.items()}
    options = {**layer.options, "activation": None}
    sums = Layer(layer.function, layer.x, layer.weight, options).network(parts)(abs(x))
    assert abs(out - expected).max() <= 2e-6 * max(1, sums.max())


ONE_TAP = {"stride": (1, 1), "dilation": (1, 1), "activation": None}


@EXAMPLES
@given(convolutions(), st.integers(1, 8), st.booleans())
@example((1, (2, 3), (2, 1, 1, 1), ONE_TAP | {"padding": ((0, 0), (0, 2))}), 1, False)
@example((1, (2, 3), (2, 1, 1, 1), ONE_TAP | {"padding": ((0, 2), (0, 0))}), 1, False)
def test_any_convolution(card, drawn, wider, half):
    channels, size, (n_out, _, *kernel), options = drawn
    channels *= wider
    layer = Layer(conv2d, (channels, *size), (n_out * wider, channels, *kernel), options)
    compare(card, layer, np.float16 if half else np.float32)


@EXAMPLES
@given(*[st.integers(1, 150)] * 3, st.sampled_from([None, "gelu"]), st.booleans())
def test_any_linear_layer(card, n_in, n_out, positions, activation, half):
    layer = Layer(linear, (n_in, positions), (n_out, n_in), {"activation": activation})
    compare(card, layer, np.float16 if half else np.float32)


@st.composite
def transposed(draw) -> Layer:
    n_in, n_out, rows, width = (draw(st.integers(1, most)) for most in (40, 20, 20, 40))
    stride, taps = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    whole = (rows + taps - 1) * stride
    crop = draw(st.integers(0, whole - 1))
    options = {
        "stride": stride,
        "crop": crop,
        "height": draw(st.integers(1, whole - crop)),
        "activation": draw(st.sampled_from([None, "gelu"])),
    }
    return Layer(conv_transpose2d, (n_in, rows, width), (n_in, n_out, taps * stride, 1), options)


@EXAMPLES
@given(transposed(), st.booleans())
def test_any_transposed_convolution(card, layer, half):
    compare(card, layer, np.float16 if half else np.float32)


@pytest.mark.parametrize("limit", ["MOST_FLOP", "MOST_GROUPS"])
@pytest.mark.parametrize(
    "layer",
    [
        spectral(20, 100, 5, (3, 3), padding=SPECTRAL_SAME, **GLU),
        decoder(20, 10, (5, 99), 19),
        Layer(linear, (30, 500), (70, 30), GELU),
    ],
)
def test_many_dispatches_give_the_bits_of_one(card, monkeypatch, layer, limit):
    x, tensors = layer.draw()
    whole = card.compile(layer.network(tensors), x.shape, tensors)(x)
    monkeypatch.setattr(multiply, limit, 3)
    assert len(lower(layer.operation())) > 1
    parts = card.compile(layer.network(tensors), x.shape, tensors)(x)
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "layer",
    [
        spectral(5, 10, 3, (3, 3), padding=SPECTRAL_SAME),
        spectral(5, 10, 3, (3, 3), padding=SPECTRAL_SAME, **GELU),
        spectral(5, 10, 3, (3, 3), padding=SPECTRAL_SAME, **GLU),
        decoder(5, 3, (5, 99), 19),
        Layer(linear, (30, 50), (70, 30), GELU),
    ],
)
def test_non_finite_values_stay_in_place(card, layer, value):
    x, tensors = layer.draw()
    x[2, ..., 40] = value
    network = layer.network(tensors)
    out = card.compile(network, x.shape, tensors)(x)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = network(x)
    assert not np.isfinite(expected).all()
    assert np.allclose(out, expected, rtol=1e-4, atol=1e-5, equal_nan=True)
