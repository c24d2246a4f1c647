"""How much begins at each moment of a song: its onset envelopes.

They are the spectral flux of a mel spectrogram on a logarithmic scale: Böck, Krebs & Schedl,
"Evaluating the Online Capabilities of Onset Detection Methods", ISMIR 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from py_demixer.ops.mel import mel_filters

from .frames import Frames

RATE = 100
"""Values of an envelope for each second."""

_SECONDS = 0.023  # of a frame
_MELS = 40
_BATCH = 256

_LIMITS = np.array([0.0, 190.0, 2500.0, np.inf])
"""In hertz: kick drums are strongest in the first band, snares in the second, cymbals above."""

_WEIGHTS = np.array([0.2, 0.4, 0.4], np.float32)
_FINE, _COARSE = np.float32(100), np.float32(10)
"""Factors before the logarithm: with the fine one, soft strokes count nearly as much as loud."""

_RECENT = 5
"""Frames that a rise has to exceed, so that the beating of partials is none."""

_SLOW = 3
"""Frames over which coarse rises are taken: a kick drum's tone begins later than its click."""

_TINY = np.float32(1e-6)


@dataclass(frozen=True, eq=False)
class Onsets:
    """Onset envelopes: value ``k`` is for sample ``k * hop``.

    Attributes
    ----------
    every
        The envelope of all onsets: ``(n,)`` float32.
    snares
        That of strokes whose middle frequencies are stronger than the low ones, ``(n,)`` float32:
        snare drums, but neither kick drums nor cymbals.
    energy
        Mean square of the signal.
    hop
        Distance of values in samples.
    sample_rate
        Sample rate in Hz.
    """

    every: NDArray[np.float32]
    snares: NDArray[np.float32]
    energy: float
    hop: int
    sample_rate: int


class OnsetMeter:
    """Computes the onset envelopes of a mono signal that comes in blocks.

    Parameters
    ----------
    sample_rate
        Sample rate in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._hop = round(sample_rate / RATE)
        size = 1 << round(np.log2(_SECONDS * sample_rate))
        window = np.hanning(size + 1)[:-1]
        self._window = (window / (window.sum() / 2)).astype(np.float32)
        # Filters have area 1 over Hz; times the width of a bin, they compute means.
        filters = mel_filters(sample_rate, size, _MELS) * np.float32(sample_rate / size)
        self._filters = np.ascontiguousarray(filters.T)
        centres = np.fft.rfftfreq(size, 1 / sample_rate)[filters.argmax(axis=1)]
        is_in_band = (centres[:, None] >= _LIMITS[:-1]) & (centres[:, None] < _LIMITS[1:])
        self._bands = (is_in_band / is_in_band.sum(axis=0)).astype(np.float32)
        self._frames = Frames(size, self._hop, _BATCH)
        self._recent = np.zeros((_RECENT, _MELS), np.float32)
        # Half precision, because songs may last for hours.
        self._envelopes = [np.zeros((2, 0), np.float16)]
        self._energies: list[float] = []

    def update(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, ``(n,)`` float32."""
        for frames in self._frames.update(samples):
            self._measure(frames)

    def finish(self) -> Onsets:
        """Return the envelopes of all samples so far."""
        for frames in self._frames.finish():
            self._measure(frames)
        every, snares = np.concatenate(self._envelopes, axis=1).astype(np.float32)
        energy = sum(self._energies) / max(1, every.size)
        return Onsets(every, snares, energy, self._hop, self._sample_rate)

    def _measure(self, frames: NDArray[np.float32]) -> None:
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=1)) @ self._filters
        known = np.concatenate([self._recent, spectra])
        self._recent = known[-_RECENT:]
        every = self._all_rises(known) @ _WEIGHTS
        low, middle, _ = self._coarse_rises(known).T
        snares = middle**2 / (middle + low + _TINY)
        self._envelopes.append(np.stack([every, snares]).astype(np.float16))
        middles = frames[:, (frames.shape[1] - self._hop) // 2 :][:, : self._hop]
        self._energies.append(float(np.square(middles, dtype=np.float64).mean(axis=1).sum()))

    def _all_rises(self, known: NDArray[np.float32]) -> NDArray[np.float32]:
        levels = np.log1p(_FINE * known)
        recent = np.lib.stride_tricks.sliding_window_view(levels[:-1], _RECENT, axis=0)
        return np.maximum(levels[_RECENT:] - recent.max(axis=2), 0) @ self._bands

    def _coarse_rises(self, known: NDArray[np.float32]) -> NDArray[np.float32]:
        levels = np.log1p(_COARSE * known[_RECENT - _SLOW :])
        return np.maximum(levels[_SLOW:] - levels[:-_SLOW], 0) @ self._bands
