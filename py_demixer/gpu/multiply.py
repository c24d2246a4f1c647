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

from py_demixer.program.program import Operation, Weight

from .dispatch import Binding, Dispatch, Packed, Table, groups
from .operands import MOST_FLOP, MOST_GROUPS, array, result, weights

_DEPTH = 16  # channels in workgroup memory at a time; the tiles then take 10 KiB at most
_BLOCK = 8  # rows, and positions, per invocation


@dataclass(frozen=True)
class Window:
    """The part of the input that an output position sees along one axis.

    ``padding`` is the number of zeros before the input.
    """

    taps: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Product:
    """A matrix product that the shader computes.

    Attributes
    ----------
    x, channels, in_size
        The input, ``(channels, *in_size)``.
    y
        The output, ``(rows, *size)``; of a transposed convolution, ``(rows, height, width)``.
    bias
        One for each row of each group.
    half, half_bias
        Whether the weights, and the bias, are float16; None: the bias is like the weights.
    weights
        ``(taps, channels, groups, rows)``, with rows padded to a multiple of four.
    rows
        Number of rows in a group, without the padding.
    size
        Positions of the output: height and width.
    windows
        Windows along height and width.
    activation
        None, ``"gelu"``, ``"swish"``, or ``"glu"`` with two groups: values and gates.
    phases
        For a transposed convolution, the output rows at each position; otherwise 0.
    crop, height
        The rows that a transposed convolution drops at the start, and keeps.
    part
        If only some positions are computed, from which one on, and how many; ``y`` has only these.
    """

    x: Binding
    channels: int
    in_size: tuple[int, int]
    y: Binding
    bias: Binding
    half: bool
    weights: Packed
    rows: int
    size: tuple[int, int]
    windows: tuple[Window, Window] = (Window(), Window())
    activation: str | None = None
    phases: int = 0
    crop: int = 0
    height: int = 0
    part: tuple[int, int] | None = None
    half_bias: bool | None = None


def conv2d(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.conv.conv2d`."""
    x, y = array(operation.operands[0]), result(operation)
    (weight, bias), half = weights(operation.operands[1:])
    options = operation.options
    kernel = weight.shape[2:]
    stride, dilation, padding = (options[name] for name in ("stride", "dilation", "padding"))
    down, across = (
        Window(kernel[axis], stride[axis], dilation[axis], padding[axis][0]) for axis in (0, 1)
    )
    return lower_product(
        Product(
            *(x, x.shape[0], _pair(x.shape[1:]), y, Packed(bias), half),
            packed_convolution(weight, options["activation"]),
            rows=y.shape[0],
            size=_pair(y.shape[1:]),
            windows=(down, across),
            activation=options["activation"],
        )
    )


def packed_convolution(weight: Weight, activation: str | None) -> Packed:
    """The weights of a convolution, ``(out, in, ...)``, as a product reads them."""
    n_out, n_in, *kernel = weight.shape
    halves = 2 if activation == "glu" else 1
    return Packed(weight, (halves, n_out // halves, n_in, math.prod(kernel)), (3, 2, 0, 1), row=4)


def linear(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.linear.linear`."""
    x, y = array(operation.operands[0]), result(operation)
    (weight, bias), half = weights(operation.operands[1:])
    return lower_linear(x, x.shape[1], weight, bias, half, y, operation.options["activation"])


def lower_linear(
    x: Binding,
    positions: int,
    weight: Weight,
    bias: Weight | None,
    half: bool,
    y: Binding,
    activation: str | None = None,
) -> list[Dispatch]:
    """The dispatches of a linear layer; None: without a bias."""
    out, channels = weight.shape
    rows, size = out // 2 if activation == "glu" else out, (1, positions)
    return lower_product(
        Product(
            *(x, channels, size, y, Packed(bias) if bias else Table((0.0,) * out), half),
            packed_convolution(weight, activation),
            rows=rows,
            size=size,
            activation=activation,
            half_bias=None if bias else False,
        )
    )


def conv_transpose2d(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.conv.conv_transpose2d`."""
    x, y = array(operation.operands[0]), result(operation)
    (weight, bias), half = weights(operation.operands[1:])
    n_in, n_out, kernel, _ = weight.shape
    stride, crop = operation.options["stride"], operation.options["crop"]
    taps = kernel // stride
    packed = Packed(weight, (n_in, n_out, taps, stride), (2, 0, 1, 3), row=4)
    _, height, width = y.shape
    first, last = crop // stride, (crop + height - 1) // stride
    return lower_product(
        Product(
            *(x, n_in, _pair(x.shape[1:]), y, Packed(bias), half, packed),
            rows=n_out * packed.packed_shape[3],
            size=(last - first + 1, width),
            # Tap t of row q sees row first + q - t.
            windows=(Window(taps, dilation=-1, padding=-first), Window()),
            activation=operation.options["activation"],
            phases=stride,
            crop=crop % stride,
            height=height,
        )
    )


def lower_product(product: Product) -> list[Dispatch]:
    """The dispatches of a product, each for some positions of the output."""
    down, across = product.windows
    start, count = product.part or (0, math.prod(product.size))
    activation, channels = product.activation, product.channels
    rows = product.rows * (2 if activation == "glu" else 1)
    threads = (8, 8) if rows > 4 * _BLOCK else (4, 16)
    constants = {
        "ROW_THREADS": threads[0],
        "COLUMN_THREADS": threads[1],
        "DEPTH": groups(channels, groups(channels, _DEPTH)),
        "PHASES": product.weights.packed_shape[3] if product.phases else 1,
        # Every output position sees only the input at the same position.
        "PLAIN": product.size == product.in_size and down == across == Window(),
        "GELU": activation == "gelu",
        "GLU": activation == "glu",
        "SWISH": activation == "swish",
        "HALF": product.half,
        "HALF_BIAS": product.half if product.half_bias is None else product.half_bias,
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
        "in_height": product.in_size[0],
        "in_width": product.in_size[1],
        "width": product.size[1],
        "positions": count,
        "skipped": start,
        "phases": product.phases,
        "crop": product.crop,
        "height": product.height,
    }
    row_tiles, columns = groups(rows, _BLOCK * threads[0]), _BLOCK * threads[1]
    flop = 2 * row_tiles * _BLOCK * threads[0] * channels * sizes["taps"] * columns
    step, stop = max(1, min(MOST_GROUPS, MOST_FLOP // flop)) * columns, start + count
    return [
        Dispatch(
            shader=("activation", "outer", "multiply"),
            bindings=(product.weights, product.bias, product.x, product.y),
            workgroups=(row_tiles, groups(min(step, stop - first), columns), 1),
            writes=(3,),
            constants=constants,
            sizes=sizes | {"first": first, "end": min(first + step, stop)},
        )
        for first in range(start, stop, step)
    ]


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    height, width = size
    return height, width
