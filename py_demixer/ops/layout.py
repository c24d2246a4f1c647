"""Operations that only move numbers: another order of axes, ranges of rows, rows put together.

Arrays that are put together from many parts start as zeros.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .operation import Shape, operation


def _transposed(x: NDArray[np.float32]) -> Shape:
    """The shape of the result of :func:`transpose`."""
    channels, rows, positions = x.shape
    return channels, positions, rows


@operation(_transposed)
def transpose(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Swap the last two axes, in the same memory: the argument must not be used any more.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32, C-contiguous.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, positions, rows)`` float32, C-contiguous.
    """
    assert x.flags.c_contiguous
    out = x.reshape(_transposed(x))
    channel = np.empty(out.shape[1:], np.float32)
    for before, after in zip(x, out, strict=True):
        channel[...] = before.T
        after[...] = channel
    return out


def _taken(x: NDArray[np.float32], *, start: int, stop: int) -> Shape:
    """The shape of the result of :func:`take_rows`."""
    return x.shape[0], stop - start, x.shape[2]


@operation(_taken)
def take_rows(x: NDArray[np.float32], *, start: int, stop: int) -> NDArray[np.float32]:
    """The rows ``[start, stop)`` of every channel, only for reading: NumPy does not copy them.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, stop - start, positions)`` float32.
    """
    return x[:, start:stop]


def _joined(*parts: NDArray[np.float32]) -> Shape:
    """The shape of the result of :func:`join_rows`."""
    channels, _, positions = parts[0].shape
    return channels, sum(part.shape[1] for part in parts), positions


@operation(_joined)
def join_rows(
    low: NDArray[np.float32], middle: NDArray[np.float32], high: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The rows of three bands, one band after the other.

    Parameters
    ----------
    low, middle, high
        ``(channels, rows, positions)`` float32, with numbers of rows of their own.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, all rows, positions)`` float32.
    """
    return np.concatenate([low, middle, high], axis=1)


def _of_shape(_: NDArray[np.float32], *, shape: Shape) -> Shape:
    """The shape of the result of :func:`zeros`."""
    return shape


@operation(_of_shape)
def zeros(like: NDArray[np.float32], *, shape: Shape) -> NDArray[np.float32]:
    """Zeros, float32.

    Parameters
    ----------
    like
        Any array of the network: its values do not matter.
    shape
        Shape of the result.
    """
    return np.zeros(shape, np.float32)


@operation()
def put_row(x: NDArray[np.float32], part: NDArray[np.float32], *, row: int) -> NDArray[np.float32]:
    """Overwrite a row of every channel, in place.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.
    part
        ``(channels, positions)`` float32.
    row
        Index of the row.
    """
    x[:, row] = part
    return x
