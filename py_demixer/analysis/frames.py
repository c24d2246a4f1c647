"""Cutting a stream of samples into overlapping frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class Frames:
    """Cuts a mono signal that comes in blocks into batches of frames.

    Frame ``k`` is centred on sample ``k * hop``; before and after the signal is silence. Every
    batch has the same shape, so results of matrix products do not depend on the blocks.

    Parameters
    ----------
    size, hop
        Length and distance of the frames, in samples.
    batch
        Number of frames of a batch.
    """

    def __init__(self, size: int, hop: int, batch: int) -> None:
        self._size, self._hop = size, hop
        self._step = hop * batch
        self._buffer = np.zeros(size - hop + self._step, np.float32)
        self._filled = size // 2

    def update(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Take in samples ``(n,)``, and yield batches ``(batch, size)``.

        A batch is a view, valid until the next one is requested.
        """
        start = 0
        while start < samples.size:
            part = samples[start : start + self._buffer.size - self._filled]
            self._buffer[self._filled : self._filled + part.size] = part
            self._filled += part.size
            start += part.size
            if self._filled == self._buffer.size:
                yield self._frames()
                self._filled -= self._step
                self._buffer[: self._filled] = self._buffer[self._step :]

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """Yield the last frames, ``(n, size)``, if there are any whose centre is in the signal."""
        self._buffer[self._filled :] = 0
        count = -(-(self._filled - self._size // 2) // self._hop)
        if count > 0:
            yield self._frames()[:count]

    def _frames(self) -> NDArray[np.float32]:
        # sliding_window_view would first make a view of all frames with a hop of 1, whose size is
        # too large a number in Pyodide.
        count = 1 + (self._buffer.size - self._size) // self._hop
        (step,) = self._buffer.strides
        return np.lib.stride_tricks.as_strided(
            self._buffer, (count, self._size), (self._hop * step, step), writeable=False
        )
