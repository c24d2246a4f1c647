"""The web page's demo song: 25 seconds of soul, synthesised with NumPy alone.

Nine bars at 92 beats per minute with swung sixteenths: a drum kit, a plucked bass, an electric
piano with a guitar above it, and a voice that sings syllables, joined by a second one. The tables
below contain what each of them plays. :func:`stems` returns the stems, and the song is their sum,
so the quality of a model's separation can be measured. All random numbers come from seeded
generators.

Notes are MIDI numbers (69 is 440 Hz), times are in beats. The song is free to use: CC0 1.0.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

RATE = 44100
TITLE = "Demo song"
LICENCE = "CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/)"

_BEAT = 60 / 92
_BARS = 9
_SECONDS = _BARS * 4 * _BEAT + 1.6
_LENGTH = round(_SECONDS * RATE)
_PEAK = 0.89
"""Peak of the song: one decibel below full scale."""

_SWING = 0.16
"""Delay of every second sixteenth, in eighths, compared with even sixteenths."""

_CONTROL = 100
"""Interval in samples between values of the voice's slowly changing parameters."""

_CHORDS = (
    (57, 64, 67, 71, 72),  # A minor 9
    (53, 60, 64, 67, 69),  # F major 9
    (48, 59, 64, 67, 71),  # C major 7
    (55, 59, 62, 66, 69),  # G major 7, 9
    (57, 64, 67, 71, 72),
    (53, 60, 64, 67, 69),
    (50, 57, 60, 64, 65),  # D minor 9
    (52, 59, 62, 64, 68),  # E 7
    (57, 64, 67, 71, 76),
)
"""A chord for each bar, lowest note first; the bass plays that note an octave lower."""

_BASS = (
    (0.0, 0.9, 0),
    (1.5, 0.4, 0),
    (2.0, 0.7, 7),
    (2.75, 0.25, 10),
    (3.0, 0.5, 12),
    (3.5, 0.5, 7),
)
"""The bass line of a bar: beat, length, semitones above the lowest note of the chord."""

_MELODY = (
    (3.0, 0.5, 64, "na"),
    (3.5, 0.5, 67, "a"),
    (4.0, 1.4, 69, "la"),
    (5.5, 0.5, 67, "o"),
    (6.0, 0.9, 64, "do"),
    (7.0, 0.5, 60, "ta"),
    (7.5, 0.5, 62, "e"),
    (8.0, 1.7, 64, "le"),
    (10.0, 0.5, 67, "sa"),
    (10.5, 0.5, 69, "a"),
    (11.0, 0.5, 67, "no"),
    (11.5, 0.5, 64, "e"),
    (12.0, 2.4, 62, "lu"),
    (15.0, 0.5, 64, "ta"),
    (15.5, 0.5, 67, "e"),
    (16.0, 1.4, 72, "la"),
    (17.5, 0.5, 71, "o"),
    (18.0, 0.9, 69, "so"),
    (19.0, 0.5, 67, "na"),
    (19.5, 0.5, 69, "a"),
    (20.0, 0.9, 69, "li"),
    (21.0, 0.5, 72, "ta"),
    (21.5, 0.5, 69, "a"),
    (22.0, 0.8, 67, "no"),
    (23.0, 0.5, 64, "se"),
    (23.5, 0.5, 65, "e"),
    (24.0, 0.9, 65, "la"),
    (25.0, 0.5, 69, "ta"),
    (25.5, 0.5, 72, "a"),
    (26.0, 1.4, 74, "la"),
    (27.5, 0.5, 72, "o"),
    (28.0, 1.4, 71, "so"),
    (29.5, 0.5, 69, "o"),
    (30.0, 1.4, 68, "na"),
    (31.5, 0.5, 71, "a"),
    (32.0, 3.2, 69, "la"),
)
"""Beat, length, note, syllable."""

