"""Elementwise operations on the card, against the NumPy operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from py_demixer.gpu import operands
from py_demixer.ops.norm import restore
from py_demixer.ops.residual import add, add_scaled, copy
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.gpu.test_norm import EXAMPLES
from tests.gpu.together import apart, together

SIDE = st.integers(1, 30)


@EXAMPLES
@given(st.lists(st.tuples(SIDE, st.booleans()), min_size=2, max_size=3), st.booleans())
def test_add(card, axes, constant):
    x = cases.random("x", *(size for size, _ in axes))
    y = cases.random("y", *(size if whole else 1 for size, whole in axes))
    if constant:
        got = card.compile(lambda x: add(x, y), x.shape, {})(x)
    else:
        both = together([x, y])
        network = apart(lambda x, y: add(copy(x), y), [x.shape, y.shape])
        got = card.compile(network, both.shape, {})(both)
    assert np.array_equal(got, x + y)


@pytest.mark.parametrize("first", [1, 2, 65])
def test_add_to_an_unaligned_part(card, first):
    x, y = cases.random("x", 99, 3), cases.random("y", 99 - first, 1)
    expected = x.copy()
    expected[first:] += y

    def network(x):
        add(x[first:], y)
        return x

    assert np.array_equal(card.compile(network, x.shape, {})(x), expected)


@EXAMPLES
@given(st.lists(SIDE, min_size=2, max_size=3), st.sampled_from([np.float16, np.float32]))
def test_add_scaled(card, shape, dtype):
    x, y = cases.random("x", *shape), cases.random("y", *shape)
    tensors = {"scale": cases.random("scale", shape[0]).astype(dtype)}
    both = together([x, y])
    network = apart(lambda x, y: add_scaled(copy(x), y, tensors["scale"]), [x.shape, y.shape])
    got = card.compile(network, both.shape, tensors)(both)
    assert snr(add_scaled(x, y, tensors["scale"]), got) >= SNR


@EXAMPLES
@given(st.integers(1, 3000))
def test_restore(card, count):
    x, scale = cases.random("x", count), np.array([0.3, -2.5], np.float32)
    both = together([x, scale])
    network = apart(lambda x, scale: restore(copy(x), scale), [x.shape, scale.shape])
    assert snr(restore(x.copy(), scale), card.compile(network, both.shape, {})(both)) >= SNR


def test_more_workgroups_than_fit_one_axis(card, monkeypatch):
    monkeypatch.setattr(operands, "MOST_GROUPS", 3)
    x = cases.random("x", 5, 777)  # 16 workgroups
    assert np.array_equal(card.compile(copy, x.shape, {})(x), x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_values_stay_in_place(card, value):
    x, y = cases.random("x", 5, 30), cases.random("y", 5, 1)
    x[2, 20] = y[4] = value
    assert np.array_equal(card.compile(lambda x: add(x, y), x.shape, {})(x), x + y, equal_nan=True)
