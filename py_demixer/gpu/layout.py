"""Operations that only move numbers, as in :mod:`py_demixer.ops.layout`."""

from __future__ import annotations

from py_demixer.program.program import Array, Operation

from .dispatch import Dispatch, groups
from .elementwise import each
from .operands import array, result

SIDE = 16
"""Rows and positions of the square that a workgroup of transpose.wgsl moves."""


def transpose(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.layout.transpose`."""
    x, y = array(operation.operands[0]), result(operation)
    channels, rows, positions = x.shape
    return [
        Dispatch(
            shader=("transpose",),
            sizes={"rows": rows, "positions": positions},
            bindings=(x, y),
            workgroups=(groups(positions, SIDE), groups(rows, SIDE), channels),
            writes=(1,),
        )
    ]


def take_rows(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.layout.take_rows`."""
    x, y = array(operation.operands[0]), result(operation)
    return [_copied(x, operation.options["start"], y, 0, y.shape[1])]


def join_rows(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.layout.join_rows`."""
    y, first, dispatches = result(operation), 0, []
    for part in map(array, operation.operands):
        dispatches.append(_copied(part, 0, y, first, part.shape[1]))
        first += part.shape[1]
    return dispatches


def put_row(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.layout.put_row`."""
    x, part = map(array, operation.operands)
    channels, positions = part.shape
    row = Array(part.buffer, (channels, 1, positions), part.start)
    return [_copied(row, 0, x, operation.options["row"], 1)]


def _copied(x: Array, x_row: int, y: Array, y_row: int, rows: int) -> Dispatch:
    """Copy rows from ``x_row`` on to the rows from ``y_row`` on, in every channel."""
    channels, _, positions = x.shape
    sizes = {
        "size": channels * rows * positions,
        "each": rows * positions,
        "x_channel": x.shape[1] * positions,
        "x_first": x_row * positions,
        "y_channel": y.shape[1] * positions,
        "y_first": y_row * positions,
    }
    return each("rows_of", x, (y,), sizes, writes=1)
