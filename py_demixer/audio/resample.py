"""Resampling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from py_demixer.extras import require


def resampled(
    blocks: Iterable[NDArray[np.float32]], rate: int, new_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Change the sample rate with libsoxr's very high quality: linear phase, no delay.

    Parameters
    ----------
    blocks
        ``(channels, frames)`` float32; their lengths do not affect the result.
    rate
        Sample rate of the blocks in Hz.
    new_rate
        Wanted sample rate in Hz.

    Yields
    ------
    NDArray[np.float32]
        ``(channels, frames)`` float32, round(frames * new_rate / rate) frames in total; the blocks
        themselves if the rates are equal.
    """
    if rate == new_rate:
        yield from blocks
        return
    soxr = require("soxr")
    stream = None
    for block in blocks:
        if stream is None:
            stream = soxr.ResampleStream(rate, new_rate, len(block), "float32", "VHQ")
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).T
    if stream is not None:
        yield stream.resample_chunk(np.empty((0, len(block)), np.float32), last=True).T
