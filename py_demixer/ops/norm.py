"""Normalisation. The variances of norm layers are biased, as in PyTorch; statistics are float64."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import BLOCK, activate, apply_gate
from .operation import operation, same_shape
from .subnormal import drop_subnormals

EPSILON = 1e-5


@operation()
def group_norm(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    groups: int = 1,
    activation: str | None = None,
) -> NDArray[np.float32]:
    """Group norm (Wu & He 2018), in place, then an activation.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32. Each row is normalised on its own, over channels
        and positions: in PyTorch the rows are the batch.
    weight, bias
        ``(channels,)``.
    groups
        Number of groups of adjacent channels; each group is normalised on its own.
    activation
        None, ``"gelu"``, ``"swish"`` or ``"glu"`` (which halves the channels).

    Returns
    -------
    NDArray[np.float32]
        ``x``, or with ``"glu"`` its first half; the second half is overwritten.
    """
    if groups > 1:
        for group in zip(*(np.split(a, groups) for a in (x, weight, bias)), strict=True):
            group_norm(*group)
        return activate(x, activation)
    if (kernels := backend.kernels()) is not None:
        kernels.group_norm(x, weight, bias, EPSILON, activation)
        return x[: len(x) // 2] if activation == "glu" else x
    count = x.shape[0] * x.shape[2]
    mean = x.sum(axis=2).sum(axis=0, dtype=np.float64) / count
    shift, squares = mean.astype(np.float32)[:, None], np.zeros_like(mean)
    for block in _blocks(x):
        part = x[block]
        part -= shift
        # Sums are pairwise: a running sum loses digits over a layer's 86,000 positions.
        squares += np.square(part).sum(axis=2).sum(axis=0, dtype=np.float64)
    scale = 1 / np.sqrt(squares / count + EPSILON)
    factors = (weight.astype(np.float64)[:, None] * scale).astype(np.float32)[:, :, None]
    offsets = bias.astype(np.float32)[:, None, None]
    # With "glu", the first half of the channels (the values) and the second (the gates) side by
    # side, so that a block is activated while it is in the cache.
    halves = 2 if activation == "glu" else 1
    folded, factors, offsets = (a.reshape(halves, -1, *a.shape[1:]) for a in (x, factors, offsets))
    for block in _blocks(folded[0]):
        part = folded[:, block]
        part *= factors[:, block]
        part += offsets[:, block]
        if activation == "glu":
            apply_gate(part[0], part[1], out=part[0])
        else:
            activate(part[0], activation)
    out: NDArray[np.float32] = folded[0]
    return out


def _blocks(x: NDArray[np.float32]) -> Iterator[slice]:
    """Slices of the channels of ``(channels, rows, positions)``, for a block in the cache."""
    step = max(1, BLOCK // (x.shape[1] * x.shape[2]))
    return (slice(start, start + step) for start in range(0, len(x), step))


@operation(same_shape)
def layer_norm(
    x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Layer norm over the channels of every position (Ba et al. 2016), in a new array.

    Parameters
    ----------
    x
        ``(channels, positions)`` float32.
    weight, bias
        ``(channels,)``.
    """
    if (kernels := backend.kernels()) is not None:
        y = np.empty(x.shape, np.float32)
        kernels.layer_norm(x, weight, bias, EPSILON, y)
        return y
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    y = x - mean
    variance = np.einsum("cp,cp->p", y, y, dtype=np.float64) / len(y)
    y *= (1 / np.sqrt(variance + EPSILON)).astype(np.float32)
    y *= weight.astype(np.float32)[:, None]
    y += bias.astype(np.float32)[:, None]
    return y


SMALLEST_LENGTH = 1e-12


@operation(same_shape)
def rms_norm(
    x: NDArray[np.float32], weight: NDArray[np.float32], *, overwrite: bool = False
) -> NDArray[np.float32]:
    """RMS norm over the channels of every position (Zhang & Sennrich 2019).

    A vector shorter than 1e-12 is divided by that instead of its length. Source: ``RMSNorm`` of
    bs_roformer.py.

    Parameters
    ----------
    x
        ``(channels, positions)`` float32.
    weight
        ``(channels,)``.
    overwrite
        Whether the result may take the memory of ``x``, which must then not be used any more.
    """
    out = x if overwrite else np.empty(x.shape, np.float32)
    if (kernels := backend.kernels()) is not None:
        kernels.rms_norm(x, weight, SMALLEST_LENGTH, out)
        return out
    lengths = np.sqrt(np.einsum("cp,cp->p", x, x, dtype=np.float64))
    scales = (math.sqrt(len(x)) / np.maximum(lengths, SMALLEST_LENGTH)).astype(np.float32)
    np.multiply(x, scales, out=out)
    out *= weight.astype(np.float32)[:, None]
    return out


def _of_two(*_: NDArray[np.float32]) -> tuple[int, ...]:
    """The shape of the result of :func:`standardise`."""
    return (2,)


@operation(_of_two)
def standardise(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract the mean and divide by the standard deviation (plus 1e-5), in place.

    Parameters
    ----------
    x
        Float32, of any shape; it is normalised as a whole.

    Returns
    -------
    NDArray[np.float32]
        ``(2,)`` float32: the original mean and standard deviation.
    """
    mean = np.float32(x.mean(dtype=np.float64))
    std = np.float32(x.std(dtype=np.float64, ddof=1))
    x -= mean
    x /= np.float32(EPSILON) + std
    drop_subnormals(x)
    return np.array([mean, std])


@operation()
def restore(x: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply by a standard deviation and add a mean, in place.

    Parameters
    ----------
    x
        Float32, of any shape.
    scale
        ``(2,)`` float32, as returned by :func:`standardise`.
    """
    mean, std = scale
    x *= std
    x += mean
    return drop_subnormals(x)
