"""Convolutions as chunked GEMM.

A convolution is the product of its weights ``(out channels, in channels x taps)`` with the patches
of its input ``(in channels x taps, positions)`` (Chellapilla et al. 2006). The whole patch matrix
would be ``taps`` times as large as the input, hundreds of megabytes; so the output is computed in
tiles whose patches and results stay below ``SCRATCH_BYTES``, whatever the layer. Activations are
applied to a tile while it is still in the cache. The C kernels do the same in far smaller blocks.

A transposed convolution with stride ``s`` is computed as an ordinary convolution at the input's
resolution that gives ``s`` phases of the output at once (Shi et al. 2016, sub-pixel convolution);
the phases are then interleaved. There are no overlapping additions, so tiles are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import activate
from .operation import Shape, operation

SCRATCH_BYTES = 16 << 20
"""Scratch memory for one convolution: the patches of a tile and their product."""

Pair = tuple[int, int]


def _convolved(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    *_: NDArray[np.float32],
    stride: Pair = (1, 1),
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    activation: str | None = None,
    **__: int,
) -> Shape:
    """The shape of the result of :func:`conv2d`."""
    height, width = (
        (x.shape[1 + axis] + sum(padding[axis]) - dilation[axis] * (weight.shape[2 + axis] - 1) - 1)
        // stride[axis]
        + 1
        for axis in (0, 1)
    )
    channels = len(weight) // 2 if activation == "glu" else len(weight)
    return channels, height, width


@operation(_convolved)
def conv2d(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    stride: Pair = (1, 1),
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    activation: str | None = None,
    scratch_bytes: int = SCRATCH_BYTES,
) -> NDArray[np.float32]:
    """2-D convolution (cross-correlation), as ``torch.nn.functional.conv2d``.

    Parameters
    ----------
    x
        ``(in, height, width)`` float32.
    weight
        ``(out, in, kernel height, kernel width)``, float16 or float32.
    bias
        ``(out,)``.
    padding
        Zeros before and after, for height and width.
    activation
        None, ``"gelu"``, ``"swish"`` or ``"glu"`` (which halves the channels).
    scratch_bytes
        Limit on the memory for patches and products.

    Returns
    -------
    NDArray[np.float32]
        ``(out, height', width')`` float32; ``out / 2`` channels with ``"glu"``.
    """
    taps = [
        (i * dilation[0] - padding[0][0], j * dilation[1] - padding[1][0])
        for i in range(weight.shape[2])
        for j in range(weight.shape[3])
    ]
    channels, height, width = _convolved(
        x, weight, stride=stride, padding=padding, dilation=dilation, activation=activation
    )
    size = (height, width)
    out = np.empty((channels, *size), np.float32)
    matrix = weight.reshape(len(weight), -1)
    if (kernels := backend.kernels()) is not None:
        kernels.convolve(
            matrix, x, out, taps=taps, size=size, stride=stride, bias=bias, activation=activation
        )
        return out
    for tile, product in _products(x, matrix, bias, taps, stride, size, scratch_bytes, activation):
        out[:, tile.rows, tile.columns] = product
    return out


def conv1d(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    stride: int = 1,
    padding: Pair = (0, 0),
    dilation: int = 1,
    activation: str | None = None,
    scratch_bytes: int = SCRATCH_BYTES,
) -> NDArray[np.float32]:
    """:func:`conv2d` in 1-D: of ``x (in, length)`` with ``weight (out, in, kernel)``."""
    return conv2d(
        x[:, None],
        weight[:, :, None],
        bias,
        stride=(1, stride),
        padding=((0, 0), padding),
        dilation=(1, dilation),
        activation=activation,
        scratch_bytes=scratch_bytes,
    )[:, 0]


def _upsampled(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    *_: NDArray[np.float32],
    height: int,
    **__: Any,
) -> Shape:
    """The shape of the result of :func:`conv_transpose2d`."""
    return weight.shape[1], height, x.shape[2]


@operation(_upsampled)
def conv_transpose2d(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    stride: int,
    crop: int,
    height: int,
    activation: str | None = None,
    scratch_bytes: int = SCRATCH_BYTES,
) -> NDArray[np.float32]:
    """Transposed convolution along the height, as ``torch.nn.functional.conv_transpose2d``.

    Parameters
    ----------
    x
        ``(in, rows, width)`` float32.
    weight
        ``(in, out, kernel, 1)``, in PyTorch's order; the kernel is a multiple of the stride.
    bias
        ``(out,)``.
    crop, height
        Only ``height`` rows of the full output are computed, starting at row ``crop``.
    activation
        None or ``"gelu"``.

    Returns
    -------
    NDArray[np.float32]
        ``(out, height, width)`` float32.

    Raises
    ------
    ValueError
        The activation is not one of these, or the kernel is not a multiple of the stride.
    """
    n_in, n_out, kernel, _ = weight.shape
    if activation not in (None, "gelu"):
        # The phases of a tile are stacked as rows: a GLU would pair the wrong channels.
        raise ValueError(f"A transposed convolution cannot be followed by {activation!r}.")
    if kernel % stride:
        raise ValueError(f"The kernel of {kernel} is not a multiple of the stride of {stride}.")
    # Full output row q * stride + phase is the sum over taps t of
    # weight[..., t * stride + phase] * x[row q - t].
    taps = [(-t, 0) for t in range(kernel // stride)]
    phases = weight.reshape(n_in, n_out, len(taps), stride).transpose(3, 1, 0, 2)
    matrix = phases.reshape(stride * n_out, n_in * len(taps))
    first, last = crop // stride, (crop + height - 1) // stride
    out = np.empty((n_out, height, x.shape[2]), np.float32)
    size = (last - first + 1, x.shape[2])
    taps = [(first + row, column) for row, column in taps]
    biases = np.tile(bias, stride)
    products = _products(x, matrix, biases, taps, (1, 1), size, scratch_bytes, activation)
    for tile, product in products:
        for phase, values in enumerate(np.split(product, stride)):
            start = (first + tile.rows.start) * stride + phase - crop
            target, source = _inside(start, stride, values.shape[1], height)
            out[:, target, tile.columns] = values[:, source]
    return out


def conv_transpose1d(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    stride: int,
    crop: int,
    length: int,
    activation: str | None = None,
    scratch_bytes: int = SCRATCH_BYTES,
) -> NDArray[np.float32]:
    """:func:`conv_transpose2d` in 1-D: of ``x (in, length)`` with ``weight (in, out, kernel)``."""
    return conv_transpose2d(
        x[:, :, None],
        weight[:, :, :, None],
        bias,
        stride=stride,
        crop=crop,
        height=length,
        activation=activation,
        scratch_bytes=scratch_bytes,
    )[:, :, 0]


@dataclass(frozen=True)
class _Tile:
    """A rectangle of output positions."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> Pair:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def _products(
    x: NDArray[np.float32],
    matrix: NDArray[np.float32],
    bias: NDArray[np.float32],
    taps: list[Pair],
    stride: Pair,
    size: Pair,
    scratch_bytes: int,
    activation: str | None,
) -> Iterator[tuple[_Tile, NDArray[np.float32]]]:
    """Yield ``activation(matrix @ patches + bias)`` for every tile, in reused scratch memory.

    Output position (r, c) sees the input at (r, c) * stride + tap, zero outside ``x``.
    """
    kernels = backend.kernels()
    depth = 0 if kernels else matrix.shape[1]  # the kernels need no patches
    positions = max(1, scratch_bytes // (4 * (len(matrix) + depth)))
    most = min(positions, size[0] * size[1])
    patch_memory = np.empty(depth * most, np.float32)
    product_memory = np.empty(len(matrix) * most, np.float32)
    bias = bias.astype(np.float32, copy=False)
    if kernels is None:  # convert once, not for every tile
        matrix = matrix.astype(np.float32, copy=False)
    for tile in _tiles(size, positions):
        count = tile.shape[0] * tile.shape[1]
        product = product_memory[: len(matrix) * count].reshape(len(matrix), count)
        if kernels is not None:
            top, left = tile.rows.start * stride[0], tile.columns.start * stride[1]
            seen = [(top + row, left + column) for row, column in taps]
            kernels.convolve(
                matrix,
                x,
                product,
                taps=seen,
                size=tile.shape,
                stride=stride,
                bias=bias,
                activation=activation,
            )
        else:
            patches = patch_memory[: depth * count].reshape(len(x), len(taps), *tile.shape)
            for index, tap in enumerate(taps):
                _copy_tap(x, patches[:, index], tile, stride, tap)
            backend.gemm(matrix, patches.reshape(-1, count), product)
            product += bias[:, None]
            product = activate(product, activation)
        yield tile, product.reshape(len(product), *tile.shape)


def _tiles(size: Pair, positions: int) -> Iterator[_Tile]:
    """Cut the output into tiles of whole rows where they fit, otherwise into pieces of a row."""
    height, width = size
    columns = min(width, positions)
    rows = max(1, positions // width)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield _Tile(
                slice(top, min(height, top + rows)), slice(left, min(width, left + columns))
            )


def _copy_tap(
    x: NDArray[np.float32], patch: NDArray[np.float32], tile: _Tile, stride: Pair, tap: Pair
) -> None:
    """Copy the input of one kernel tap for a whole tile to ``patch (in, rows, columns)``."""
    rows_in, rows = _inside(
        tile.rows.start * stride[0] + tap[0], stride[0], patch.shape[1], x.shape[1]
    )
    columns_in, columns = _inside(
        tile.columns.start * stride[1] + tap[1], stride[1], patch.shape[2], x.shape[2]
    )
    if rows != slice(0, patch.shape[1]) or columns != slice(0, patch.shape[2]):
        patch[...] = 0
    patch[:, rows, columns] = x[:, rows_in, columns_in]


def _inside(start: int, stride: int, count: int, size: int) -> tuple[slice, slice]:
    """Find which of the positions start, start + stride, ... (count of them) lie in [0, size).

    Returns
    -------
    tuple[slice, slice]
        The slice of the axis that they select, and the slice of the ``count`` positions.
    """
    skip = min(count, max(0, -(start // stride)))
    stop = min(count, max(skip, -((start - size) // stride)))
    begin, end = start + skip * stride, start + (stop - 1) * stride + 1
    return slice(begin, max(begin, end), stride), slice(skip, stop)
