"""A song's stems by this package, against those of the PyTorch originals with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
"""dB against the mixture. Of quieter stems the error is compared with the mixture, not with the
stem itself: what is left there is the rounding of steps that cancel, for PyTorch as for us."""

LEAST = 100.0
"""dB, of every stem: where the numbers are as good as equal."""

LEAST_REFINED = 85.0
"""dB, after expectation maximisation, which divides by what may be almost nothing."""


@dataclass(frozen=True)
class Likeness:
    """How a stem compares with the one of PyTorch.

    Attributes
    ----------
    level
        Of the stem against the mixture, in dB; None where it is digital silence.
    nearly_silent
        Whether that is so little that ratios in dB are to the mixture, not to the stem.
    ours
        Signal-to-noise ratio in dB of the stem of this package, where PyTorch's in float64 is the
        signal; None where they are equal.
    pytorch
        The same of PyTorch's own in float32: what its users hear.
    sdr, sdr_pytorch
        By BSS Eval, of both (PyTorch's in float64); None where there is no true stem.
    """

    level: float | None
    nearly_silent: bool
    ours: float | None
    pytorch: float | None
    sdr: float | None = None
    sdr_pytorch: float | None = None

    def reaches(self, bound: float) -> bool:
        """Whether our stem is as close to PyTorch's."""
        return self.ours is None or self.ours >= bound


def compare(
    track: Track,
    model: Model,
    weights: Checkpoint,
    options: planning.Options,
    *,
    workers: Workers | None = None,
    progress: Progress | None = None,
    warn: Warn = lambda sentence: None,
) -> dict[str, Likeness]:
    """Separate a song by this package, and by PyTorch in float64 and in float32.

    Parameters
    ----------
    track
        From :func:`py_demixer.evaluation.datasets.find_tracks`.
    model, options, workers, progress
        See :func:`py_demixer.separate`.
    weights
        What the model was made of.
    warn
        Called with a sentence when a file was read, but with complaints.

    Returns
    -------
    dict[str, Likeness]
        By stem.

    Raises
    ------
    EvaluationError
        The song is too short for BSS Eval.
    AudioError
        A file cannot be read.
    ImportError
        PyTorch, demucs or openunmix is not installed.
    """
    from . import pytorch

    mixture = track.load(MIXTURE, model.sample_rate, warn)
    there = track.stems(model.sources)
    references = load_references(track, there, mixture, model.sample_rate, warn)
    exact = pytorch.separate(mixture, weights, options, double=True)
    single = pytorch.separate(mixture, weights, options, double=False)
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
        The stem by PyTorch in float64, by this package, by PyTorch in float32.
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
    """What a stem must reach, in dB, for us to say that we are as exact as we claim."""
    refined = isinstance(options, OpenUnmixOptions) and options.niter > 0
    return LEAST_REFINED if refined else LEAST


def _sdr(
    references: Mapping[str, NDArray[np.float32]],
    stems: Mapping[str, NDArray[np.float32]],
    sample_rate: int,
) -> dict[str, float | None]:
    """Of those stems of which the true one is known."""
    known = {name: stem for name, stem in stems.items() if name in references}
    frames = bss_eval(references, known, sample_rate) if known else {}
    return {name: median(found)["SDR"] for name, found in frames.items()}


def _power(stem: NDArray[np.floating]) -> float:
    return float(np.sum(np.square(stem, dtype=np.float64)))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
