"""Attention that never stores its scores."""

from __future__ import annotations

import math

from py_demixer.program.program import Operation

from .dispatch import Dispatch, groups
from .operands import MOST_FLOP, array, result

TILE = 64
"""Number of queries of a workgroup, of keys that it holds at a time, and of output channels."""


def attention(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.attention.attention`; heads may have any width."""
    query, key, value = map(array, operation.operands)
    heads = operation.options["heads"]
    width = query.shape[0] // heads
    queries, keys = query.shape[1], key.shape[1]
    blocks = groups(width, TILE)
    flop = heads * TILE * keys * 2 * (blocks * width + width)  # per tile of queries
    step = max(1, MOST_FLOP // flop) * TILE
    return [
        Dispatch(
            shader=("outer", "attention"),
            constants={
                "WIDTH": width,
                "SCALE": math.log2(math.e) / math.sqrt(width),
                "FOURS": keys % 4 == 0,
            },
            sizes={"queries": queries, "keys": keys, "first": first},
            bindings=(query, key, value, result(operation)),
            workgroups=(groups(min(step, queries - first), TILE), heads, blocks),
            writes=(3,),
        )
        for first in range(0, queries, step)
    ]
