"""Score a model's stems of a song against the true stems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from py_demixer.audio.decode import Warn
from py_demixer.errors import EvaluationError
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.separation.processes import Workers
from py_demixer.separation.separate import separate
from py_demixer.separation.tasks import Progress

from .datasets import MIXTURE, Track, load_references
from .metrics import Frames, bss_eval
from .spectra import METRICS as SPECTRAL
from .spectra import spectral_scores

OTHER = "other"
"""The true stem that contains everything without a stem of its own."""


def score(
    track: Track,
    model: Model,
    options: planning.Options,
    *,
    workers: Workers | None = None,
    progress: Progress | None = None,
    warn: Warn = lambda sentence: None,
) -> dict[str, Frames]:
    """Separate a song and compare its stems with the true ones.

    Stems of the model without a true stem (such as a guitar, for MUSDB18) are added to ``other``,
    to which they belong in the true stems. A residual does not count as a stem.

    Parameters
    ----------
    track
        The song, from :func:`py_demixer.evaluation.datasets.find_tracks`.
    model, options, workers, progress
        See :func:`py_demixer.separate`.
    warn
        Called with a sentence if a file could be read, but with problems.

    Returns
    -------
    dict[str, Frames]
        The scores of each stem: those of :func:`py_demixer.evaluation.metrics.bss_eval` and, as
        lists of one number, of :func:`py_demixer.evaluation.spectra.spectral_scores`.

    Raises
    ------
    EvaluationError
        There are no true stems, or the song is too short.
    AudioError
        A file cannot be read.
    """
    if not track.stems(model.sources):
        raise EvaluationError(f"{track.path} has none of the stems {', '.join(model.sources)}.")
    mixture = track.load(MIXTURE, model.sample_rate, warn)
    references = load_references(track, model.sources, mixture, model.sample_rate, warn)
    unknown = [name for name in model.sources if name not in references]
    if options.stems and OTHER in options.stems and OTHER in references:
        options = replace(options, stems=tuple({*options.stems, *unknown}))
    stems = separate(mixture, model, options, workers=workers, progress=progress)
    estimates = {name: stem for name, stem in stems.items() if name in references}
    if OTHER in estimates:
        estimates[OTHER] = sum((stems[name] for name in unknown), estimates[OTHER])
    found = bss_eval(references, estimates, model.sample_rate)
    return {
        name: {**frames, **_spectral(references[name], estimates[name], model.sample_rate)}
        for name, frames in found.items()
    }


def _spectral(
    reference: NDArray[np.float32], estimate: NDArray[np.float32], sample_rate: int
) -> Frames:
    """The scores that are one number for the whole song; none if the estimate is silent."""
    if not np.any(estimate):
        return {metric: [None] for metric in SPECTRAL}
    values = spectral_scores(reference, estimate, sample_rate)
    return {metric: [value] for metric, value in values.items()}
