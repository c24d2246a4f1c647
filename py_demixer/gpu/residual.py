"""Residual branches."""

from __future__ import annotations

import math

from py_demixer.ops.norm import EPSILON
from py_demixer.program.program import Operation

from .dispatch import Dispatch, Packed, Scratch, groups
from .elementwise import each
from .multiply import Product, Window, lower_product, packed_convolution
from .norm import MOMENTS, Rows, gathered, normalise
from .operands import array, weights

IN_POSITIONS = 256
"""Number of positions per workgroup of conv_in.wgsl."""

TILE = 128
"""Number of positions per workgroup of conv_out.wgsl."""

QUADS = 2
"""Number of quads (four values with their gates) that a workgroup computes at a time."""

ENOUGH = 1024
"""Target number of workgroups: instead of more of them, each computes more quads."""


def residual_branch(operation: Operation) -> list[Dispatch]:
    """Squeeze, normalise, GELU, expand, normalise, GLU, scale, add.

    The squeezed array is stored and normalised in place. The expanded one, sixteen times as large
    in the released networks, is never stored: it is computed twice.
    """
    x = array(operation.operands[0])
    found, half = weights(operation.operands[1:])
    in_weight, in_bias, in_norm, in_norm_bias, out_weight, out_bias, *last = found
    channels, rows, columns = x.shape
    hidden_channels = in_weight.shape[0]
    hidden = Scratch(0, hidden_channels * rows * columns)
    eight = Packed(in_weight, (hidden_channels, channels, 3), (1, 2, 0), row=8)
    quad = Packed(out_weight, (2, channels, hidden_channels), (2, 0, 1), row=4)
    conv_in = Dispatch(
        shader=("weights", "outer", "conv_in"),
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
        workgroups=(groups(rows * columns, IN_POSITIONS), groups(hidden_channels, 8), 1),
        writes=(3,),
    )
    affine = Packed(in_norm), Packed(in_norm_bias)
    cut = Rows(hidden_channels, rows, columns)
    norm = normalise(hidden, cut, affine, half, "gelu", scratch=1)
    quads, tiles = groups(channels, 4), groups(columns, TILE)
    times = min(groups(quads, QUADS), rows * tiles * groups(quads, QUADS) // ENOUGH)
    each = QUADS * max(1, times)
    grid = tiles, rows, groups(quads, each)
    sizes = {
        "channels": channels,
        "hidden": hidden_channels,
        "quads": quads,
        "rows": rows,
        "columns": columns,
        "each": each,
    }
    parts = Scratch(3, MOMENTS * math.prod(grid))
    sums = Dispatch(
        shader=(
            "weights",
            "moments_type",
            "moments",
            "outer",
            "conv_out_product",
            "conv_out_moments",
        ),
        constants={"HALF": half},
        sizes=sizes,
        bindings=(hidden, quad, Packed(out_bias), parts),
        workgroups=grid,
        writes=(3,),
    )
    gather, moments = gathered(parts, rows, 4)
    conv_out = Dispatch(
        shader=("activation", "weights", "moments_type", "outer", "conv_out_product", "conv_out"),
        constants={"HALF": half, "EPSILON": EPSILON},
        sizes=sizes,
        bindings=(x, hidden, quad, Packed(out_bias), moments, *map(Packed, last)),
        workgroups=grid,
        writes=(0,),
    )
    return [conv_in, *norm, sums, *gather, conv_out]


def gated_branch(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.residual.gated_branch`, all rows at once."""
    x = array(operation.operands[0])
    found, half = weights(operation.operands[1:])
    norm, norm_bias, into, into_bias, taps, taps_bias, *last_norm, out_of, out_bias = found
    channels, rows, columns = x.shape
    hidden, size = out_of.shape[1], (rows, columns)
    # The last product is as large as the normalised copy of x, which is then no longer needed.
    whole = Scratch(0, x.size)
    gated, smooth = (Scratch(number, hidden * rows * columns) for number in (1, 2))
    copied = each("copy", x, (whole,), writes=1)
    first = Product(
        *(whole, channels, size, gated, Packed(into_bias), half),
        packed_convolution(into, "glu"),
        rows=hidden,
        size=size,
        windows=(Window(), Window(3, padding=1)),
        activation="glu",
    )
    smoothed = each(
        "depthwise",
        gated,
        (Packed(taps), Packed(taps_bias), smooth),
        {"size": smooth.size, "each": rows * columns, "columns": columns},
        {"HALF": half},
        ("weights",),
        writes=3,
    )
    second = Product(
        *(smooth, hidden, size, whole, Packed(out_bias), half),
        packed_convolution(out_of, None),
        rows=channels,
        size=size,
    )
    gelu = {"GELU": operation.options["activation"] == "gelu"}
    added = each("activated_sum", x, (whole,), constants=gelu, includes=("activation",))
    weight, bias = map(Packed, last_norm)
    cut = Rows(channels, rows, columns), Rows(hidden, rows, columns)
    return [
        copied,
        *normalise(whole, cut[0], (Packed(norm), Packed(norm_bias)), half, None, scratch=3),
        *lower_product(first),
        smoothed,
        *normalise(smooth, cut[1], (weight, bias), half, "swish", scratch=5),
        *lower_product(second),
        added,
    ]
