"""The spectrogram and its inverse on the card, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from py_demixer.gpu import transform
from py_demixer.gpu.lowering import lower
from py_demixer.ops.fourier import row_signals, row_spectra
from py_demixer.ops.stft import analyse, synthesise
from py_demixer.program.record import record
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.gpu.test_norm import EXAMPLES

LENGTHS = st.sampled_from([8, 16, 24, 40, 64, 72, 88, 128, 200, 512, 2048, 4096])


def analysed(n_fft: int):
    return lambda x: analyse(x, n_fft=n_fft)


def synthesised(n_fft: int, length: int):
    return lambda z: synthesise(z, n_fft=n_fft, length=length)


def compare(card, network, x: np.ndarray) -> None:
    expected = network(x)
    got = card.compile(network, x.shape, {})(x)
    assert got.shape == expected.shape
    assert snr(expected, got) >= SNR


def test_transforms_of_the_network(card):
    compare(card, analysed(4096), cases.random("x", 2, 343980))
    compare(card, synthesised(4096, 343980), cases.random("z", 16, 2048, 336))


@EXAMPLES
@given(st.integers(1, 3), st.integers(1, 20_000), LENGTHS)
@example(1, 1, 4096)
@example(2, 30, 64)
def test_any_transform(card, channels, length, n_fft):
    x = cases.random("x", channels, length)
    compare(card, analysed(n_fft), x)
    # No signal has such a spectrum: overlapping windows contradict each other.
    frames = -(-length // (n_fft // 4))
    z = cases.random("z", 2 * channels, n_fft // 2, frames)
    compare(card, synthesised(n_fft, length), z)


def test_round_trip(card):
    x = cases.random("x", 2, 5000)
    network = lambda x: synthesise(analyse(x, n_fft=512), n_fft=512, length=5000)  # noqa: E731
    # The round trip loses the highest frequency, which here has only noise.
    assert snr(network(x), card.compile(network, x.shape, {})(x)) >= SNR


def test_channels_in_several_batches(card, monkeypatch):
    z, network = cases.random("z", 6, 32, 50), synthesised(64, 800)
    whole = card.compile(network, z.shape, {})(z)
    monkeypatch.setattr(transform, "WINDOW_BYTES", 2 * 4 * 50 * 64)
    assert len(lower(record(network, z.shape, {}).operations[0])) == 4
    assert np.array_equal(card.compile(network, z.shape, {})(z), whole)


@pytest.mark.parametrize("positions", [238, 2 * 211])
def test_rows_in_several_dispatches(card, monkeypatch, positions):
    x = cases.random("rows", 3, 5, positions)

    def network(x):
        return row_signals(row_spectra(x))

    assert snr(x, card.compile(network, x.shape, {})(x)) >= SNR
    whole = card.compile(row_spectra, x.shape, {})(x)
    monkeypatch.setattr(transform, "MOST_FLOP", 4 * transform._flop(positions // 2))
    assert len(lower(record(row_spectra, x.shape, {}).operations[0])) == 4
    assert np.array_equal(card.compile(row_spectra, x.shape, {})(x), whole)


def test_long_transforms_of_rows_are_divided():
    """A prime number of points takes as many operations as a matrix product."""
    assert transform._flop(256) == 8 * 256 * 16
    assert transform._flop(211) == 8 * 211 * 211
    parts = lower(record(row_spectra, (128, 2049, 2 * 1021), {}).operations[0])
    for part in parts:
        rows = part.workgroups[0] * part.workgroups[1]
        assert rows * 8 * 1021 * 1021 <= 1.2 * transform.MOST_FLOP


def test_frames_too_long_for_a_workgroup_are_refused():
    with pytest.raises(ValueError, match="Frames have 4104 samples"):
        lower(record(analysed(4104), (1, 9000), {}).operations[0])


def test_silence(card):
    silence = np.zeros((2, 3000), np.float32)
    assert not card.compile(analysed(512), silence.shape, {})(silence).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_values_affect_exactly_their_frames(card, value):
    x = cases.random("x", 1, 3000)
    x[0, 1000] = value
    with np.errstate(invalid="ignore"):
        expected = analyse(x, n_fft=64)
    got = card.compile(analysed(64), x.shape, {})(x)
    # At some of these frequencies, NumPy's real transform is finite.
    frames = 0, 1
    assert np.array_equal(np.isfinite(got).all(axis=frames), np.isfinite(expected).all(axis=frames))
