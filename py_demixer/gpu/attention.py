"""Attention that never stores its scores."""

from __future__ import annotations

import math

from py_demixer.program.program import Operation

from .dispatch import Binding, Dispatch, groups
from .operands import MOST_FLOP, array, result

TILE = 64
"""Number of queries of a workgroup, of keys that it holds at a time, and of output channels."""


def attention(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.attention.attention`; heads may have any width."""
    query, key, value = map(array, operation.operands)
    heads, channels = operation.options["heads"], query.shape[0]
    positions = query.shape[1], key.shape[1]
    given = query, key, value, result(operation)
    return attended(given, channels // heads, heads, 1, positions)


def attended(
    bindings: tuple[Binding, Binding, Binding, Binding],
    width: int,
    heads: int,
    rows: int,
    positions: tuple[int, int],
) -> list[Dispatch]:
    """The dispatches of attention within each of ``rows`` rows.

    Parameters
    ----------
    bindings
        Queries, keys, values and the result: ``(heads width, rows, positions)``.
    positions
        Numbers of queries and of keys in a row.
    """
    queries, keys = positions
    blocks, tiles = groups(width, TILE), groups(queries, TILE)
    flop = heads * TILE * keys * 2 * (blocks * width + width)  # per tile of queries
    some = max(1, MOST_FLOP // flop)  # tiles of a dispatch
    step, rows_step = min(some, tiles) * TILE, max(1, some // tiles)
    return [
        Dispatch(
            shader=("outer", "attention"),
            constants={
                "WIDTH": width,
                "BLOCKS": blocks,
                "SCALE": math.log2(math.e) / math.sqrt(width),
                "FOURS": keys % 4 == 0,
            },
            sizes={
                "rows": rows,
                "queries": queries,
                "keys": keys,
                "first": first,
                "first_row": row,
            },
            bindings=bindings,
            workgroups=(
                groups(min(step, queries - first), TILE),
                heads,
                blocks * min(rows_step, rows - row),
            ),
            writes=(3,),
        )
        for row in range(0, rows, rows_step)
        for first in range(0, queries, step)
    ]
