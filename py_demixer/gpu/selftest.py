"""A self-test for graphics cards: a small network with known stems.

Drivers have bugs, and a wrong stem is worse than a slow one. The network has every operation of the
published networks, with the same kinds of shaders. Its weights come from integer arithmetic that
gives the same numbers on every machine. Sums of NumPy's results are stored in a file, which is
written by

    python -m py_demixer.gpu.selftest
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.models.htdemucs import Config, HTDemucs
from py_demixer.ops.backend import ON_PROCESSOR

CONFIG = Config(
    segment_length=16500,
    channels=16,
    bottom_channels=128,
    t_heads=2,
    t_layers=3,
    t_hidden_scale=2,
)
"""The released network's dimensions, but smaller and with an odd length."""

LEAST_DECIBELS = 90
"""Minimum signal-to-noise ratio: correct results have 110 or more, wrong ones far less."""

_FILE = "selftest.npy"
_SAMPLES = 32  # per stored sum


@cache
def network() -> HTDemucs:
    """The network, for the processor."""
    return HTDemucs(tensors(), CONFIG, ON_PROCESSOR["numpy"]())


@cache
def tensors() -> Mapping[str, NDArray[np.float32]]:
    """The network's weights, float16."""
    shapes = HTDemucs.shapes(CONFIG)
    return {name: _tensor(name, shapes[name], number) for number, name in enumerate(sorted(shapes))}


def segment() -> NDArray[np.float32]:
    """The network's input: ``(channels, samples)`` float32."""
    return noise((CONFIG.audio_channels, CONFIG.segment_length), 0).astype(np.float32)


def is_right(stems: NDArray[np.float32]) -> bool:
    """Whether stems, ``(sources, channels, samples)`` or flat, match the stored results."""
    with resources.files(__package__).joinpath(_FILE).open("rb") as file:
        wanted = np.load(file).astype(np.float64)
    error = summed(stems) - wanted
    return bool(error @ error <= wanted @ wanted * 10 ** (-LEAST_DECIBELS / 10))


def summed(stems: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sums over blocks of samples with pseudo-random factors, float64: what is stored of stems.

    A wrong sample makes a wrong sum, and errors of any kind do not cancel.
    """
    samples = stems.reshape(-1, _SAMPLES)
    return np.sum(samples * noise(samples.shape, 0), axis=1)


def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    """Pseudo-random numbers in [-1, 1), the same on every machine: float64.

    Source: "lowbias32" of Chris Wellons, Prospecting for Hash Functions (2018).
    """
    x = np.arange(math.prod(shape), dtype=np.uint32) + np.uint32(seed << 20)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    return x.reshape(shape) / 2.0**31 - 1


def _tensor(name: str, shape: tuple[int, ...], number: int) -> NDArray[np.float32]:
    """One weight, scaled so that activations stay of the order of one."""
    values = noise(shape, number + 1)
    if len(shape) > 1:
        # Transposed: (in, out, taps), two taps contribute to an output. Others: (out, in, taps).
        inputs = 2 * shape[0] if "conv_tr" in name else math.prod(shape[1:])
        values *= math.sqrt(3 / inputs)
    elif "bias" in name:
        values *= 0.1
    else:
        values = 0.75 + 0.1 * values
    return values.astype(np.float16)


if __name__ == "__main__":
    made = summed(network()(segment())).astype(np.float32)
    np.save(Path(__file__).with_name(_FILE), made)