_SECOND_VOICE = (
    (16.0, 1.4, 69, "la"),
    (17.5, 0.5, 67, "o"),
    (18.0, 0.9, 64, "so"),
    (24.0, 0.9, 62, "la"),
    (25.0, 0.5, 65, "ta"),
    (25.5, 0.5, 69, "a"),
    (26.0, 1.4, 69, "la"),
    (27.5, 0.5, 69, "o"),
    (28.0, 1.4, 68, "so"),
    (29.5, 0.5, 65, "o"),
    (30.0, 1.4, 64, "na"),
    (31.5, 0.5, 68, "a"),
    (32.0, 3.2, 64, "la"),
)

_VOWELS = {
    "a": ((800, 1150, 2900, 3900), (1.0, 0.63, 0.18, 0.08)),
    "e": ((430, 1750, 2650, 3600), (1.0, 0.32, 0.2, 0.08)),
    "i": ((350, 1900, 2800, 3700), (1.0, 0.25, 0.18, 0.07)),
    "o": ((450, 850, 2830, 3500), (1.0, 0.45, 0.13, 0.06)),
    "u": ((330, 720, 2600, 3500), (1.0, 0.3, 0.08, 0.03)),
}
"""Formants in hertz and their strengths, roughly those of an alto."""

_BANDWIDTHS = (85, 105, 140, 190)

_CONSONANTS = {"s": (0.11, 0.16), "t": (0.03, 0.22)}
"""Hissing consonants: seconds and loudness. Other consonants only close the mouth."""

_HARMONICS = 36


def stems() -> dict[str, np.ndarray]:
    """Make the song's stems.

    Returns
    -------
    dict[str, ndarray]
        The stems by Demucs' names for them, each ``(2, samples)`` float64 at 44.1 kHz. Their sum is
        the song, whose peak is one decibel below full scale.
    """
    parts = {name: play() for name, play in _PLAYERS.items()}
    gain = _PEAK / np.abs(np.sum([*parts.values()], axis=0)).max()
    return {name: gain * part for name, part in parts.items()}


@functools.cache
def flac() -> bytes:
    """The song as a 16-bit FLAC file, with its name and licence.

    The last two bits are zero: a quarter less to download, with noise far below the song's own.
    """
    import soundfile

    song = np.sum([*stems().values()], axis=0)
    samples = 4 * np.round(song.T * (32767 / 4)).astype(np.int16)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, 2, "PCM_16", format="FLAC") as out:
        out.title, out.artist, out.license = TITLE, "py-demixer", LICENCE
        out.write(samples)
    return file.getvalue()


def _at(beat: float) -> int:
    """The sample at which a beat falls, with swing."""
    sixteenth = round(beat * 4)
    late = _SWING / 2 if sixteenth % 2 and abs(beat * 4 - sixteenth) < 1e-9 else 0.0
    return round((beat + late) * _BEAT * RATE)


def _add(track: np.ndarray, start: int, sound: np.ndarray, gain: float, pan: float = 0.5) -> None:
    """Add a mono sound, panned between left (0) and right (1) at equal power."""
    stop = min(start + len(sound), track.shape[1])
    angle = pan * np.pi / 2
    sides = np.array([np.cos(angle), np.sin(angle)])
    track[:, start:stop] += gain * np.outer(sides, sound[: stop - start])


def _hertz(note: Any) -> Any:
    """The frequency of a note, or of an array of notes."""
    return 440 * 2 ** ((note - 69) / 12)


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def _fade(time: np.ndarray, attack: float, length: float, release: float) -> np.ndarray:
    """An envelope that rises for `attack` seconds, starts to fall at `length`, and then falls."""
    return np.clip(np.minimum(time / attack, (length + release - time) / release), 0, 1)


