"""BSS Eval, version 4, computed by museval: the components of a stem's error.

An estimate is decomposed into the true stem, the true stem distorted by a filter of 512 taps
(spatial distortion), the other stems through such filters (interference), and the rest (artifacts).
The four ratios, in dB, are computed in windows of a second, with one set of filters for the whole
song; a song's score is the median over windows. References: Vincent, Gribonval & Fevotte, IEEE
TASLP 14.4 (2006); Stoter, Liutkus & Ito, LVA/ICA 2018.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import EvaluationError
from py_demixer.extras import require_alone

METRICS = ("SDR", "SIR", "ISR", "SAR")
WINDOW_SECONDS = 1.0

Frames = Mapping[str, list[float | None]]
"""For each metric, the values of all windows; None for a window in which a stem is silent."""


def bss_eval(
    references: Mapping[str, NDArray[np.float32]],
    estimates: Mapping[str, NDArray[np.float32]],
    sample_rate: int,
) -> dict[str, Frames]:
    """Score the estimates of a song's stems.

    Parameters
    ----------
    references
        The true stems by name, ``(channels, samples)``. Stems that are silent throughout are left
        out: there is nothing to compare with, and they cannot interfere.
    estimates
        Estimates of some or all of them. If lengths differ, the common beginning is scored.
    sample_rate
        Sample rate in Hz.

    Returns
    -------
    dict[str, Frames]
        The scores of each estimate whose reference is not silent.

    Raises
    ------
    EvaluationError
        The song is shorter than a window.
    MissingPackageError
        museval is not installed.
    """
    heard = {name: stem for name, stem in references.items() if np.any(stem)}
    window = round(WINDOW_SECONDS * sample_rate)
    stems = (*heard.values(), *estimates.values())
    length = min((stem.shape[1] for stem in stems), default=0) if heard else 0
    if length < window:
        raise EvaluationError(
            f"A song of {length / sample_rate:.2f} s cannot be evaluated: the metrics need "
            f"at least one window of {WINDOW_SECONDS:g} s."
        )
    # An estimate's scores do not depend on other estimates, so references replace missing ones.
    given = {name: estimates.get(name, stem) for name, stem in heard.items()}
    silent = {name for name, stem in given.items() if not np.any(stem[:, :length])}
    given |= {name: heard[name] for name in silent}
    values = museval().bss_eval(
        _stacked(heard, length),
        _stacked(given, length),
        window=window,
        hop=window,
        compute_permutation=False,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    sdr, isr, sir, sar, _ = values
    by_metric = {"SDR": sdr, "SIR": sir, "ISR": isr, "SAR": sar}
    return {
        name: {
            metric: [None] * len(rows[place])
            if name in silent
            else [_finite(value) for value in rows[place]]
            for metric, rows in by_metric.items()
        }
        for place, name in enumerate(heard)
        if name in estimates
    }


def museval() -> Any:
    """Import the metrics of the package museval.

    Only this module is imported: the package itself imports stempeg, which fails on a machine
    without ffmpeg and ffprobe, and the metrics need neither.

    Raises
    ------
    MissingPackageError
        museval is not installed.
    """
    return require_alone("museval", "metrics", "evaluate")


def snr(estimate: NDArray[np.inexact], reference: NDArray[np.inexact]) -> float:
    """Signal-to-noise ratio in dB, where the noise is the difference; both may be complex."""
    wanted = reference.astype(np.result_type(reference, np.float64))
    error = float(np.sum(np.abs(estimate - wanted) ** 2))
    return decibels(float(np.sum(np.abs(wanted) ** 2)), error)


def decibels(power: float, other: float) -> float:
    """The ratio of two powers in dB; infinite if one of them is zero."""
    if other == 0 or power == 0:
        return math.inf if power > 0 or other == 0 else -math.inf
    return 10 * math.log10(power / other)


def median(frames: Frames) -> dict[str, float | None]:
    """A song's scores: for each metric, the median over the windows that have a value."""
    return {metric: median_of(values) for metric, values in frames.items()}


def median_of(values: list[float | None]) -> float | None:
    """The median of the values that are not None; None if there are none."""
    there = [value for value in values if value is not None]
    return float(np.median(there)) if there else None


def _stacked(stems: Mapping[str, NDArray[np.float32]], length: int) -> NDArray[np.float64]:
    """Stack stems as ``(stems, samples, channels)`` float64, the layout that museval needs."""
    return np.stack([stem[:, :length].T for stem in stems.values()]).astype(np.float64)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
