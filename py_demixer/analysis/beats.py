"""The beats of a song, from its onset envelopes.

The tempo is found by autocorrelation and followed through the song; the beats are the sequence that
is the strongest and most regular, by dynamic programming: Ellis, "Beat Tracking by Dynamic
Programming", Journal of New Music Research 36.1, 2007.

This is code of our own because it has to run in Pyodide with NumPy alone: librosa and madmom need
compiled parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .onsets import RATE, Onsets

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a song.

    Attributes
    ----------
    frames
        Their positions in samples, increasing: ``(beats,)`` int64.
    bpm
        Tempo in beats per minute, the median of the song.
    """

    frames: NDArray[np.int64]
    bpm: float


_BPM = np.geomspace(55, 215, 400)
_COMMON_BPM, _OCTAVES = 115.0, 1.1
"""Mean and standard deviation of the tempi of songs, on a logarithmic scale."""

_BACKBEAT = 3.0
"""How much a snare drum on every second beat counts, compared with the autocorrelation."""

_CHANCE = 0.15
"""What the autocorrelation of snares may reach without any."""

_MULTIPLES = (1, 2, 4)
"""Autocorrelation at the beat, and at groups of two and four."""

_REGULAR = 0.15
"""Autocorrelation below which there is no pulse: chance gives up to 0.1."""

_LEAST = 0.2
"""Least variance of an envelope that counts fully."""

_FEWEST = 8
"""Fewer beats are no pulse."""

_FAINT = 1e-4
"""Drums with less than this of the energy of the others are only what leaks into their stem."""

_ABSENT = 0.01
"""The same for a stretch of the song, compared with the loudest one."""

_SOFTEST = 0.005
"""Envelopes below are silence."""

_CLEAR = 1.0
"""An onset this high, compared with the quadratic mean around it, says where a beat is."""

_WINDOW, _STEP = 12 * RATE, 2 * RATE
_LAGS = round(max(_MULTIPLES) * 60 / _BPM[0] * RATE) + 2
_RATIOS: Array = 1.01 ** np.arange(-15.0, 16.0)
"""Local periods, compared with the song's."""

_RUBATO = 0.3
"""The cost of a change of the local period by one of these ratios, within a step."""

_TIGHTNESS = 300.0
"""Ellis's weight of a regular pulse against strong onsets."""

_WIDTH = 1.5
"""Standard deviation of the window that smoothes envelopes, in values."""

_REACH = round(0.04 * RATE)
"""How far from its beat an onset may be, in values of the envelope."""


def find_beats(drums: Onsets, others: Onsets) -> Beats | None:
    """Find the beats of a song.

    Parameters
    ----------
    drums, others
        Onsets of the drums and of everything else, from the same song.

    Returns
    -------
    Beats | None
        None if there is no regular pulse.
    """
    envelope, snares, accented = _envelopes(drums, others)
    if not envelope.any():
        return None
    pulse, backbeat = _tempogram(envelope), _tempogram(snares)
    period, _ = _period(pulse.mean(axis=0), backbeat.mean(axis=0))
    # Where the tempo drifts, long lags are clear only when that has been undone.
    drift = _drift(pulse, period)
    period, strength = _period(_aligned(pulse, drift), _aligned(backbeat, drift))
    if strength < _REGULAR:
        return None
    periods = period * _drift(pulse, period)
    moments = np.arange(periods.size) * _STEP
    local = np.interp(np.arange(envelope.size), moments, periods)
    places = _sequence(accented, local)
    places = _trimmed(places, envelope)
    if places.size < _FEWEST:
        return None
    exact = np.clip(_refined(places, envelope), 0, envelope.size - 1) * drums.hop
    apart = min(16, exact.size - 1)
    interval = _median(exact[apart:] - exact[:-apart]) / apart
    return Beats(np.round(exact).astype(np.int64), 60 * drums.sample_rate / interval)


