"""Multi-head scaled dot-product attention (Vaswani et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import softmax
from .operation import operation, same_shape

SCORE_BYTES = 1 << 20
"""Limit for the scores of one block of queries, whatever the number of positions. Five passes are
made over them, so they should stay in a cache."""


@operation(same_shape)
def attention(
    query: NDArray[np.float32],
    key: NDArray[np.float32],
    value: NDArray[np.float32],
    heads: int,
    score_bytes: int = SCORE_BYTES,
) -> NDArray[np.float32]:
    """Attend one head and one block of queries at a time; the whole score matrix never exists.

    Parameters
    ----------
    query
        ``(channels, queries)`` float32, already projected.
    key, value
        ``(channels, keys)`` float32, already projected.
    heads
        Number of heads; each has ``channels / heads`` adjacent channels.
    score_bytes
        Limit on the scratch memory for scores; the kernels always need less.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, queries)``.
    """
    width = len(query) // heads
    step = max(1, score_bytes // (4 * key.shape[1]))
    out = np.empty_like(query)
    if (kernels := backend.kernels()) is not None:
        one_row = (query[:, None], key[:, None], value[:, None])
        kernels.attention(*one_row, heads, out[:, None])
        return out
    for head in range(heads):
        rows = slice(head * width, (head + 1) * width)
        scaled = query[rows] * np.float32(width**-0.5)
        for start in range(0, query.shape[1], step):
            block = slice(start, start + step)
            scores = backend.gemm(scaled[:, block].T, key[rows])
            out[rows, block] = _weighted(value[rows], scores)
    return out


def _weighted(value: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """``value @ softmax(scores).T``; the scores are overwritten."""
    factors = softmax(scores)
    mixed = backend.gemm(value, scores.T)
    mixed *= factors
    return mixed


def attention_in_rows(
    query: NDArray[np.float32],
    key: NDArray[np.float32],
    value: NDArray[np.float32],
    heads: int,
    score_bytes: int = SCORE_BYTES,
) -> NDArray[np.float32]:
    """:func:`attention` in each row, of as many rows at a time as have few enough scores.

    Parameters
    ----------
    query, key, value
        ``(channels, rows, positions)`` float32, already projected.
    heads
        Number of heads; each has ``channels / heads`` adjacent channels.
    score_bytes
        Limit on the scratch memory for scores.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, rows, positions)``.
    """
    channels, rows, positions = query.shape
    out = np.empty(query.shape, np.float32)
    if (kernels := backend.kernels()) is not None:
        kernels.attention(query, key, value, heads, out)
        return out
    step = score_bytes // (4 * positions**2)
    if step < 2:
        for row in range(rows):
            given = query[:, row], key[:, row], value[:, row]
            out[:, row] = attention(*given, heads=heads, score_bytes=score_bytes)
        return out
    width = channels // heads
    for head in range(heads):
        for start in range(0, rows, step):
            part = slice(head * width, (head + 1) * width), slice(start, start + step)
            _attend_short_rows(query[part], key[part], value[part], out[part])
    return out


def _attend_short_rows(
    query: NDArray[np.float32],
    key: NDArray[np.float32],
    value: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """One head of :func:`attention_in_rows`, with the scores of all rows at once."""
    width, rows, positions = query.shape
    scaled = query * np.float32(width**-0.5)
    scores = np.empty((rows, positions, positions), np.float32)
    for row in range(rows):
        backend.gemm(scaled[:, row].T, key[:, row], scores[row])
    factors = softmax(scores)
    for row in range(rows):
        np.multiply(backend.gemm(value[:, row], scores[row].T), factors[row], out=out[:, row])


ITSELF = -100.0
"""The score of a position with itself in :func:`local_attention`."""


def local_attention(
    query: NDArray[np.float32],
    key: NDArray[np.float32],
    value: NDArray[np.float32],
    decay: NDArray[np.float32],
    score_bytes: int = SCORE_BYTES,
) -> NDArray[np.float32]:
    """Attention of every position to all others, decaying with distance.

    A score is ``query . key / sqrt(width) - decay * distance``; the score of a position with itself
    is so low that it has no effect. Source: ``LocalState`` of demucs/demucs.py.

    Parameters
    ----------
    query, key, value
        ``(channels, positions)`` float32, already projected.
    decay
        ``(heads, positions)`` float32, not negative: how much a query's score drops per position of
        distance.
    score_bytes
        Limit on the scratch memory for scores.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, positions)``.
    """
    heads, count = decay.shape
    width = len(query) // heads
    step = max(1, score_bytes // (4 * count))
    positions = np.arange(count, dtype=np.float32)
    out = np.empty_like(query)
    for head in range(heads):
        rows = slice(head * width, (head + 1) * width)
        scaled = query[rows] * np.float32(width**-0.5)
        for start in range(0, count, step):
            block = slice(start, start + step)
            scores = backend.gemm(scaled[:, block].T, key[rows])
            distance = np.abs(positions[block, None] - positions)
            distance *= decay[head, block, None]
            scores -= distance
            np.fill_diagonal(scores[:, block], ITSELF)
            out[rows, block] = _weighted(value[rows], scores)
    return out
