"""The residual branches of a transformer with rotary positions, as RoFormers have them.

Rows are independent sequences. A few are computed at a time, so that the intermediate arrays, which
are several times as large as the input, stay small. Source: ``Attention`` and ``FeedForward`` of
models/bs_roformer/bs_roformer.py of https://github.com/ZFTurbo/Music-Source-Separation-Training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import sigmoid
from .attention import attention_in_rows
from .linear import linear
from .norm import rms_norm
from .operation import operation
from .residual import BRANCH_BYTES

BASE = 10000.0
"""The longest period of a rotation is less than this times 2 pi."""


@operation()
def attention_branch(
    x: NDArray[np.float32],
    norm_weight: NDArray[np.float32],
    in_weight: NDArray[np.float32],
    gate_weight: NDArray[np.float32],
    gate_bias: NDArray[np.float32],
    out_weight: NDArray[np.float32],
    *,
    branch_bytes: int = BRANCH_BYTES,
) -> NDArray[np.float32]:
    """Add gated attention along the last axis, in place.

    RMS norm, attention between the positions of a row, whose queries and keys are rotated by their
    positions (:func:`rotate`), a sigmoid gate for each head, and a projection.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.
    norm_weight
        ``(channels,)``.
    in_weight
        ``(3 inner, channels)``: the projections to queries, keys and values.
    gate_weight, gate_bias
        ``(heads, channels)`` and ``(heads,)``.
    out_weight
        ``(channels, inner)``.
    branch_bytes
        Limit on the size of queries, keys and values.
    """
    # Widened once, for many products.
    in_weight, gate_weight, out_weight = map(backend.single, (in_weight, gate_weight, out_weight))
    heads, inner, positions = len(gate_weight), out_weight.shape[1], x.shape[2]
    rotation = rotations(inner // heads, positions)
    for strip in _strips(x, branch_bytes, len(in_weight)):
        y = rms_norm(strip.reshape(len(x), -1), norm_weight)
        query, key, value = backend.gemm(in_weight, y).reshape(3, inner, -1, positions)
        rotate(query, *rotation)
        rotate(key, *rotation)
        attended = attention_in_rows(query, key, value, heads).reshape(heads, inner // heads, -1)
        attended *= sigmoid(linear(y, gate_weight, gate_bias))[:, None]
        strip += backend.gemm(out_weight, attended.reshape(inner, -1)).reshape(strip.shape)
    return x


@operation()
def feed_forward_branch(
    x: NDArray[np.float32],
    norm_weight: NDArray[np.float32],
    in_weight: NDArray[np.float32],
    in_bias: NDArray[np.float32],
    out_weight: NDArray[np.float32],
    out_bias: NDArray[np.float32],
    *,
    branch_bytes: int = BRANCH_BYTES,
) -> NDArray[np.float32]:
    """Add two linear layers of every position, with RMS norm before and GELU between, in place.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.
    norm_weight
        ``(channels,)``.
    in_weight, in_bias
        ``(hidden, channels)`` and ``(hidden,)``.
    out_weight, out_bias
        ``(channels, hidden)`` and ``(channels,)``.
    branch_bytes
        Limit on the size of the hidden layer.
    """
    in_weight, out_weight = map(backend.single, (in_weight, out_weight))
    for strip in _strips(x, branch_bytes, len(in_weight)):
        y = rms_norm(strip.reshape(len(x), -1), norm_weight)
        y = linear(y, in_weight, in_bias, activation="gelu")
        strip += linear(y, out_weight, out_bias).reshape(strip.shape)
    return x


def rotations(width: int, positions: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines and sines of the angles for :func:`rotate`, ``(width / 2, positions)`` float32."""
    angles = angular_frequencies(width).astype(np.float64)[:, None] * np.arange(positions)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def angular_frequencies(width: int) -> NDArray[np.float32]:
    """The angles from one position to the next, ``(width / 2,)``, rounded as in the original.

    Source: ``RotaryEmbedding`` of https://github.com/lucidrains/rotary-embedding-torch.
    """
    exponents = np.arange(0, width, 2) / width
    return np.float32(1) / (BASE**exponents).astype(np.float32)


def rotate(
    x: NDArray[np.float32], cosines: NDArray[np.float32], sines: NDArray[np.float32]
) -> None:
    """Rotate pairs of adjacent channels by angles that grow with the position, in place.

    Rotary position embedding (Su, Lu, Pan, Murtadha, Wen & Liu 2021): the product of a query and a
    key then depends on the distance of their positions.

    Parameters
    ----------
    x
        ``(heads width, rows, positions)`` float32, C-contiguous.
    cosines, sines
        From :func:`rotations`.
    """
    if (kernels := backend.kernels()) is not None:
        kernels.rotate(x, cosines, sines)
        return
    pairs = x.reshape(-1, len(cosines), 2, *x.shape[1:])
    for first, second in pairs.transpose(0, 2, 1, 3, 4):
        turned = first * sines[:, None]
        first *= cosines[:, None]
        first -= second * sines[:, None]
        second *= cosines[:, None]
        second += turned


def _strips(x: NDArray[np.float32], size: int, width: int) -> Iterator[NDArray[np.float32]]:
    """Views of some rows of ``x``, of which ``width`` channels have at most ``size`` bytes."""
    step = max(1, size // (4 * width * x.shape[2]))
    return (x[:, start : start + step] for start in range(0, x.shape[1], step))
