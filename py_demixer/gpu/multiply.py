"""Convolutions and linear layers: all use one shader, a tiled matrix product.

A convolution is the product of its weights ``(out channels, in channels x taps)`` with the patches
of its input ``(in channels x taps, positions)``, see :mod:`py_demixer.ops.conv`. The shader gathers
each tile of patches from the input when it is needed; patches are never stored. A linear layer is a
convolution with one tap; a transposed convolution computes all phases of an output position at
once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from py_demixer.program.program import Operation

from .dispatch import Dispatch, Packed, groups
from .operands import MOST_FLOP, MOST_GROUPS, array, result, weights

_DEPTH = 16  # channels in workgroup memory at a time; the tiles then take 10 KiB at most
_BLOCK = 8  # rows, and positions, per invocation


@dataclass(frozen=True)
class _Window:
    """The part of the input that an output position sees along one axis.

    ``padding`` is the number of zeros before the input.
    """

    taps: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0


@dataclass(frozen=True)
class _Product:
    """The matrix product that the shader computes for an operation.

    Attributes
    ----------
    operation
        The operation, whose operands are the input, the weights and the bias.
    weights
        ``(taps, channels, groups, rows)``, with rows padded to a multiple of four.
    rows
        Number of rows in a group, without the padding.
    size
        Positions of the output: height and width.
    windows
        Windows along height and width.
    phases
        For a transposed convolution, the output rows at each position; otherwise 0.
    crop
        Number of rows that a transposed convolution drops at the start.
    """

    operation: Operation
    weights: Packed
    rows: int
    size: tuple[int, int]
    windows: tuple[_Window, _Window]
    phases: int = 0
    crop: int = 0


def conv2d(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.conv.conv2d`."""
    (weight, _), _ = weights(operation.operands[1:])
    options = operation.options
    n_out, n_in, *kernel = weight.shape
    halves = 2 if options["activation"] == "glu" else 1
    taps = math.prod(kernel)
    packed = Packed(weight, (halves, n_out // halves, n_in, taps), (3, 2, 0, 1), row=4)
    stride, dilation = options["stride"], options["dilation"]
    padding = options["padding"]
    windows = [
        _Window(kernel[axis], stride[axis], dilation[axis], padding[axis][0]) for axis in (0, 1)
    ]
    rows, height, width = result(operation).shape
    return _lower(_Product(operation, packed, rows, (height, width), (windows[0], windows[1])))


def linear(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.linear.linear`."""
    (weight, _), _ = weights(operation.operands[1:])
    packed = Packed(weight, (1, *weight.shape, 1), (3, 2, 0, 1), row=4)
    rows, positions = result(operation).shape
    return _lower(_Product(operation, packed, rows, (1, positions), (_Window(), _Window())))


def conv_transpose2d(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.conv.conv_transpose2d`."""
    (weight, _), _ = weights(operation.operands[1:])
    n_in, n_out, kernel, _ = weight.shape
    stride, crop = operation.options["stride"], operation.options["crop"]
    taps = kernel // stride
    packed = Packed(weight, (n_in, n_out, taps, stride), (2, 0, 1, 3), row=4)
    _, height, width = result(operation).shape
    first, last = crop // stride, (crop + height - 1) // stride
    return _lower(
        _Product(
            operation,
            packed,
            n_out * packed.packed_shape[3],
            (last - first + 1, width),
            # Tap t of row q sees row first + q - t.
            (_Window(taps, dilation=-1, padding=-first), _Window()),
            phases=stride,
            crop=crop % stride,
        )
    )


def _lower(product: _Product) -> list[Dispatch]:
    x, y = array(product.operation.operands[0]), result(product.operation)
    (_, bias), half = weights(product.operation.operands[1:])
    down, across = product.windows
    channels = x.shape[0]
    in_size = (1, *x.shape[1:])[-2:]
    positions = math.prod(product.size)
    activation = product.operation.options["activation"]
    rows = product.rows * (2 if activation == "glu" else 1)
    threads = (8, 8) if rows > 4 * _BLOCK else (4, 16)
    constants = {
        "ROW_THREADS": threads[0],
        "COLUMN_THREADS": threads[1],
        "DEPTH": groups(channels, groups(channels, _DEPTH)),
        "PHASES": product.weights.packed_shape[3] if product.phases else 1,
        # Every output position sees only the input at the same position.
        "PLAIN": product.size == in_size and down == across == _Window(),
        "GELU": activation == "gelu",
        "GLU": activation == "glu",
        "HALF": half,
    }
    sizes = {
        "rows": product.rows,
        "row_quads": groups(product.rows, 4),
        "channels": channels,
        "taps": down.taps * across.taps,
        "taps_across": across.taps,
        "stride_y": down.stride,
        "stride_x": across.stride,
        "dilation_y": down.dilation % 2**32,
        "dilation_x": across.dilation,
        "padding_y": down.padding % 2**32,
        "padding_x": across.padding,
        "in_height": in_size[0],
        "in_width": in_size[1],
        "width": product.size[1],
        "positions": positions,
        "phases": product.phases,
        "crop": product.crop,
        "height": y.shape[-2],
    }
    row_tiles, columns = groups(rows, _BLOCK * threads[0]), _BLOCK * threads[1]
    flop = 2 * row_tiles * _BLOCK * threads[0] * channels * sizes["taps"] * columns
    step = max(1, min(MOST_GROUPS, MOST_FLOP // flop)) * columns
    return [
        Dispatch(
            shader=("activation", "weights", "outer", "multiply"),
            bindings=(product.weights, Packed(bias), x, y),
            workgroups=(row_tiles, groups(min(step, positions - first), columns), 1),
            writes=(3,),
            constants=constants,
            sizes=sizes | {"first": first, "end": min(first + step, positions)},
        )
        for first in range(0, positions, step)
    ]
