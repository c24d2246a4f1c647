"""Tempo, beats and key of a separated song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from py_demixer.separation.separate import Stems

from .beats import Beats, find_beats
from .key import Key, PitchMeter, find_key
from .onsets import OnsetMeter

__all__ = ["Analyser", "Analysis", "Beats", "Key", "analyse"]

_BLOCK = 1 << 18  # samples

_DRUMS = ("drum", "percussion")
"""What stems with the beat have in their names."""


@dataclass(frozen=True)
class Analysis:
    """What is known about a song.

    Attributes
    ----------
    beats
        Its beats and tempo; None if it has no regular pulse.
    key
        Its key; None if none is clear.
    """

    beats: Beats | None
    key: Key | None


class Analyser:
    """Analyses a separated song that comes in blocks.

    Beats are those of the drums, where there are any, otherwise of everything else, in which the
    key is found, too. The memory grows by 3 MB for each hour of the song.

    Parameters
    ----------
    sources
        Names of the stems.
    sample_rate
        Sample rate in Hz.
    """

    def __init__(self, sources: Sequence[str], sample_rate: int) -> None:
        self._is_drums = [any(word in name.lower() for word in _DRUMS) for name in sources]
        self._drums, self._others = OnsetMeter(sample_rate), OnsetMeter(sample_rate)
        self._pitches = PitchMeter(sample_rate)

    def update(self, stems: NDArray[np.float32]) -> None:
        """Take in the next samples of all stems.

        Parameters
        ----------
        stems
            ``(sources, channels, n)`` float32. The lengths of blocks do not affect the result.

        Raises
        ------
        ValueError
            There are more or fewer stems than names.
        """
        drums, others = (np.zeros(stems.shape[2], np.float32) for _ in range(2))
        for is_drums, stem in zip(self._is_drums, stems, strict=True):
            part = drums if is_drums else others
            # One channel after the other, so that the order of additions is always the same.
            for channel in stem:
                np.add(part, channel, out=part)
        drums, others = (part / np.float32(stems.shape[1]) for part in (drums, others))
        self._drums.update(drums)
        self._others.update(others)
        self._pitches.update(others)

    def finish(self) -> Analysis:
        """Return the analysis of all samples so far."""
        beats = find_beats(self._drums.finish(), self._others.finish())
        return Analysis(beats, find_key(self._pitches.finish()))


def analyse(stems: Stems) -> Analysis:
    """Find tempo, beats and key of a separated song.

    Parameters
    ----------
    stems
        From :func:`py_demixer.separate`: all stems, or some of them.

    Returns
    -------
    Analysis
        The beats, from the first sample of the stems, and the key.
    """
    analyser = Analyser(stems.sources, stems.sample_rate)
    for start in range(0, stems.audio.shape[2], _BLOCK):
        analyser.update(stems.audio[:, :, start : start + _BLOCK])
    return analyser.finish()