def _filtered(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """Band-pass a sound between two frequencies, with slopes of 12 dB per octave."""
    size = 1 << (len(sound) - 1).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    rise = 1 / (1 + (low / np.maximum(frequency, 1)) ** 2)
    fall = 1 / (1 + (frequency / high) ** 2)
    return np.fft.irfft(np.fft.rfft(sound, size) * rise * fall, size)[: len(sound)]


def _in_room(track: np.ndarray, share: float, seconds: float, seed: int) -> np.ndarray:
    """Add the reverberation of a room: decaying noise, different on each side."""
    time = _time(1.5 * seconds)
    rng = np.random.default_rng(seed)
    size = 1 << (track.shape[1] + len(time) - 1).bit_length()
    wet = []
    for side in track:
        echo = rng.standard_normal(len(time)) * np.exp(-6.9 * time / seconds)
        echo = _filtered(echo, 200, 5000) * np.clip((time - 0.012) / 0.01, 0, 1)
        echo /= np.sqrt(np.sum(echo**2))
        wet.append(np.fft.irfft(np.fft.rfft(side, size) * np.fft.rfft(echo, size), size))
    return track + share * np.stack(wet)[:, : track.shape[1]]


def _drums() -> np.ndarray:
    track = np.zeros((2, _LENGTH))
    for beat, name, gain in _beats():
        sound, pan = _KIT[name]
        _add(track, _at(beat), sound(), gain, pan)
    return _in_room(track, 0.16, 0.5, seed=1)


def _beats() -> Iterator[tuple[float, str, float]]:
    """Every stroke of the drums: beat, instrument, strength."""
    rng = np.random.default_rng(2)
    yield 0.0, "crash", 0.5
    for bar in range(_BARS - 1):
        start = 4.0 * bar
        for beat, gain in ((0.0, 1.0), (1.75, 0.6), (2.5, 0.85)):
            yield start + beat, "kick", gain
        is_fill = bar % 4 == 3
        for beat, gain in ((1.0, 1.0), (3.0, 1.0), (2.25, 0.22), (3.75, 0.18)):
            if not (is_fill and beat > 2):
                yield start + beat, "snare", gain
        for step in range(16):
            is_open = step == 14 and bar % 2
            accent = (0.9, 0.35, 0.6, 0.4)[step % 4] * rng.uniform(0.85, 1.15)
            if not (is_fill and step > 11):
                yield start + step / 4, "open hat" if is_open else "hat", accent
        if is_fill:
            for step, drum in enumerate(("snare", "snare", "high tom", "low tom")):
                yield start + 3 + step / 4, drum, 0.6 + 0.1 * step
    yield 16.0, "crash", 0.4
    yield 4.0 * (_BARS - 1), "kick", 1.0
    yield 4.0 * (_BARS - 1), "crash", 0.6


def _sweep(low: float, high: float, fall: float, decay: float) -> np.ndarray:
    """A struck drum skin: a tone that falls from `high` to `low` hertz."""
    time = _time(4 / decay)
    phase = low * time + (high - low) / fall * (1 - np.exp(-fall * time))
    return np.sin(2 * np.pi * phase) * np.exp(-decay * time)


def _hiss(seconds: float, low: float, high: float, decay: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return _filtered(noise, low, high) * np.exp(-decay * _time(seconds))


@functools.cache
def _kick() -> np.ndarray:
    tone = 0.95 * _sweep(48, 210, 38, 8.5)
    click = 0.25 * _hiss(0.02, 1500, 6000, 250, seed=3)
    tone[: len(click)] += click
    return np.tanh(1.4 * tone)


@functools.cache
def _snare() -> np.ndarray:
    wires = 0.42 * _hiss(0.4, 900, 9000, 15, seed=4)
    skin = 0.45 * _sweep(185, 330, 60, 22)
    skin = skin[: len(wires)]
    wires[: len(skin)] += skin
    return wires


@functools.cache
def _metal(seconds: float, decay: float, low: float, seed: int) -> np.ndarray:
    """A cymbal: noise and six inharmonic tones."""
    time = _time(seconds)
    tones = sum(np.sign(np.sin(2 * np.pi * f * time)) for f in (411, 587, 834, 1134, 1532, 1871))
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return _filtered(0.14 * tones + 0.5 * noise, low, 14000) * np.exp(-decay * time)


_KIT: dict[str, tuple[Callable[[], np.ndarray], float]] = {
    "kick": (_kick, 0.5),
    "snare": (lambda: 0.8 * _snare(), 0.48),
    "hat": (lambda: 0.17 * _metal(0.12, 55, 7500, seed=5), 0.62),
    "open hat": (lambda: 0.17 * _metal(0.5, 9, 7500, seed=6), 0.62),
    "crash": (lambda: 0.3 * _metal(2.5, 2.2, 3800, seed=7), 0.4),
    "high tom": (lambda: 0.6 * _sweep(150, 220, 20, 9), 0.35),
    "low tom": (lambda: 0.7 * _sweep(95, 150, 18, 7), 0.68),
}
"""The instruments of the drum kit, with their sounds and pan positions."""


def _bass() -> np.ndarray:
    track = np.zeros((2, _LENGTH))
    for bar, chord in enumerate(_CHORDS):
        line = _BASS if bar < _BARS - 1 else ((0.0, 3.6, 0),)
        for beat, length, above in line:
            sound = _string(_hertz(chord[0] - 12 + above), length * _BEAT)
            _add(track, _at(4 * bar + beat), sound, 0.36)
    return track


def _string(hertz: float, seconds: float) -> np.ndarray:
    """A thick string, plucked with a finger near its end and slightly overdriven."""
    time = _time(seconds + 0.08)
    tone = np.zeros_like(time)
    for k in range(1, 13):
        strength = np.sin(np.pi * k * 0.19) / k
        tone += strength * np.exp(-(1.1 + 0.75 * k) * time) * np.sin(2 * np.pi * k * hertz * time)
    return np.tanh(2.2 * tone) * _fade(time, 0.004, seconds, 0.07)


def _other() -> np.ndarray:
    """An electric piano, and a guitar that plucks the same chords."""
    track = np.zeros((2, _LENGTH))
    for bar, chord in enumerate(_CHORDS):
        is_last = bar == _BARS - 1
        strokes = ((0.0, 3.9),) if is_last else ((0.0, 1.4), (1.5, 0.9), (2.75, 1.2))
        for beat, length in strokes:
            for index, note in enumerate(chord[1:]):
                start = _at(4 * bar + beat) + 180 * index
                _add(track, start, _tine(_hertz(note), length * _BEAT), 0.11, 0.36)
        if bar >= 2 and not is_last:
            for step, index in enumerate((1, 2, 3, 4, 3, 2, 4, 3)):
                sound = _pluck(_hertz(chord[index] + 12))
                _add(track, _at(4 * bar + step / 2), sound, 0.1, 0.74)
    sway = 1 + 0.18 * np.outer((1, -1), np.sin(2 * np.pi * 4.3 * np.arange(_LENGTH) / RATE))
    return _in_room(track * sway, 0.3, 1.4, seed=8)


def _tine(hertz: float, seconds: float) -> np.ndarray:
    """A note of an electric piano by frequency modulation: the tone and the hammer's strike."""
    time = _time(seconds + 0.25)
    phase = 2 * np.pi * hertz * time
    body = np.sin(phase + 1.1 * np.exp(-2.5 * time) * np.sin(phase))
    strike = np.sin(phase + 0.7 * np.exp(-11 * time) * np.sin(14 * phase)) * np.exp(-5 * time)
    return (body + 0.6 * strike) * np.exp(-0.9 * time) * _fade(time, 0.003, seconds, 0.22)


def _pluck(hertz: float) -> np.ndarray:
    """A thin string."""
    time = _time(0.9)
    tone = np.zeros_like(time)
    for k in range(1, 15):
        strength = np.sin(np.pi * k * 0.27) / k
        tone += strength * np.exp(-(3 + 0.9 * k) * time) * np.sin(2 * np.pi * k * hertz * time)
    return tone * np.minimum(1, time / 0.002)


def _vocals() -> np.ndarray:
    track = np.zeros((2, _LENGTH))
    _add(track, 0, _voice(_MELODY, 5.3, seed=9), 1.5)
    _add(track, 0, _voice(_SECOND_VOICE, 5.8, seed=10), 0.6, 0.66)
    return _in_room(track, 0.22, 1.6, seed=11)


Melody = Sequence[tuple[float, float, int, str]]


def _voice(melody: Melody, vibrato: float, seed: int) -> np.ndarray:
    """A singing voice: harmonics shaped by formants, and breath.

    Parameters
    ----------
    melody
        Beat, length, note and syllable of each tone.
    vibrato
        Frequency of the vibrato in hertz.
    seed
        Seed of the breath, the random variations and the consonants.

    Returns
    -------
    ndarray
        ``(samples,)``.
    """
    rng = np.random.default_rng(seed)
    pitch, loud, formants, gains = _score(melody, vibrato, rng)
    phase = np.cumsum(_fine(pitch)) / RATE
    harmonic = np.exp(2j * np.pi * phase)
    turning = np.ones_like(harmonic)
    out = np.zeros(_LENGTH)
    for k in range(1, _HARMONICS + 1):
        turning *= harmonic
        strength = _mouth(k * pitch, formants, gains) * k**-0.75
        out += _fine(strength * loud) * turning.imag
    breath = _filtered(rng.standard_normal(_LENGTH), 1500, 7000)
    return 0.3 * out + 0.006 * _fine(loud) * breath + _consonants(melody, rng)


def _fine(coarse: np.ndarray) -> np.ndarray:
    """Interpolate values given every _CONTROL samples to one for each sample."""
    return np.interp(np.arange(_LENGTH), _CONTROL * np.arange(len(coarse)), coarse)


def _score(
    melody: Melody, vibrato: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn a melody into pitch in hertz, loudness, formants and their gains."""
    steps = -(-_LENGTH // _CONTROL) + 1
    time = np.arange(steps) * _CONTROL / RATE
    note, since = np.full(steps, float(melody[0][2])), np.zeros(steps)
    loud = np.zeros(steps)
    formants, gains = np.full((4, steps), 500.0), np.zeros((4, steps))
    for beat, length, pitch, syllable in melody:
        start, seconds = _at(beat) / RATE, length * _BEAT
        here = time >= start - 0.03
        note[here], since[here] = pitch, time[here] - start
        places, strengths = _VOWELS[syllable[-1]]
        formants[:, here] = np.array(places)[:, None]
        gains[:, here] = np.array(strengths)[:, None]
        attack = 0.02 if len(syllable) == 1 else 0.05
        shape = _fade(time - start, attack, seconds, 0.09) * np.exp(-0.12 * (time - start))
        loud = np.maximum(loud, np.where(here, shape, 0))
    wobble = _smooth(rng.standard_normal(steps), 0.06) * 0.35
    depth = 0.32 * np.clip((since - 0.18) / 0.35, 0, 1)
    swing = depth * np.sin(2 * np.pi * vibrato * time)
    sung = _smooth(note, 0.05) - 0.35 * np.exp(-since / 0.05) + swing + 0.3 * wobble
    loud = loud * (1 + 0.1 * swing / 0.32) * (1 + 0.25 * wobble)
    return (
        _hertz(sung),
        _smooth(loud, 0.012),
        np.stack([_smooth(row, 0.06) for row in formants]),
        np.stack([_smooth(row, 0.06) for row in gains]),
    )


def _smooth(coarse: np.ndarray, seconds: float) -> np.ndarray:
    """Smooth values with a centred Hann window of the given length."""
    window = np.hanning(max(3, round(seconds * RATE / _CONTROL)) | 1)
    half = len(window) // 2
    padded = np.concatenate([np.full(half, coarse[0]), coarse, np.full(half, coarse[-1])])
    return np.convolve(padded, window / window.sum(), "valid")


def _mouth(hertz: np.ndarray, formants: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The strength of a frequency after the four formants' resonances."""
    answers = (
        gain / (1 + ((hertz - formant) / width) ** 2)
        for formant, gain, width in zip(formants, gains, _BANDWIDTHS, strict=True)
    )
    return sum(answers, np.full_like(hertz, 0.004))


def _consonants(melody: Melody, rng: np.random.Generator) -> np.ndarray:
    out = np.zeros(_LENGTH)
    for beat, _, _, syllable in melody:
        if syllable[0] not in _CONSONANTS:
            continue
        seconds, gain = _CONSONANTS[syllable[0]]
        time = _time(seconds)
        sound = _filtered(rng.standard_normal(len(time)), 4500, 9500)
        start = max(0, _at(beat) - len(time))
        out[start : start + len(time)] += (
            gain * sound * _fade(time, 0.3 * seconds, 0.7 * seconds, 0.3 * seconds)
        )
    return out


_PLAYERS = {"drums": _drums, "bass": _bass, "other": _other, "vocals": _vocals}
