"""A small band for tests of beats and keys: drum patterns and cadences with known answers."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RATE = 44100

Pattern = Mapping[str, Sequence[float]]
"""For each instrument, where in a bar of four beats it is struck."""

PATTERNS: Mapping[str, Pattern] = {
    "rock": {"kick": (0, 2, 2.5), "snare": (1, 3), "hat": tuple(np.arange(0, 4, 0.5))},
    "house": {"kick": (0, 1, 2, 3), "snare": (1, 3), "hat": (0.5, 1.5, 2.5, 3.5)},
    "funk": {
        "kick": (0, 0.75, 2.5),
        "snare": (1, 3),
        "ghost": (1.75, 2.25),
        "hat": tuple(np.arange(0, 4, 0.25)),
    },
    "two-step": {"kick": (0, 2.5), "snare": (1, 3), "hat": tuple(np.arange(0, 4, 0.5))},
    "soul": {"kick": (0, 1.5, 2), "snare": (1, 3), "hat": (0, 1, 2, 3)},
    "reggaeton": {"kick": (0, 1, 2, 3), "snare": (0.75, 1.5, 2.75, 3.5)},
    "jazz": {"kick": (0,), "hat": (0, 1, 1.5, 2, 3, 3.5), "snare": (1, 3)},
}
FILL: Pattern = {"kick": (0, 2), "snare": (1, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75), "hat": ()}


@dataclass(frozen=True)
class Take:
    """What the drummer played: ``(2, samples)`` float32, and the beats in seconds."""

    audio: np.ndarray
    beats: np.ndarray


def drums(
    bpm: float,
    pattern: str = "rock",
    *,
    bars: int = 10,
    swing: float = 0.0,
    silence: float = 0.0,
    change: float = 0.0,
    fills: bool = False,
    jitter: float = 0.0,
    seed: int = 0,
) -> Take:
    """Play a pattern.

    Parameters
    ----------
    swing
        How much later the second half of a beat begins, in beats: 1 / 6 is a triplet's.
    silence
        Seconds before the first beat.
    change
        By how much the tempo increases from the first to the last beat: 0.03 is 3 %.
    fills
        Whether every fourth bar ends with a fill.
    jitter
        Standard deviation of the drummer's timing in seconds.
    """
    rng = np.random.default_rng(seed)
    kit = {name: make(rng) for name, make in _KIT.items()}
    beats = np.arange(4 * bars + 1)
    slowness = 1 - change * beats / beats[-1]
    times = silence + np.concatenate([[0], np.cumsum(60 / bpm * slowness[:-1])])
    out = np.zeros(round((times[-1] + 1) * RATE))
    for bar in range(bars):
        strokes = FILL if fills and bar % 4 == 3 else PATTERNS[pattern]
        for name, places in strokes.items():
            for place in places:
                late = swing * np.interp(place % 1, (0, 0.5, 1), (0, 1, 0))
                at = np.interp(4 * bar + place + late, beats, times) + jitter * rng.normal()
                start = max(0, round(at * RATE))
                sound = kit[name] * rng.uniform(0.8, 1.1)
                out[start : start + len(sound)] += sound[: len(out) - start]
    return Take(np.tile(0.5 * out, (2, 1)).astype(np.float32), times[:-1])


def _burst(rng: np.random.Generator, decay: float, smoothing: int = 1) -> np.ndarray:
    hiss = rng.uniform(-1, 1, RATE // 4)
    hiss = np.convolve(hiss, np.ones(smoothing) / smoothing, "same")
    return hiss * np.exp(-decay * np.arange(hiss.size) / RATE)


def _kick(rng: np.random.Generator) -> np.ndarray:
    time = np.arange(RATE // 4) / RATE
    tone = np.sin(2 * np.pi * (50 * time - 3 * np.exp(-40 * time)))
    return tone * np.exp(-14 * time) + 0.1 * _burst(rng, 300)


def _snare(rng: np.random.Generator) -> np.ndarray:
    time = np.arange(RATE // 4) / RATE
    return 0.6 * _burst(rng, 20, 3) + 0.4 * np.sin(2 * np.pi * 190 * time) * np.exp(-25 * time)


_KIT = {
    "kick": _kick,
    "snare": _snare,
    "ghost": lambda rng: 0.12 * _snare(rng),
    "hat": lambda rng: 0.15 * np.diff(_burst(rng, 60), prepend=0),
}


def cadence(
    tonic: int, mode: str, *, cents: float = 0.0, repeats: int = 1
) -> dict[str, np.ndarray]:
    """Play I-IV-V-I (i-iv-v-i) with a bass: ``{"bass": ..., "other": ...}``, a chord a second.

    Parameters
    ----------
    tonic
        0 for C to 11 for B.
    mode
        ``"major"`` or ``"minor"``.
    cents
        By how much everything is too high.
    """
    third = 4 if mode == "major" else 3
    parts: dict[str, list[np.ndarray]] = {"bass": [], "other": []}
    for step in (0, 5, 7, 0) * repeats:
        root = 48 + tonic + step
        chord = (root, root + third, root + 7, root + 12)
        parts["bass"].append(tone(root - 12, cents))
        parts["other"].append(sum(tone(note, cents) for note in chord) / 4)
    return {
        name: np.tile(0.3 * np.concatenate(tones), (2, 1)).astype(np.float32)
        for name, tones in parts.items()
    }


@functools.cache
def tone(note: float, cents: float = 0.0) -> np.ndarray:
    """A second of a decaying tone with six harmonics, given as a MIDI number."""
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * 440 * 2 ** ((note - 69 + cents / 100) / 12) * time
    tone = sum(np.sin(k * phase) / k**1.3 for k in range(1, 7))
    return tone * np.exp(-1.5 * time) * np.minimum(1, time / 0.01)
