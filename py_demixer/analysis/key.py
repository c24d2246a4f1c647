"""The key of a song, from how strong each pitch class is.

The strengths come from the peaks of spectra, whose tuning need not be 440 Hz (Gómez, "Tonal
Description of Polyphonic Audio for Music Content Processing", INFORMS Journal on Computing 18.3,
2006). The key is the one whose profile correlates best with them (Krumhansl, "Cognitive Foundations
of Musical Pitch", 1990), with the profiles of Temperley, "Music and Probability", 2007.

This is code of our own because it has to run in Pyodide with NumPy alone: librosa and madmom need
compiled parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .frames import Frames


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes
    ----------
    tonic
        0 for C to 11 for B.
    mode
        ``"major"`` or ``"minor"``.
    """

    tonic: int
    mode: str


PROFILES = {
    "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
}
"""How often each step above the tonic occurs in a piece's segments (Temperley 2007, table 6.1)."""

_SECONDS = 0.37  # of a frame
_LOWEST, _HIGHEST = 55.0, 2000.0  # hertz
_PARTS = 10
"""Parts of a semitone."""

_FAINTEST = 1e-2
"""Peaks below this, relative to a frame's highest, are ignored."""

_AUDIBLE = 1e-3
_BATCH = 16

_IN_TUNE = 0.1
_ALIKE = 0.5
_APART = 0.01


class PitchMeter:
    """Computes how strong each pitch is in a mono signal that comes in blocks.

    Parameters
    ----------
    sample_rate
        Sample rate in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        size = 1 << round(np.log2(_SECONDS * sample_rate))
        window = np.hanning(size + 1)[:-1]
        self._window = (window / (window.sum() / 2)).astype(np.float32)
        self._spacing = sample_rate / size
        self._frames = Frames(size, size // 2, _BATCH)
        self._strengths = np.zeros(12 * _PARTS)

    def update(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, ``(n,)`` float32."""
        for frames in self._frames.update(samples):
            self._measure(frames)

    def finish(self) -> NDArray[np.float64]:
        """Return the strength of each tenth of a semitone above C, of all octaves: ``(120,)``."""
        self._measure(self._frames.finish())
        return self._strengths

    def _measure(self, frames: NDArray[np.float32]) -> None:
        first, last = (int(limit / self._spacing) for limit in (_LOWEST, _HIGHEST))
        spectra = np.abs(np.fft.rfft(frames * self._window, axis=1))[:, first - 1 : last + 2]
        left, top, right = spectra[:, :-2], spectra[:, 1:-1], spectra[:, 2:]
        heights = np.maximum(_FAINTEST * top.max(axis=1, keepdims=True), _AUDIBLE)
        peaks = np.nonzero((top > left) & (top >= right) & (top > heights))
        low, peak, high = (np.log(x[peaks].astype(np.float64) + 1e-12) for x in (left, top, right))
        shift = 0.5 * (low - high) / (low - 2 * peak + high)
        hertz = (first + peaks[1] + shift) * self._spacing
        pitch = 12 * np.log2(hertz / 440) + 9
        part = np.round(pitch * _PARTS).astype(np.int64) % (12 * _PARTS)
        self._strengths += np.bincount(part, np.exp(0.5 * peak), 12 * _PARTS)


def find_key(strengths: NDArray[np.float64]) -> Key | None:
    """Find the key that explains the strengths of pitches best.

    Parameters
    ----------
    strengths
        From :meth:`PitchMeter.finish`.

    Returns
    -------
    Key | None
        None if no key explains them, or several do.
    """
    total = strengths.sum()
    if total <= 0:
        return None
    turns = np.exp(2j * np.pi * np.arange(12 * _PARTS) / _PARTS)
    centre = (strengths * turns).sum() / total
    if abs(centre) < _IN_TUNE:
        return None
    off = np.angle(centre) / (2 * np.pi) * _PARTS
    places = (np.arange(12 * _PARTS) - off) / _PARTS
    classes = np.bincount(np.round(places).astype(np.int64) % 12, strengths, 12)
    scores = {
        Key(tonic, mode): float(np.corrcoef(classes, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    best, second = sorted(scores, key=lambda key: -scores[key])[:2]
    is_sure = scores[best] > _ALIKE and scores[best] - scores[second] > _APART
    return best if is_sure else None
