"""Operations that only move numbers: another order of axes, ranges of rows, rows put together."""

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
    """Swap the last two axes.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, positions, rows)`` float32, C-contiguous.
    """
    return np.ascontiguousarray(x.swapaxes(1, 2))


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
