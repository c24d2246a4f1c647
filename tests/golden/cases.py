"""Cases computed both by PyTorch (make.py) and by the package (checks.py).

Needs only NumPy and the package, so that the checks run inside Pyodide as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests import synthetic, tiny

HERE = Path(__file__).parent
SAMPLES = 64  # per stage of a network, evenly spaced; the edges are kept as well
EDGE = 2  # places at either end of an axis, plus one in the middle
STEM_STRIDE = 211  # of the samples kept of stems: a prime, so that it divides no frame length
RELEASED_STRIDE = 997  # the same, for models with the released dimensions


@dataclass(frozen=True)
class Conv:
    """A convolution; shapes as in PyTorch, symmetric ``padding``."""

    size: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0)
    dilation: tuple[int, ...] = (1, 1)


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution along the first axis of ``size``, cropped to ``length``."""

    size: tuple[int, ...]
    weight: tuple[int, ...]
    stride: int
    crop: int
    length: int


@dataclass(frozen=True)
class Song:
    """A whole separation by a tiny model (see `tiny.kind`), with options of DemucsOptions."""

    model: str
    seconds: float
    options: Mapping[str, Any]
    segment_length: int | None = None


CONV2D = {
    "conv2d/encoder": Conv((4, 32, 9), (6, 4, 8, 1), (4, 1), (2, 0)),
    "conv2d/rewrite": Conv((5, 7, 11), (10, 5, 3, 3), (1, 1), (1, 1)),
    "conv2d/pointwise": Conv((3, 5, 7), (4, 3, 1, 1)),
    "conv2d/dilated": Conv((6, 4, 13), (2, 6, 1, 3), (1, 1), (0, 2), (1, 2)),
    "conv2d/odd": Conv((2, 11, 13), (3, 2, 5, 4), (3, 2), (1, 3), (2, 1)),
    "conv2d/one": Conv((1, 1, 1), (1, 1, 3, 3), (1, 1), (1, 1)),
}
CONV1D = {
    "conv1d/encoder": Conv((4, 64), (6, 4, 8), (4,), (2,), (1,)),
    "conv1d/dilated": Conv((6, 31), (2, 6, 3), (1,), (2,), (2,)),
    "conv1d/short": Conv((2, 3), (3, 2, 8), (4,), (4,), (1,)),
}
TRANSPOSED = {
    "conv_transpose2d/decoder": Transposed((6, 8, 9), (6, 4, 8, 1), 4, 2, 32),
    "conv_transpose1d/decoder": Transposed((6, 16), (6, 4, 8), 4, 2, 63),
    "conv_transpose1d/whole": Transposed((3, 5), (3, 2, 6), 2, 0, 14),
    "conv_transpose1d/one": Transposed((3, 1), (3, 2, 8), 4, 2, 3),
}
HEADS = 4
GROUPS = 3
LOCAL = (32, 4, 41)  # channels, heads, positions
STFT_LENGTH = 20011
SHORT_LENGTHS = {"stft/short": 1000, "stft/one sample": 1}
N_FFT = 4096
SINUSOIDS_1D = (16, 50)
SINUSOIDS_2D = (16, 5, 9)
DEMUCS_SONGS = {
    "plain": Song("htdemucs", 13.0, {}),
    "short": Song("htdemucs", 0.1, {}),
    "overlap": Song("htdemucs", 1.6, {"overlap": 0.75, "transition_power": 2.0}, tiny.SECOND),
    "shifts": Song("htdemucs", 1.2, {"shifts": 2, "seed": 5}, tiny.SECOND),
    "segment": Song("htdemucs", 9.0, {"segment": 5}),
    "six": Song("htdemucs_6s", 2.6, {}, tiny.SECOND),
    "v3": Song("hdemucs_mmi", 2.6, {}, tiny.SECOND),
    "v3, short": Song("hdemucs_mmi", 0.05, {}),
    "v3, segment": Song("hdemucs_mmi", 9.0, {"segment": 3.3, "overlap": 0.5}),
    "v3, shifts": Song("hdemucs_mmi", 1.2, {"shifts": 2, "seed": 5}, tiny.SECOND),
    "bag": Song("htdemucs_ft", 2.6, {}, tiny.SECOND),
    "bag, shifts": Song("htdemucs_ft", 1.2, {"shifts": 2, "seed": 5, "overlap": 0.5}, tiny.SECOND),
    "bag, mixed": Song("mixed", 1.2, {}, tiny.SECOND),
}
SCNET_SONGS = {
    "scnet, plain": Song("scnet", 2.6, {}, tiny.SECOND),
    "scnet, short": Song("scnet", 0.1, {}),
    "scnet, segment": Song("scnet", 9.0, {"segment": 3.3, "overlap": 0.5, "transition_power": 2.0}),
    "scnet, as its authors": Song("scnet", 25.0, {"segment": 20, "overlap": 0.5}),
}
SONGS = DEMUCS_SONGS | SCNET_SONGS
REAL_SONG_SECONDS = 9.0
SHORT_SEGMENT = 2 * synthetic.RATE
"""Segment length of the released network on a card emulated by the CPU; its own is 7.8 s."""

SCORED_SECONDS = 7.0


@dataclass(frozen=True)
class UnmixSong:
    """A song separated by Open-Unmix with seeded weights; every ``stride``th sample is kept."""

    hidden: int
    seconds: float
    options: Mapping[str, Any]
    stride: int = STEM_STRIDE


