"""A self-test for graphics cards: small networks with known stems.

Drivers have bugs, and a wrong stem is worse than a slow one. For each architecture that cards can
run, there is a network with every operation of the published networks, with the same kinds of
shaders. Its weights come from integer arithmetic that gives the same numbers on every machine. Sums
of NumPy's results are stored in files, which are written by

    python -m py_demixer.gpu.selftest
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.models import htdemucs, roformer, scnet
from py_demixer.models.segmented import Segmented
from py_demixer.ops.backend import ON_PROCESSOR

LEAST_DECIBELS = 90
"""Minimum signal-to-noise ratio: correct results have 110 or more, wrong ones far less."""

_SAMPLES = 32  # per stored sum


@dataclass(frozen=True)
class SelfTest:
    """A small network, its input and its stems.

    Attributes
    ----------
    kind
        The network's class.
    config
        Its dimensions.
    file
        Name of the file with the sums of its stems.
    """

    kind: type[Segmented]
    config: Any
    file: str

    @cached_property
    def network(self) -> Segmented:
        """The network, for the processor."""
        return self.kind(self.weights, self.config, ON_PROCESSOR["numpy"]())

    @cached_property
    def weights(self) -> Mapping[str, NDArray[np.float32]]:
        """The network's weights, float16."""
        shapes = self.kind.shapes(self.config)
        return {
            name: _tensor(name, shapes[name], number) for number, name in enumerate(sorted(shapes))
        }

    def segment(self) -> NDArray[np.float32]:
        """The network's input, float32."""
        network = self.network
        shape = network.channels, network.segment_length
        return network.input_for(noise(shape, 0).astype(np.float32))

    def is_right(self, stems: NDArray[np.float32]) -> bool:
        """Whether stems, ``(sources, channels, samples)`` or flat, match the stored results."""
        with resources.files(__package__).joinpath(self.file).open("rb") as file:
            wanted = np.load(file).astype(np.float64)
        error = summed(stems) - wanted
        return bool(error @ error <= wanted @ wanted * 10 ** (-LEAST_DECIBELS / 10))


SELF_TESTS: Mapping[str, SelfTest] = {
    "htdemucs": SelfTest(
        htdemucs.HTDemucs,
        # The released network's dimensions, but smaller and with an odd length.
        htdemucs.Config(
            segment_length=16500,
            channels=16,
            bottom_channels=128,
            t_heads=2,
            t_layers=3,
            t_hidden_scale=2,
        ),
        "selftest.npy",
    ),
    "scnet": SelfTest(
        scnet.SCNet,
        scnet.Config(segment_length=16500, widths=(4, 16, 16, 32), layers=2),
        "selftest-scnet.npy",
    ),
    "roformer": SelfTest(
        roformer.RoFormer,
        # 23 frames: attention along time reads single keys, along the bands groups of four.
        roformer.Config(
            segment_length=10080, width=48, depth=2, heads=2, head_width=32, mask_width=64
        ),
        "selftest-roformer.npy",
    ),
}
"""Self-tests by the architecture of the model that the card is to run."""


def of(architecture: str) -> SelfTest:
    """The self-test for an architecture; that of HTDemucs for those without one."""
    return SELF_TESTS.get(architecture, SELF_TESTS["htdemucs"])


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
        # Transposed: (in, out, taps), two taps contribute to an output (in SCNet's, up to three).
        # Others: (out, in, taps).
        inputs = 2 * shape[0] if "conv_tr" in name else math.prod(shape[1:])
        values *= math.sqrt(3 / inputs)
    elif "bias" in name:
        values *= 0.1
    else:
        values = 0.75 + 0.1 * values
    return values.astype(np.float16)


if __name__ == "__main__":
    for test in SELF_TESTS.values():
        made = summed(test.network.network(test.segment())).astype(np.float32)
        np.save(Path(__file__).with_name(test.file), made)