def _envelopes(drums: Onsets, others: Onsets) -> tuple[Array, Array, Array]:
    """Normalised envelopes: of all onsets, of the snares, and of what the beats are fitted to.

    Other instruments play many soft notes between beats, so that what is strong counts twice.
    """
    other = _normalised(others.every)
    accented = other + _normalised(others.snares)
    if drums.energy <= _FAINT * others.energy:
        return other, _normalised(others.snares), accented
    strokes = _normalised(drums.every)
    loudness = _moving_mean(drums.every.astype(np.float64) ** 2, 4 * RATE)
    is_playing = loudness > _ABSENT * loudness.max()
    return (
        np.where(is_playing, strokes, other),
        _normalised(drums.snares),
        np.where(is_playing, strokes, accented),
    )


def _normalised(envelope: NDArray[np.float32]) -> Array:
    """Subtract the local mean, and let quiet parts of a song count as much as loud ones."""
    exact = envelope.astype(np.float64)
    above = np.maximum(exact - _moving_mean(exact, RATE // 2), 0)
    level = np.sqrt(_moving_mean(above**2, 4 * RATE))
    return above / np.maximum(level, max(0.2 * level.max(initial=0), _SOFTEST))


def _moving_mean(values: Array, reach: int) -> Array:
    """The mean of ``2 * reach + 1`` values around each."""
    total = np.cumsum(np.pad(values, (reach + 1, reach)))
    width = 2 * reach + 1
    # Differences of sums may be a rounding error below zero.
    return np.maximum(total[width:] - total[:-width], 0) / width


def _smoothed(values: Array) -> Array:
    half = math.ceil(4 * _WIDTH)
    window = np.exp(-0.5 * (np.arange(-half, half + 1) / _WIDTH) ** 2)
    return np.convolve(np.pad(values, half), window / window.sum(), "valid")


def _tempogram(envelope: Array) -> Array:
    """The autocorrelation around each step of the song, ``(steps, lags)``: 1 at lag 0."""
    padded = np.pad(_smoothed(envelope), _WINDOW // 2)
    taper = np.hanning(_WINDOW + 2)[1:-1]
    fading = _products(taper)
    rows = []
    for start in range(0, envelope.size + 1, _STEP):
        window = padded[start : start + _WINDOW]
        mean = (window * taper).sum() / taper.sum()
        row = _products((window - mean) * taper) / fading
        rows.append(row / max(row[0], _LEAST))
    return np.stack(rows)


def _products(signal: Array) -> Array:
    """The sums of products of a signal with itself, delayed by each lag."""
    size = 1 << (signal.size + _LAGS).bit_length()
    return np.fft.irfft(np.abs(np.fft.rfft(signal, size)) ** 2, size)[:_LAGS]


def _at(correlation: Array, lags: Array) -> Array:
    """The autocorrelation between lags."""
    return np.interp(lags, np.arange(_LAGS), correlation)


def _period(pulse: Array, backbeat: Array) -> tuple[float, float]:
    """The period of the beat, and how regular it is.

    Notes are as regular at double and half of the tempo. That snares are on every second beat is
    what tells the beat: their autocorrelation is high at two beats and low at one.

    Parameters
    ----------
    pulse, backbeat
        Autocorrelations of the envelope and of the snares, ``(lags,)``.

    Returns
    -------
    tuple[float, float]
        The period in values of the envelope, and the mean autocorrelation at its multiples.
    """
    lags = 60 * RATE / _BPM
    prior = np.exp(-0.5 * (np.log2(_BPM / _COMMON_BPM) / _OCTAVES) ** 2)
    levels = np.stack([_at(pulse, multiple * lags) for multiple in _MULTIPLES])
    contrast = _at(backbeat, 2 * lags) - np.maximum(_at(backbeat, lags), 0)
    snares = np.maximum(contrast - _CHANCE, 0)
    # Without a pulse at one beat, it is another metre: three beats have a middle, too.
    snares *= np.clip(levels[0] / np.maximum(levels[1], 1e-9), 0, 1)
    weighted = (levels / np.array(_MULTIPLES)[:, None]).sum(axis=0)
    best = int((prior * (np.maximum(weighted, 0) + _BACKBEAT * snares)).argmax())
    return float(lags[best]), float(levels[:, best].mean())


def _aligned(tempogram: Array, drift: Array) -> Array:
    """The mean autocorrelation of the song, ``(lags,)``, as if its tempo did not drift."""
    lags = np.arange(_LAGS)
    rows = [_at(row, lags * ratio) for row, ratio in zip(tempogram, drift, strict=True)]
    mean: Array = np.mean(rows, axis=0)
    return mean


def _drift(tempogram: Array, period: float) -> Array:
    """The period at each step, compared with the song's: the best path (Viterbi's algorithm)."""
    weights = np.array(_MULTIPLES) ** -0.5
    lags = np.outer(_MULTIPLES, period * _RATIOS)
    gains = np.stack([weights @ _at(row, lags) for row in tempogram])
    index = np.arange(_RATIOS.size)
    cost = _RUBATO * (index[:, None] - index) ** 2
    score, choices = gains[0], []
    for gain in gains[1:]:
        total = score - cost
        choices.append(total.argmax(axis=1))
        score = total.max(axis=1) + gain
    path = [int(score.argmax())]
    for choice in reversed(choices):
        path.append(int(choice[path[-1]]))
    return _RATIOS[path[::-1]]


def _sequence(envelope: Array, periods: Array) -> NDArray[np.int64]:
    """The best sequence of beats, as indices of the envelope: Ellis's equations 3 to 6.

    Parameters
    ----------
    envelope
        The onset envelope, ``(n,)``.
    periods
        The local period at each of its values, ``(n,)``.
    """
    lead = 2 * math.ceil(periods[0]) + 1
    score = np.pad(_smoothed(envelope), (lead, 0))
    score /= score.std()
    before = np.full(score.size, -1)
    spans = np.round(2 * np.pad(periods, (lead, 0), "edge")).astype(np.int64)
    # np.unique would import numpy.ma, which the page's snapshot of Python does not have.
    costs = {span: _costs(span) for span in set(spans.tolist())}
    for now, span in enumerate(spans[lead:].tolist(), lead):
        cost = costs[span]
        first = now - span
        if first < 0:
            continue
        choices = score[first : first + cost.size] - cost
        best = int(choices.argmax())
        if choices[best] > 0:
            score[now] += choices[best]
            before[now] = first + best
    last = max(0, score.size - int(spans[-1]))
    places = [last + int(score[last:].argmax())]
    while before[places[-1]] >= 0:
        places.append(int(before[places[-1]]))
    return np.array(places[::-1]) - lead


def _costs(span: int) -> Array:
    """The cost of intervals from ``span``, which is two periods, down to half a period."""
    intervals = np.arange(span, span // 4, -1)
    return _TIGHTNESS * np.log(intervals / (span / 2)) ** 2


def _trimmed(places: NDArray[np.int64], envelope: Array) -> NDArray[np.int64]:
    """Leave out beats before the first onset and after the last one."""
    onsets = np.flatnonzero(envelope > 0.5 * _CLEAR)
    if not onsets.size:
        return places[:0]
    return places[(places >= onsets[0] - _REACH) & (places <= onsets[-1] + _REACH)]


def _refined(places: NDArray[np.int64], envelope: Array) -> Array:
    """Move beats to their onsets, between values of the envelope.

    The maximum of the parabola through three values is within 2 ms of a stroke, for all drums.
    Beats without an onset are put evenly between others.
    """
    padded = np.pad(envelope, _REACH + 1)
    around = padded[places[:, None] + np.arange(2 * _REACH + 3)]
    peaks = around[:, 1:-1].argmax(axis=1)
    left, top, right = (around[np.arange(places.size), peaks + k] for k in range(3))
    bend = np.maximum(2 * top - left - right, 1e-9)
    exact = places + peaks - _REACH + np.clip(0.5 * (right - left) / bend, -0.5, 0.5)
    is_clear = (top > _CLEAR) & (top >= left) & (top >= right)
    clear = np.flatnonzero(is_clear)
    if not clear.size:
        return places.astype(np.float64)
    index = np.arange(places.size)
    is_between = (index > clear[0]) & (index < clear[-1])
    even = np.where(is_between, np.interp(index, clear, exact[clear]), places)
    return np.where(is_clear, exact, even)


def _median(values: NDArray[np.float64]) -> float:
    # np.median would import numpy.ma, which the page's snapshot of Python does not have.
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
