"""Branches that are added."""

from __future__ import annotations

from ...program.program import Operation
from ..norm import EPSILON
from .dispatch import Dispatch, Packed, Scratch, groups
from .norm import MOMENTS, MOST_PARTS, Rows, normalise
from .operands import array, weights

SQUEEZED = 256
"""Positions that a workgroup of squeeze.wgsl computes."""

TILE = 128
"""Positions that a workgroup of expand.wgsl computes."""

QUADS = 8
"""Fours of values, with their gates, that it computes."""


def residual_branch(operation: Operation) -> list[Dispatch]:
    """Squeeze, normalise, GELU, expand, normalise, GLU, scale, add.

    What is squeezed is stored, and normalised where it lies. What is expanded, sixteen times as
    much in the released networks, is not: it is computed twice.
    """
    x = array(operation.operands[0])
    found, half = weights(operation.operands[1:])
    in_weight, in_bias, in_norm, in_norm_bias, out_weight, out_bias, *last = found
    channels, rows, columns = x.shape
    hidden_channels = in_weight.shape[0]
    hidden = Scratch(0, hidden_channels * rows * columns)
    eight = Packed(in_weight, (hidden_channels, channels, 3), (1, 2, 0), row=8)
    quad = Packed(out_weight, (2, channels, hidden_channels), (2, 0, 1), row=4)
    squeeze = Dispatch(
        shader=("weights", "outer", "squeeze"),
        constants={"HALF": half},
        sizes={
            "channels": channels,
            "hidden": hidden_channels,
            "eights": groups(hidden_channels, 8),
            "positions": rows * columns,
            "columns": columns,
            "dilation": operation.options["dilation"],
        },
        bindings=(x, eight, Packed(in_bias), hidden),
        workgroups=(groups(rows * columns, SQUEEZED), groups(hidden_channels, 8), 1),
        writes=(3,),
    )
    affine = Packed(in_norm), Packed(in_norm_bias)
    cut = Rows(hidden_channels, rows, columns)
    norm = normalise(hidden, cut, affine, half, gelu=True, scratch=1)
    quads = groups(channels, 4)
    blocks, tiles = groups(quads, QUADS), groups(columns, TILE)
    each = groups(tiles * blocks, MOST_PARTS)
    shared = groups(tiles, each)
    parts = Scratch(2, MOMENTS * rows * blocks * shared)
    sizes = {
        "channels": channels,
        "hidden": hidden_channels,
        "quads": quads,
        "rows": rows,
        "columns": columns,
    }
    moments = Dispatch(
        shader=("weights", "moments", "outer", "expansion", "expansion_moments"),
        constants={"HALF": half},
        sizes=sizes | {"tiles": each},
        bindings=(hidden, quad, Packed(out_bias), parts),
        workgroups=(shared, rows, blocks),
        writes=(3,),
    )
    expand = Dispatch(
        shader=("activation", "weights", "moments", "gathered", "outer", "expansion", "expand"),
        constants={"HALF": half, "EPSILON": EPSILON},
        sizes=sizes | {"parts": shared * blocks},
        bindings=(x, hidden, quad, Packed(out_bias), parts, *map(Packed, last)),
        workgroups=(tiles, rows, blocks),
        writes=(0,),
    )
    return [squeeze, *norm, moments, expand]
