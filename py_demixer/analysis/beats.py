"""The beats of a song, from its onset envelopes.

The tempo is found by autocorrelation, and followed through the song; the beats are the sequence of
onsets that is strongest and most regular, found by dynamic programming: Ellis, "Beat Tracking by
Dynamic Programming", Journal of New Music Research 36.1, 2007.

This is code of our own because it has to run in Pyodide with NumPy alone: librosa and madmom need
compiled parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .onsets import RATE, Onsets

Envelope = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a song.

    Attributes
    ----------
    frames
        Their positions in samples, increasing: ``(beats,)`` int64.
    bpm
        Tempo in beats per minute: that of the median interval.
    """

    frames: NDArray[np.int64]
    bpm: float


MIN_BPM, MAX_BPM = 55.0, 215.0
_COMMON_BPM = 115.0
_OCTAVES = 1.1
"""Standard deviation of tempi around the common one."""

_AUDIBLE = 0.005
_TINY = 1e-9
_BACKBEAT = 3.0

_FAINT = 1e-4
"""Drums with less than this of the others' energy are only what leaks into them."""

_FEWEST = 8
"""Fewer beats than this show no tempo."""

_REGULAR = 0.12
"""Least autocorrelation of an envelope that has beats."""

_TIGHTNESS = 100.0
_SNAP = 0.04  # seconds

_WINDOW = 12 * RATE
_STEP = 2 * RATE
_LAGS = round(4 * 60 / MIN_BPM * RATE) + 2
_DRIFT = 0.01
_STATES = 15


def find_beats(drums: Onsets, others: Onsets) -> Beats | None:
    """Find the beats of a song.

    Parameters
    ----------
    drums, others
        Onset envelopes of the drums, and of everything else.

    Returns
    -------
    Beats | None
        None if there is no regular pulse.
    """
    onsets = drums if drums.energy > _FAINT * others.energy else others
    envelope = _normalised(onsets.all)
    if not envelope.any():
        return None
    local = _tempogram(envelope)
    snares = _normalised(onsets.snares)
    snares_local = _tempogram(snares)
    period, _ = _period(local.mean(axis=0), snares_local.mean(axis=0))
    # Where the tempo drifts, long lags are clear only after that has been undone.
    drift = _drift(local, period)
    period, strength = _period(_aligned(local, drift), _aligned(snares_local, drift))
    if strength < _REGULAR:
        return None
    drift = _drift(local, period)
    moments = np.arange(len(drift)) * _STEP
    places = _sequence(envelope, period * np.interp(np.arange(len(envelope)), moments, drift))
    places = _trimmed(places, envelope)
    if len(places) < _FEWEST:
        return None
    exact = _refined(places, envelope)
    frames = np.round(exact * onsets.hop).astype(np.int64)
    apart = min(8, len(exact) - 1)
    interval = float(np.median(exact[apart:] - exact[:-apart])) / apart
    return Beats(frames, 60 * RATE / interval)


def _smoothed(x: Envelope, sigma: float) -> Envelope:
    half = round(4 * sigma)
    window = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return np.convolve(np.pad(x, half), window / window.sum(), "valid")


def _moving_mean(x: Envelope, width: int) -> Envelope:
    """The mean of ``2 * width + 1`` values around each."""
    total = np.cumsum(np.pad(x, (width + 1, width)))
    return (total[2 * width + 1 :] - total[: -2 * width - 1]) / (2 * width + 1)


