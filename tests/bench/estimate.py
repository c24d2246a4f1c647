"""Estimate what a segment demands of a graphics card: operations, bytes, dispatches.

For each kind of operation: floating-point operations from the shapes of its arrays, bytes of
everything that its dispatches bind (each counted once per dispatch, as if repeated reads hit a
cache), and the resulting time on cards with known peaks::

    python -m tests.bench.estimate WEIGHTS

WEIGHTS may be ``roformer`` instead, for a Mel-Band RoFormer of the common size.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from py_demixer.gpu.dispatch import Binding, Packed
from py_demixer.gpu.lowering import lower
from py_demixer.models.roformer import Config, RoFormer
from py_demixer.models.segmented import Segmented
from py_demixer.program.program import Operation, Program
from py_demixer.program.record import record
from py_demixer.weights import checkpoint, networks

COMPUTE_SHARE, MEMORY_SHARE = 0.4, 0.7
"""Assumed shares of their peaks that cards reach: for products, for transfers."""

DISPATCH_SECONDS = 10e-6
"""Overhead of a dispatch."""

CARDS = {
    "integrated (1.5 TFLOP/s, 60 GB/s)": (1.5e12, 60e9),
    "Apple M class (4 TFLOP/s, 200 GB/s)": (4e12, 200e9),
    "discrete (20 TFLOP/s, 500 GB/s)": (20e12, 500e9),
    "NVIDIA H200 (67 TFLOP/s, 4.8 TB/s)": (67e12, 4.8e12),
}
"""Their peaks: float32 operations and bytes per second."""


@dataclass
class Work:
    """Work of one operation, or of all operations of a kind."""

    flops: float = 0
    bytes: float = 0
    dispatches: int = 0

    def add(self, other: Work) -> None:
        """Add the work of another operation."""
        self.flops += other.flops
        self.bytes += other.bytes
        self.dispatches += other.dispatches

    def seconds(self, peak_flops: float, peak_bytes: float) -> float:
        """Time at the shares above, with products and transfers in parallel."""
        computing = self.flops / (COMPUTE_SHARE * peak_flops)
        moving = self.bytes / (MEMORY_SHARE * peak_bytes)
        return max(computing, moving) + self.dispatches * DISPATCH_SECONDS


def recorded(weights: str) -> Program:
    """The program of the network in a weight file, or of a RoFormer."""
    if weights == "roformer":
        shapes = RoFormer.shapes(Config())
        network: Segmented = RoFormer({name: np.empty(shapes[name], np.float16) for name in shapes})
    else:
        model = networks.build_model(checkpoint.read(np.fromfile(weights, np.uint8)))
        assert isinstance(model, Segmented)
        network = model
    return record(network.network, network.input_shape, network.tensors)


def work(operation: Operation) -> Work:
    """The work of an operation on a card."""
    dispatches = lower(operation)
    bound = [_bytes(binding) for dispatch in dispatches for binding in dispatch.bindings]
    count = _FLOPS.get(operation.kind, _elementwise)
    return Work(count(operation), float(sum(bound)), len(dispatches))


def by_kind(program: Program) -> dict[str, Work]:
    """The work of all operations of each kind, in descending order of FLOP."""
    kinds: dict[str, Work] = defaultdict(Work)
    for operation in program.operations:
        kinds[operation.kind].add(work(operation))
    return dict(sorted(kinds.items(), key=lambda item: -item[1].flops))


def tables(program: Program) -> str:
    """The work by kind, and the time on each card, in Markdown."""
    kinds = by_kind(program)
    whole = Work()
    for one in kinds.values():
        whole.add(one)
    lines = [
        "| operation | GFLOP | MB moved | dispatches | FLOP a byte |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(_line(kind, one) for kind, one in [*kinds.items(), ("all", whole)]),
        "",
        "| card | seconds a segment |",
        "| --- | ---: |",
    ]
    for name, peaks in CARDS.items():
        seconds = sum(one.seconds(*peaks) for one in kinds.values())
        lines.append(f"| {name} | {seconds:.2f} |")
    return "\n".join(lines)


def _line(kind: str, one: Work) -> str:
    numbers = (
        f"{one.flops / 1e9:.2f}",
        f"{one.bytes / 1e6:.0f}",
        f"{one.dispatches}",
        f"{one.flops / one.bytes:.1f}",
    )
    return f"| {kind} | " + " | ".join(numbers) + " |"


def _bytes(binding: Binding) -> int:
    if isinstance(binding, Packed):
        each = np.dtype(binding.weight.dtype).itemsize
        return each * math.prod(binding.packed_shape)
    size = getattr(binding, "size", None)
    return 4 * (size if size is not None else math.prod(getattr(binding, "shape", (0,))))


def _made(operation: Operation) -> int:
    """Number of values that an operation produces."""
    array: Any = operation.result or operation.operands[0]
    return int(array.size)


def _elementwise(operation: Operation) -> float:
    return 2.0 * _made(operation)


def _convolution(operation: Operation) -> float:
    _, *taps = operation.operands[1].shape
    halved = 2 if operation.options["activation"] == "glu" else 1
    return 2.0 * _made(operation) * halved * math.prod(taps)


def _transposed(operation: Operation) -> float:
    into, _, kernel, _ = operation.operands[1].shape
    return 2.0 * _made(operation) * into * kernel / operation.options["stride"]


def _linear(operation: Operation) -> float:
    weight = operation.operands[1].shape
    return 2.0 * math.prod(weight) * operation.operands[0].shape[1]


def _attention(operation: Operation) -> float:
    channels, queries = operation.operands[0].shape
    return 4.0 * channels * queries * operation.operands[1].shape[1]


def _attention_branch(operation: Operation) -> float:
    """Projections of every position, and attention within each row."""
    channels, rows, positions = operation.operands[0].shape
    _, into, gates, _, out = (operand.shape for operand in operation.operands[1:])
    inner = out[1]
    return (
        2.0 * rows * positions * (channels * (into[0] + gates[0] + inner) + 2 * inner * positions)
    )


def _feed_forward(operation: Operation) -> float:
    channels, rows, positions = operation.operands[0].shape
    return 4.0 * rows * positions * channels * operation.operands[2].shape[0]


def _branch(operation: Operation) -> float:
    """The outgoing layer is computed twice: once for its statistics."""
    channels, rows, positions = operation.operands[0].shape
    hidden = operation.operands[1].shape[0]
    return 2.0 * rows * positions * channels * hidden * (3 + 2 * 2)


def _transform(operation: Operation) -> float:
    """A Fourier transform of n numbers takes 2.5 n log2 n, as in fast algorithms."""
    n_fft = operation.options["n_fft"]
    array: Any = max((*operation.operands, operation.result), key=lambda one: one.size)
    return 2.5 * array.size * math.log2(n_fft)


_FLOPS: Mapping[str, Callable[[Operation], float]] = {
    "analyse": _transform,
    "attention": _attention,
    "attention_branch": _attention_branch,
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "feed_forward_branch": _feed_forward,
    "linear": _linear,
    "residual_branch": _branch,
    "synthesise": _transform,
    "synthesise_interleaved": _transform,
}


if __name__ == "__main__":
    print(tables(recorded(sys.argv[1])))
