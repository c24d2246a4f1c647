"""Compare a song's stems with those of the PyTorch originals, for the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.audio.decode import Warn
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.separation.processes import Workers
from py_demixer.separation.recurrent import OpenUnmixOptions
from py_demixer.separation.separate import separate
from py_demixer.separation.tasks import Progress
from py_demixer.weights.checkpoint import Checkpoint

from .datasets import MIXTURE, Track, load_references
from .metrics import bss_eval, decibels, median

PACKAGES = ("torch", "demucs", "openunmix")

NEARLY_SILENT = -50.0
"""Level in dB relative to the mixture. For quieter stems, the error is compared with the mixture
and not with the stem: such a stem is mostly rounding errors of steps that cancel, in PyTorch
too."""

LEAST = 100.0
"""Required signal-to-noise ratio of every stem in dB; the numbers are then practically equal."""

LEAST_REFINED = 85.0
"""The same after expectation maximisation, which divides by numbers that may be almost zero."""


@dataclass(frozen=True)
class Likeness:
    """How a stem compares with PyTorch's.

    Attributes
    ----------
    level
        Level of the stem relative to the mixture in dB; None for digital silence.
    nearly_silent
        Whether the level is so low that ratios in dB are relative to the mixture, not to the stem.
    ours
        Signal-to-noise ratio in dB of this package's stem, with PyTorch's in float64 as the signal;
        None if they are equal.
    pytorch
        The same for PyTorch's stem in float32, which is what its users get.
    sdr, sdr_pytorch
        SDR by BSS Eval of both (PyTorch's in float64); None if there is no true stem.
    """

    level: float | None
    nearly_silent: bool
    ours: float | None
    pytorch: float | None
    sdr: float | None = None
    sdr_pytorch: float | None = None

    def reaches(self, bound: float) -> bool:
        """Whether the signal-to-noise ratio of our stem is at least ``bound``, in dB."""
        return self.ours is None or self.ours >= bound


def compare(
    track: Track,
    model: Model,
    weights: Checkpoint,
    options: planning.Options,
    *,
    original: Path | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
    warn: Warn = lambda sentence: None,
) -> dict[str, Likeness]:
    """Separate a song with this package, and with PyTorch in float64 and in float32.

    Parameters
    ----------
    track
        The song, from :func:`py_demixer.evaluation.datasets.find_tracks`.
    model, options, workers, progress
        See :func:`py_demixer.separate`.
    weights
        The content of the model's weight file.
    original
        A checkout of the original, for SCNet.
    warn
        Called with a sentence if a file could be read, but with problems.

    Returns
    -------
    dict[str, Likeness]
        The comparison for each stem.

    Raises
    ------
    EvaluationError
        The song is too short for BSS Eval, or the original cannot be run like this.
    AudioError
        A file cannot be read.
    ImportError
        PyTorch, demucs or openunmix is not installed.
    """
    from . import pytorch

    mixture = track.load(MIXTURE, model.sample_rate, warn)
    there = track.stems(model.sources)
    references = load_references(track, there, mixture, model.sample_rate, warn)
    exact, single = (
        pytorch.separate(mixture, weights, options, double=double, original=original)
        for double in (True, False)
    )
    ours = separate(mixture, model, options, workers=workers, progress=progress)
    sdr, sdr_pytorch = (_sdr(references, stems, model.sample_rate) for stems in (ours, exact))
    return {
        name: likeness(
            mixture, exact[name], ours[name], single[name], sdr.get(name), sdr_pytorch.get(name)
        )
        for name in ours
    }


def likeness(
    mixture: NDArray[np.float32],
    exact: NDArray[np.floating],
    ours: NDArray[np.float32],
    single: NDArray[np.floating],
    sdr: float | None = None,
    sdr_pytorch: float | None = None,
) -> Likeness:
    """Compare one stem.

    Parameters
    ----------
    mixture
        ``(channels, samples)``.
    exact, ours, single
        The stem from PyTorch in float64, from this package, and from PyTorch in float32.
    sdr, sdr_pytorch
        See :class:`Likeness`.
    """
    level = decibels(_power(exact), _power(mixture))
    nearly_silent = level < NEARLY_SILENT
    signal = _power(mixture if nearly_silent else exact)
    return Likeness(
        _finite(level),
        nearly_silent,
        _finite(decibels(signal, _power(ours - exact))),
        _finite(decibels(signal, _power(single - exact))),
        sdr,
        sdr_pytorch,
    )


def least(options: planning.Options) -> float:
    """The signal-to-noise ratio in dB that every stem must reach with these options."""
    refined = isinstance(options, OpenUnmixOptions) and options.niter > 0
    return LEAST_REFINED if refined else LEAST


def _sdr(
    references: Mapping[str, NDArray[np.float32]],
    stems: Mapping[str, NDArray[np.float32]],
    sample_rate: int,
) -> dict[str, float | None]:
    """The SDR of the stems whose true stem is known."""
    known = {name: stem for name, stem in stems.items() if name in references}
    frames = bss_eval(references, known, sample_rate) if known else {}
    return {name: median(found)["SDR"] for name, found in frames.items()}


def _power(stem: NDArray[np.floating]) -> float:
    return float(np.sum(np.square(stem, dtype=np.float64)))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