def _normalised(x: NDArray[np.floating]) -> Envelope:
    """Take away what is constant, and let quiet parts of the song count as much as loud ones."""
    above = np.maximum(x.astype(np.float64) - _moving_mean(x.astype(np.float64), RATE // 2), 0)
    level = np.sqrt(_moving_mean(above**2, 4 * RATE))
    return above / np.maximum(level, max(0.2 * level.max(), _AUDIBLE))


def _tempogram(envelope: Envelope) -> Envelope:
    """The autocorrelation of windows, ``(windows, lags)``; 1 at lag 0."""
    smooth = _smoothed(envelope, 1.5)
    padded = np.pad(smooth, _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    taper = np.hanning(_WINDOW + 2)[1:-1]
    size = 1 << (_WINDOW + _LAGS).bit_length()

    def correlated(x: Envelope) -> Envelope:
        spectrum = np.fft.rfft(x, size)
        return np.fft.irfft(np.abs(spectrum) ** 2, size)[..., :_LAGS]

    shape = correlated(taper)
    out = []
    for window in windows:
        part = window - (window * taper).sum() / taper.sum()
        values = correlated(part * taper) / shape
        out.append(values / max(values[0], 0.2))
    return np.stack(out)


def _at(correlation: Envelope, lags: Envelope) -> Envelope:
    return np.interp(lags, np.arange(_LAGS), correlation)


def _period(correlation: Envelope, snares: Envelope) -> tuple[float, float]:
    """The period of the beat in frames, and the autocorrelation there."""
    bpm = np.geomspace(MIN_BPM, MAX_BPM, 400)
    lags = 60 * RATE / bpm
    prior = np.exp(-0.5 * (np.log2(bpm / _COMMON_BPM) / _OCTAVES) ** 2)
    once, twice, four = (_at(correlation, k * lags) for k in (1, 2, 4))
    backbeat = np.maximum(_at(snares, 2 * lags) - np.maximum(_at(snares, lags), 0), 0)
    backbeat *= np.clip(once / np.maximum(twice, _TINY), 0, 1)
    score = prior * (np.maximum(once + twice / 2 + four / 4, 0) + _BACKBEAT * backbeat)
    best = int(score.argmax())
    return float(lags[best]), float(_at(correlation, lags[best : best + 1])[0])


def _aligned(local: Envelope, drift: Envelope) -> Envelope:
    """The mean autocorrelation, as if the tempo did not drift."""
    lags = np.arange(_LAGS)
    return np.mean([_at(row, lags * ratio) for row, ratio in zip(local, drift, strict=True)], 0)


def _drift(local: Envelope, period: float) -> Envelope:
    """The period in each window, relative to the song's: the best path (Viterbi)."""
    steps = np.arange(-_STATES, _STATES + 1)
    ratios = (1 + _DRIFT) ** steps
    lags = period * ratios
    gain = np.stack([sum(_at(row, k * lags) / k**0.5 for k in (1, 2, 4)) for row in local])
    cost = 0.3 * (steps[:, None] - steps) ** 2
    score, back = gain[0], []
    for row in gain[1:]:
        total = score - cost
        back.append(total.argmax(axis=1))
        score = total.max(axis=1) + row
    path = [int(score.argmax())]
    for choice in reversed(back):
        path.append(int(choice[path[-1]]))
    return ratios[path[::-1]]


def _sequence(envelope: Envelope, periods: Envelope) -> NDArray[np.int64]:
    """The best sequence of beats, as indices of the envelope: Ellis's equation 4."""
    lead = 2 * math.ceil(periods[0]) + 1
    local = np.pad(_smoothed(envelope, 1.5), (lead, 0))
    local /= local.std()
    periods = np.pad(periods, (lead, 0), "edge")
    score = local.copy()
    before = np.full(len(local), -1)
    tables: dict[int, tuple[int, int, Envelope]] = {}
    for now in range(len(local)):
        period = round(periods[now] * 2)
        if period not in tables:
            steps = np.arange(period, period // 4, -1)
            tables[period] = (
                period,
                period // 4,
                -_TIGHTNESS * np.log(steps / (period / 2)) ** 2,
            )
        far, near, penalty = tables[period]
        if now < far:
            continue
        choices = score[now - far : now - near] + penalty
        best = int(choices.argmax())
        if choices[best] > 0:
            score[now] += choices[best]
            before[now] = now - far + best
    tail = max(0, len(local) - round(2 * periods[-1]))
    places = [tail + int(score[tail:].argmax())]
    while before[places[-1]] >= 0:
        places.append(int(before[places[-1]]))
    return np.array(places[::-1]) - lead


def _trimmed(places: NDArray[np.int64], envelope: Envelope) -> NDArray[np.int64]:
    """Leave out beats before the first and after the last onset."""
    loud = np.flatnonzero(envelope > 0.5)
    if not loud.size:
        return places[:0]
    return places[(places >= loud[0] - 3) & (places <= loud[-1] + 3)]


def _refined(places: NDArray[np.int64], envelope: Envelope) -> Envelope:
    """Move beats to the maxima of the envelope near them, between its values."""
    reach = round(_SNAP * RATE)
    padded = np.pad(envelope, reach + 1)
    around = padded[places[:, None] + np.arange(2 * reach + 3)]
    peak = around[:, 1:-1].argmax(axis=1) + 1
    row = np.arange(len(places))
    left, top, right = (around[row, peak + k] for k in (-1, 0, 1))
    curve = left - 2 * top + right
    shift = np.where(curve < 0, 0.5 * (left - right) / np.minimum(curve, -1e-9), 0)
    exact = places + peak - reach - 1 + np.clip(shift, -0.5, 0.5)
    is_clear = (top > 1) & (top >= left) & (top >= right)
    if is_clear.sum() < 2:
        return places.astype(np.float64)
    return np.where(is_clear, exact, places)
