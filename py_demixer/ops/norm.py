"""Normalisation layers, in place. Statistics are biased, as in PyTorch, and kept in float64."""

from __future__ import annotations

import numpy as np

EPSILON = 1e-5


def group_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Group norm with one group (Wu & He 2018), in place.

    Args:
        x: ``(channels, rows, positions)`` float32. Each row is normalised on its own, over
            channels and positions: rows are what PyTorch has as batch here.
        weight, bias: ``(channels,)``.
    """
    count = x.shape[0] * x.shape[2]
    mean = x.sum(axis=2).sum(axis=0, dtype=np.float64) / count
    squares = np.zeros_like(mean)
    x -= mean.astype(np.float32)[:, None]
    for channel in x:
        # Sums are pairwise: a running sum loses digits over a layer's 86,000 positions.
        squares += np.square(channel).sum(axis=1)
    scale = 1 / np.sqrt(squares / count + EPSILON)
    for channel, w, b in zip(x, weight, bias, strict=True):
        channel *= (scale * float(w)).astype(np.float32)[:, None]
        channel += np.float32(b)
    return x


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Layer norm over the channels of every position (Ba et al. 2016), in a new array.

    Args:
        x: ``(channels, positions)`` float32.
        weight, bias: ``(channels,)``.
    """
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    y = x - mean
    variance = np.einsum("cp,cp->p", y, y, dtype=np.float64) / len(y)
    y *= (1 / np.sqrt(variance + EPSILON)).astype(np.float32)
    y *= weight.astype(np.float32)[:, None]
    y += bias.astype(np.float32)[:, None]
    return y
