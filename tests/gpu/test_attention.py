"""Attention on the card, against the NumPy operation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from py_demixer.gpu import attention as shaders
from py_demixer.gpu.lowering import lower
from py_demixer.ops.attention import attention
from py_demixer.program.record import record
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.gpu.together import apart, together
from tests.properties import SETTINGS

SMALL = 2, 8, 70, 75  # heads, width of a head, queries, keys


def drawn(heads: int, width: int, queries: int, keys: int, spread: float = 1.0):
    """Query, key and value; ``spread`` scales the differences between scores."""
    channels = heads * width
    query = cases.random("query", channels, queries) * np.float32(spread)
    return [query, cases.random("key", channels, keys), cases.random("value", channels, keys)]


def network(arrays, heads: int):
    return apart(lambda *given: attention(*given, heads=heads), [a.shape for a in arrays])


def on_card(card, arrays, heads: int) -> np.ndarray:
    x = together(arrays)
    return card.compile(network(arrays, heads), x.shape, {})(x)


@pytest.mark.parametrize(("queries", "keys"), [(1344, 1344), (1344, 2688), (2688, 1344)])
def test_attention_of_the_network(card, queries, keys):
    arrays = drawn(2, 64, queries, keys)
    assert snr(attention(*arrays, heads=2), on_card(card, arrays, 2)) >= SNR


@settings(SETTINGS, max_examples=20)
@given(
    st.integers(1, 3),
    st.integers(1, 130),
    st.integers(1, 200),
    st.integers(1, 200),
    st.sampled_from([0.1, 1.0, 10.0]),
)
@example(1, 1, 1, 1, 1.0)
@example(2, 65, 64, 129, 10.0)
def test_any_attention(card, heads, width, queries, keys, spread):
    arrays = drawn(heads, width, queries, keys, spread)
    # A weight's relative error is the absolute error of its score, which grows with the score.
    decibels = SNR - max(0, 20 * np.log10(spread))
    assert snr(attention(*arrays, heads=heads), on_card(card, arrays, heads)) >= decibels


def test_many_dispatches_give_the_bits_of_one(card, monkeypatch):
    arrays = drawn(2, 8, 200, 75)
    whole = on_card(card, arrays, 2)
    monkeypatch.setattr(shaders, "MOST_FLOP", 1)
    x = together(arrays)
    assert len(lower(record(network(arrays, 2), x.shape, {}).operations[0])) == 4
    assert np.array_equal(on_card(card, arrays, 2), whole)


def test_work_per_dispatch_is_limited():
    arrays = drawn(8, 64, 2688, 2688)
    x = together(arrays)
    parts = lower(record(network(arrays, 8), x.shape, {}).operations[0])
    for part in parts:
        tiles, heads, _ = part.workgroups
        assert 64 * tiles * heads * 2688 * 64 * 4 <= 4e9
    assert sum(part.workgroups[0] for part in parts) == 42


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_non_finite_values_stay_in_place(card, value, place):
    arrays = drawn(*SMALL)
    arrays[place][3, 70 - 1] = value
    with np.errstate(invalid="ignore"):
        expected = attention(*arrays, heads=2)
    assert not np.isfinite(expected).all()
    got = on_card(card, arrays, 2)
    assert np.allclose(got, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_one_key_gets_all_weight(card):
    arrays = drawn(*SMALL, spread=1000)
    assert snr(attention(*arrays, heads=2), on_card(card, arrays, 2)) >= SNR - 60


def test_silence(card):
    arrays = [np.zeros_like(a) for a in drawn(*SMALL)]
    assert not on_card(card, arrays, 2).any()
