"""Synthetic test signals: a song with drums, bass, chords and a voice, and noise.

The song is rounded to 16 bits, so that the last bits of another machine's sine do not matter.
"""

from __future__ import annotations

import functools

import numpy as np

RATE = 44100
_BEAT = RATE // 2


@functools.cache
def song(seconds: float) -> np.ndarray:
    """The first seconds of the song: ``(2, samples)`` float32 of 16-bit values, read-only."""
    n = round(seconds * RATE)
    mixture = sum(part(n) for part in _PARTS.values())
    rounded = (np.round(np.clip(mixture, -1, 1) * 32767) / 32768).astype(np.float32)
    rounded.flags.writeable = False
    return rounded


def track(seconds: float) -> dict[str, np.ndarray]:
    """The song and its true stems, scaled so that they sum to it: ``(2, samples)`` each."""
    n = round(seconds * RATE)
    stems = {name: (0.8 * part(n)).astype(np.float32) for name, part in _PARTS.items()}
    return {"mixture": sum(stems.values())} | stems


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Stereo white noise, ``(2, samples)`` float32."""
    values = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, round(seconds * RATE)))
    return values.astype(np.float32)


def _drums(n: int) -> np.ndarray:
    """A kick on each beat, a snare on every second one, hats on the off-beats."""
    rng = np.random.default_rng(1)
    out = np.zeros((2, n + _BEAT))
    time = np.arange(_BEAT) / RATE
    hiss = rng.uniform(-1, 1, (2, _BEAT))
    kick = np.sin(2 * np.pi * (50 * time - 6 * np.exp(-30 * time))) * np.exp(-9 * time)
    snare = (hiss + np.sin(2 * np.pi * 190 * time)) * np.exp(-18 * time)
    hat = np.diff(hiss, prepend=0) * np.exp(-60 * time)
    for beat in range(-(-n // _BEAT)):
        at = beat * _BEAT
        out[:, at : at + _BEAT] += 0.5 * kick
        out[:, at + _BEAT // 2 :][:, :_BEAT] += 0.12 * hat[:, : out.shape[1] - at - _BEAT // 2]
        if beat % 2:
            out[:, at : at + _BEAT] += 0.2 * snare
    return out[:, :n]


def _bass(n: int) -> np.ndarray:
    """A plucked line of low notes with five harmonics, in the middle."""
    phase, envelope = _notes(n, (55.0, 55.0, 65.41, 49.0), _BEAT, decay=3.0)
    tone = sum(np.sin(k * phase) / k for k in range(1, 6))
    return np.tile(0.16 * tone * envelope, (2, 1))


def _chords(n: int) -> np.ndarray:
    """Slow triads, panned apart."""
    out = np.zeros((2, n))
    for pan, (root, ratio) in zip(
        (0.2, 0.5, 0.8), ((220.0, 1), (220.0, 1.26), (220.0, 1.5)), strict=True
    ):
        notes = tuple(root * ratio * step for step in (1, 0.8909, 1.1892, 0.7492))
        phase, envelope = _notes(n, notes, 4 * _BEAT, decay=0.5)
        tone = sum(np.sin(k * phase) / k**1.5 for k in (1, 2, 3, 4))
        out += 0.04 * np.outer((1 - pan, pan), tone * envelope)
    return out


def _voice(n: int) -> np.ndarray:
    """A sung line that Demucs classifies as vocals: gliding vowels with vibrato, and consonants."""
    syllable = 0.32 * RATE
    index = (np.arange(n) // syllable).astype(np.int64)
    since = np.arange(n) % syllable / RATE
    steps = np.array([0, 2, 3, 3, 5, 7, 5, 3, 2, 0, 0, -2])
    vibrato = 1 + 0.012 * np.sin(2 * np.pi * 5.5 * np.arange(n) / RATE)
    pitch = _smooth(220 * 2 ** (steps[index % len(steps)] / 12), 0.06) * vibrato
    vowels = np.array([[800, 1150, 2900], [350, 2000, 2800], [450, 800, 2830], [325, 700, 2700]])
    formants = [_smooth(f, 0.08) for f in vowels[index * 3 % len(vowels)].T]
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = np.zeros(n)
    for k in range(1, 21):
        resonance = sum(
            gain / (1 + ((k * pitch - formant) / width) ** 2)
            for formant, gain, width in zip(formants, (1, 0.6, 0.25), (80, 90, 120), strict=True)
        )
        tone += resonance * k**-0.3 * np.sin(k * phase)
    envelope = np.clip(np.minimum(since / 0.05, (0.32 - since) / 0.04), 0, 1)
    consonant = np.exp(-(((since - 0.03) / 0.015) ** 2)) * (index % 2)
    hiss = np.diff(np.random.default_rng(2).uniform(-1, 1, n + 1))
    return np.tile(0.25 * tone * envelope + 0.06 * consonant * hiss, (2, 1))


def _smooth(x: np.ndarray, seconds: float) -> np.ndarray:
    """The moving average over the last ``seconds``."""
    width = round(seconds * RATE)
    total = np.cumsum(np.concatenate([np.full(width, x[0]), x], dtype=np.float64))
    return (total[width:] - total[:-width]) / width


def _notes(
    n: int, pitches: tuple[float, ...], length: int, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Phase and envelope of consecutive notes, each of ``length`` samples."""
    sample = np.arange(n)
    pitch = np.array(pitches)[sample // length % len(pitches)]
    since = sample % length / RATE
    envelope = np.exp(-decay * since) * np.minimum(1, since / 0.01)
    return 2 * np.pi * np.cumsum(pitch) / RATE, envelope


_PARTS = {"drums": _drums, "bass": _bass, "other": _chords, "vocals": _voice}