UMXHQ, UMXL = 512, 1024  # their hidden units
NO_EM, ONE_EM = {"niter": 0}, {"niter": 1}
UNMIX_SONGS = {
    "short": UnmixSong(16, 0.1, ONE_EM),
    "one window": UnmixSong(16, 6.9, NO_EM),
    "softmask": UnmixSong(16, 7.0, {"niter": 1, "softmask": True}, 997),
    "residual": UnmixSong(16, 7.0, {"niter": 2, "residual": True}, 997),
    "one target": UnmixSong(16, 7.0, {"niter": 0, "stems": ["vocals"]}, 997),
    "two targets": UnmixSong(
        16, 15.0, {"niter": 1, "stems": ["drums", "vocals"], "residual": True}, 997
    ),
    "30 s": UnmixSong(16, 30.0, NO_EM, 997),
    "30 s, EM": UnmixSong(16, 30.0, ONE_EM, 997),
    "umxhq": UnmixSong(UMXHQ, 7.0, NO_EM, 997),
    "umxhq, EM": UnmixSong(UMXHQ, 7.0, ONE_EM, 997),
    "umxl": UnmixSong(UMXL, 7.0, NO_EM, 997),
    "umxl, EM": UnmixSong(UMXL, 7.0, ONE_EM, 997),
}
LONG_UNMIX_SONGS = {
    "umxl, 30 s": UnmixSong(UMXL, 30.0, NO_EM, 997),
    "umxl, 30 s, EM": UnmixSong(UMXL, 30.0, ONE_EM, 997),
    "umxl, 4 min": UnmixSong(UMXL, 240.0, NO_EM, 7919),
    "umxl, 4 min, EM": UnmixSong(UMXL, 240.0, ONE_EM, 7919),
    "umxhq, 4 min": UnmixSong(UMXHQ, 240.0, NO_EM, 7919),
    "umxhq, 4 min, EM": UnmixSong(UMXHQ, 240.0, ONE_EM, 7919),
}
LSTM = (24, 10, 37)  # in, hidden, frames
SEQUENCES = (12, 10, 9, 75)  # in, hidden, steps, sequences (more than the kernel takes at once)
BRANCH = (12, 3, 7, 50)  # channels, hidden, rows, positions
TOKENS = {  # channels, rows, positions, heads, width of a head
    "attention_branch": (12, 7, 23, 3, 8),
    "attention_branch/long": (3, 2, 420, 2, 4),
}
HOP = 441
ROWS = (3, 4, 42)  # channels, rows, positions
RECTANGULAR_LENGTH = 5 * N_FFT // 4
CENTRED_LENGTHS = {"centred": 20011, "centred/whole hops": 20480, "centred/short": 2500}
WIENER = (3, 2, 50, 20)  # sources, channels, bins (more than one batch), frames
WIENERS: Mapping[str, Mapping[str, Any]] = {
    "wiener": {"iterations": 1},
    "wiener/none": {"iterations": 0},
    "wiener/softmask": {"iterations": 1, "softmask": True},
    "wiener/residual": {"iterations": 2, "residual": True},
}


def random(name: str, *shape: int) -> np.ndarray:
    """Normal random numbers that depend only on the name: float32."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.standard_normal(shape).astype(np.float32)


def elementwise() -> np.ndarray:
    """Values wherever an activation bends, including its flat tails: ``(6, 2000)``."""
    near = np.linspace(-6, 6, 11996)
    return np.append(near, [-88.0, 88.0, -1e4, 1e4]).reshape(6, 2000).astype(np.float32)


def segments(length: int = 343980) -> dict[str, np.ndarray]:
    """Inputs for a network, each ``(2, length)``."""
    seconds = length / synthetic.RATE
    return {"song": synthetic.song(seconds), "noise": synthetic.noise(seconds)}


def wiener_inputs() -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes and a mixture with a wide range of levels, and some zeros."""
    mixture = random("wiener/real", *WIENER[1:]) + 1j * random("wiener/imaginary", *WIENER[1:])
    mixture = (mixture * 10 ** random("wiener/level", *WIENER[1:])).astype(np.complex64)
    share = np.maximum(0, random("wiener/share", *WIENER))
    return share * np.abs(mixture), mixture


def sampled(x: np.ndarray) -> np.ndarray:
    """Some samples: evenly spaced in the flattened array, and at all corners and edges."""
    x = np.squeeze(x)
    flat = np.ascontiguousarray(x).reshape(-1)
    places = np.linspace(0, flat.size - 1, min(SAMPLES, flat.size)).astype(np.int64)
    ends = (sorted({*range(EDGE), n // 2, *range(n - EDGE, n)} & set(range(n))) for n in x.shape)
    return np.concatenate([flat[places], x[np.ix_(*ends)].reshape(-1)])


def sample_stems(stems: np.ndarray, stride: int = STEM_STRIDE) -> np.ndarray:
    """Every 211th sample of each stem ``(sources, channels, n)``."""
    return np.ascontiguousarray(stems[..., ::stride])


def load(name: str) -> Mapping[str, np.ndarray]:
    """The numbers in ``<name>.npz``."""
    with np.load(HERE / f"{name}.npz") as file:
        return dict(file)


def save(name: str, numbers: Mapping[str, np.ndarray]) -> None:
    """Write ``<name>.npz``; float64 numbers are rounded to float32."""
    rounded: dict[str, Any] = {
        key: x.astype(np.float32) if x.dtype == np.float64 else x for key, x in numbers.items()
    }
    np.savez_compressed(HERE / f"{name}.npz", **rounded)
