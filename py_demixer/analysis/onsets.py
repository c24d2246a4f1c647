"""How much begins at each moment of a song: its onset envelope.

The envelope is the spectral flux of a mel spectrogram on a logarithmic scale: Böck, Krebs & Schedl,
"Evaluating the Online Capabilities of Onset Detection Methods", ISMIR 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from py_demixer.evaluation.spectra import mel_filters

from .frames import Frames

RATE = 100
"""Values of an envelope for each second."""

_SECONDS = 0.023  # of a frame
_MELS = 40
_LIMITS = (0.0, 190.0, 2500.0, np.inf)
"""In hertz: kick drums are strongest in the first band, snares in the second, cymbals above."""
_WEIGHTS = (0.2, 0.4, 0.4)
_FINE, _COARSE = np.float32(100), np.float32(10)
"""Factors before the logarithm: with the fine one, soft strokes are as clear as loud ones."""

_SPAN = 5
"""A rise is one above the highest of so many frames before, so that beating partials are none."""

_SLOW = 3
"""The frames over which coarse rises are taken: a kick drum's low tone is slower than its click."""

_BATCH = 256
_TINY = np.float32(1e-6)


@dataclass(frozen=True)
class Onsets:
    """Onset envelopes: value ``k`` is for the sample ``k * hop``.

    Attributes
    ----------
    all
        The envelope of all frequencies: ``(n,)`` float32.
    snares
        That of strokes whose middle frequencies are stronger than the low ones, like a snare
        drum's, ``(n,)`` float32; cymbals have hardly any.
    energy
        Mean square of the signal.
    hop
        Distance of values in samples.
    """

    all: NDArray[np.float32]
    snares: NDArray[np.float32]
    energy: float
    hop: int


class OnsetMeter:
    """Computes the onset envelopes of a mono signal that comes in blocks.

    Parameters
    ----------
    sample_rate
        Sample rate in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = round(sample_rate / RATE)
        size = 1 << round(np.log2(_SECONDS * sample_rate))
        window = np.hanning(size + 1)[:-1]
        self._window = (window / (window.sum() / 2)).astype(np.float32)
        # Filters have area 1 over Hz; times the width of a bin, they compute means.
        filters = mel_filters(sample_rate, size, _MELS) * np.float32(sample_rate / size)
        self._filters = np.ascontiguousarray(filters.T)
        centres = np.fft.rfftfreq(size, 1 / sample_rate)[filters.argmax(axis=1)]
        bands = (centres >= np.array(_LIMITS)[:-1, None]) & (centres < np.array(_LIMITS)[1:, None])
        self._bands = (bands / bands.sum(axis=1, keepdims=True)).astype(np.float32).T
        self._weights = self._bands @ np.array(_WEIGHTS, np.float32)
        self._frames = Frames(size, self.hop, _BATCH)
        self._last = np.zeros((_SPAN, _MELS), np.float32)
        self._envelopes: list[NDArray[np.float16]] = []
        self._energies: list[float] = []

    def update(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, ``(n,)`` float32."""
        for frames in self._frames.update(samples):
            self._measure(frames)

    def finish(self) -> Onsets:
        """Return the envelopes of all samples so far."""
        self._measure(self._frames.finish())
        every, snares = np.concatenate(self._envelopes, axis=1).astype(np.float32)
        energy = sum(self._energies) / max(1, every.size)
        return Onsets(every, snares, energy, self.hop)

    def _measure(self, frames: NDArray[np.float32]) -> None:
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=1)) @ self._filters
        known = np.concatenate([self._last, spectra])
        self._last = known[-_SPAN:]
        levels = np.log1p(_FINE * known)
        before = np.lib.stride_tricks.sliding_window_view(levels[:-1], _SPAN, axis=0).max(axis=2)
        fine = np.maximum(levels[_SPAN:] - before, 0) @ self._weights
        levels = np.log1p(_COARSE * known[_SPAN - _SLOW :])
        coarse = np.maximum(levels[_SLOW:] - levels[:-_SLOW], 0) @ self._bands
        snares = coarse[:, 1] ** 2 / (coarse[:, 0] + coarse[:, 1] + _TINY)
        self._envelopes.append(np.stack([fine, snares]).astype(np.float16))
        middles = frames[:, (frames.shape[1] - self.hop) // 2 :][:, : self.hop]
        self._energies.append(float(np.square(middles, dtype=np.float64).mean(axis=1).sum()))
