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
_LOW = 150.0  # hertz: kick drums are below, snares mostly above
_COMPRESSION = 1000.0
_BATCH = 256


@dataclass(frozen=True)
class Onsets:
    """Onset envelopes: value ``k`` is for the sample ``k * hop``.

    Attributes
    ----------
    all, low
        The envelopes of all frequencies and of the low ones, ``(n,)`` float32.
    energy
        Mean square of the signal.
    hop
        Distance of values in samples.
    """

    all: NDArray[np.float32]
    low: NDArray[np.float32]
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
        self._lows = int((centres < _LOW).sum())
        self._frames = Frames(size, self.hop, _BATCH)
        self._last = np.zeros((1, _MELS), np.float32)
        self._envelopes: list[NDArray[np.float16]] = []
        self._energies: list[float] = []

    def update(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, ``(n,)`` float32."""
        for frames in self._frames.update(samples):
            self._measure(frames)

    def finish(self) -> Onsets:
        """Return the envelopes of all samples so far."""
        self._measure(self._frames.finish())
        every, low = np.concatenate(self._envelopes, axis=1).astype(np.float32)
        energy = sum(self._energies) / max(1, every.size)
        return Onsets(every, low, energy, self.hop)

    def _measure(self, frames: NDArray[np.float32]) -> None:
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=1))
        levels = np.log1p(_COMPRESSION * (spectra @ self._filters))
        rises = np.maximum(np.diff(levels, axis=0, prepend=self._last), 0)
        self._last = levels[-1:] if len(levels) else self._last
        envelopes = rises.mean(axis=1), rises[:, : self._lows].mean(axis=1)
        self._envelopes.append(np.stack(envelopes).astype(np.float16))
        middles = frames[:, (frames.shape[1] - self.hop) // 2 :][:, : self.hop]
        self._energies.append(float(np.square(middles, dtype=np.float64).mean(axis=1).sum()))
