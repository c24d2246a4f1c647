"""The residual branches of RoFormers, some rows at a time: :mod:`py_demixer.ops.transformer`."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from py_demixer.ops.transformer import rotations
from py_demixer.program.program import Array, Operation, Weight

from .attention import attended
from .dispatch import Dispatch, Scratch, Table
from .elementwise import each
from .multiply import lower_linear
from .norm import rms_normed
from .operands import array, weights

STRIP_BYTES = 32 << 20
"""Limit on the size of each intermediate array, unless one row needs more."""


@dataclass(frozen=True)
class Strip:
    """Some rows of an array ``(channels, rows, positions)``.

    Attributes
    ----------
    x
        The whole array.
    first, rows
        Its first row, and the number of rows.
    """

    x: Array
    first: int
    rows: int

    @property
    def count(self) -> int:
        """Number of positions of all its rows."""
        return self.rows * self.x.shape[2]

    @property
    def part(self) -> tuple[int, int, int]:
        """Its first element, the number of its positions and the distance of its channels."""
        positions = self.x.shape[2]
        return self.first * positions, self.count, self.x.shape[1] * positions


def attention_branch(operation: Operation) -> list[Dispatch]:
    """Norm, projections, rotation, attention, gates, projection, sum; lower the operation."""
    x = array(operation.operands[0])
    (norm, into, gate, gate_bias, out), half = weights(operation.operands[1:])
    (channels, _, positions), inner, heads = x.shape, out.shape[1], gate.shape[0]
    width, turns = inner // heads, _turns(inner // heads, positions)
    dispatches: list[Dispatch] = []
    for strip in _strips(x, inner):
        count = strip.count
        y = Scratch(0, channels * count)
        query, key, value, mixed = (Scratch(number, inner * count) for number in range(1, 5))
        gates = Scratch(5, heads * count)
        dispatches += [rms_normed(x, strip.part, norm, half, y)]
        for number, made in enumerate((query, key, value)):
            weight = Weight(
                into.name, (inner, channels), into.start + number * inner * channels, into.dtype
            )
            dispatches += lower_linear(y, count, weight, None, half, made)
        dispatches += lower_linear(y, count, gate, gate_bias, half, gates)
        sizes = {"size": inner // 2 * count, "each": count, "positions": positions}
        pairs = {"PAIRS": width // 2}
        dispatches += [each("rotate", turned, (turns,), sizes, pairs) for turned in (query, key)]
        given = query, key, value, mixed
        dispatches += attended(given, width, heads, strip.rows, (positions, positions))
        dispatches += [
            each("gate_heads", mixed, (gates,), {"each": count}, {"WIDTH": width}, ("activation",)),
            *lower_linear(mixed, count, out, None, half, y),
            _added(strip, y),
        ]
    return dispatches


def feed_forward_branch(operation: Operation) -> list[Dispatch]:
    """Norm, two linear layers, sum; lower the operation."""
    x = array(operation.operands[0])
    (norm, into, into_bias, out, out_bias), half = weights(operation.operands[1:])
    dispatches: list[Dispatch] = []
    for strip in _strips(x, into.shape[0]):
        y = Scratch(0, x.shape[0] * strip.count)
        hidden = Scratch(1, into.shape[0] * strip.count)
        dispatches += [
            rms_normed(x, strip.part, norm, half, y),
            *lower_linear(y, strip.count, into, into_bias, half, hidden, "gelu"),
            *lower_linear(hidden, strip.count, out, out_bias, half, y),
            _added(strip, y),
        ]
    return dispatches


def _strips(x: Array, width: int) -> Iterator[Strip]:
    """Rows of ``x`` of which ``width`` channels have at most :data:`STRIP_BYTES`."""
    _, rows, positions = x.shape
    step = max(1, STRIP_BYTES // (4 * width * positions))
    return (Strip(x, first, min(step, rows - first)) for first in range(0, rows, step))


def _added(strip: Strip, y: Scratch) -> Dispatch:
    first, count, stride = strip.part
    sizes = {"size": y.size, "each": count, "first": first, "stride": stride}
    return each("add_columns", strip.x, (y,), sizes)


@functools.cache
def _turns(width: int, positions: int) -> Table:
    """Cosine and sine of the angle of every pair of channels at every position."""
    pairs = np.stack(rotations(width, positions), axis=-1)
    return Table(tuple(pairs.reshape(-1).tolist()))
