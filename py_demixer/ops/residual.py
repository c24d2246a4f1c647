"""Residual connections and residual branches.

:func:`residual_branch` is Demucs', :func:`gated_branch` is SCNet's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import activate
from .conv import conv2d
from .norm import group_norm
from .operation import operation, same_shape

BRANCH_BYTES = 8 << 20
"""Limit for the intermediate activations of a residual branch."""


@operation(same_shape)
def copy(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy, so that one of the two can be changed in place."""
    return x.copy()


@operation()
def add(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x += y``, in place.

    Parameters
    ----------
    x
        Float32.
    y
        Float32, with the same number of axes; an axis of length 1 is broadcast along that axis of
        ``x``.
    """
    x += y
    return x


@operation()
def add_scaled(
    x: NDArray[np.float32], y: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``x += scale * y``: a residual connection with layer scale (Touvron et al. 2021), in place.

    Parameters
    ----------
    x
        ``(channels, ..., positions)`` float32 with two or three axes, positions contiguous.
    y
        An array of the same shape; it may be overwritten.
    scale
        ``(channels,)``, float16 or float32.
    """
    if (kernels := backend.kernels()) is not None:
        rows, more = (a[:, None] if a.ndim == 2 else a for a in (x, y))
        kernels.add_scaled(rows, more, scale)
        return x
    y *= scale.astype(np.float32).reshape(-1, *(1,) * (y.ndim - 1))
    x += y
    return x


@operation()
def residual_branch(
    x: NDArray[np.float32],
    in_weight: NDArray[np.float32],
    in_bias: NDArray[np.float32],
    in_norm_weight: NDArray[np.float32],
    in_norm_bias: NDArray[np.float32],
    out_weight: NDArray[np.float32],
    out_bias: NDArray[np.float32],
    out_norm_weight: NDArray[np.float32],
    out_norm_bias: NDArray[np.float32],
    scale: NDArray[np.float32],
    *,
    dilation: int,
    branch_bytes: int = BRANCH_BYTES,
) -> NDArray[np.float32]:
    """A residual branch with a bottleneck, along the last axis, in place.

    :func:`conv_in` and :func:`conv_out`, then :func:`add_scaled`. Rows are independent; a few are
    computed at a time to keep the intermediate arrays small. Source: ``DConv`` of demucs/demucs.py.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.
    in_weight, in_bias, in_norm_weight, in_norm_bias
        ``(hidden, channels, 1, 3)`` and three times ``(hidden,)``: see :func:`conv_in`.
    out_weight, out_bias, out_norm_weight, out_norm_bias
        ``(2 channels, hidden, 1, 1)`` and three times ``(2 channels,)``: see :func:`conv_out`.
    scale
        ``(channels,)``.
    branch_bytes
        Limit on the size of the intermediate arrays.
    """
    rows = max(1, branch_bytes // (4 * 2 * x.shape[0] * x.shape[2]))
    for start in range(0, x.shape[1], rows):
        strip = x[:, start : start + rows]
        y = conv_in(strip, in_weight, in_bias, in_norm_weight, in_norm_bias, dilation)
        y = conv_out(y, out_weight, out_bias, out_norm_weight, out_norm_bias)
        add_scaled(strip, y, scale)
    return x


def conv_in(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    norm_weight: NDArray[np.float32],
    norm_bias: NDArray[np.float32],
    dilation: int,
) -> NDArray[np.float32]:
    """First half of a residual branch: to fewer channels, with taps ``dilation`` apart."""
    padding = ((0, 0), (dilation, dilation))
    y = conv2d(x, weight, bias, padding=padding, dilation=(1, dilation))
    return group_norm(y, norm_weight, norm_bias, activation="gelu")


def conv_out(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    norm_weight: NDArray[np.float32],
    norm_bias: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Second half of a residual branch: back to the original number of channels."""
    return group_norm(conv2d(x, weight, bias), norm_weight, norm_bias, activation="glu")


@operation()
def gated_branch(
    x: NDArray[np.float32],
    norm_weight: NDArray[np.float32],
    norm_bias: NDArray[np.float32],
    in_weight: NDArray[np.float32],
    in_bias: NDArray[np.float32],
    taps: NDArray[np.float32],
    taps_bias: NDArray[np.float32],
    hidden_norm_weight: NDArray[np.float32],
    hidden_norm_bias: NDArray[np.float32],
    out_weight: NDArray[np.float32],
    out_bias: NDArray[np.float32],
    *,
    activation: str | None = None,
    branch_bytes: int = BRANCH_BYTES,
) -> NDArray[np.float32]:
    """A gated residual branch along the last axis, in place, then an activation of the sum.

    Group norm, a convolution to few channels and their gates, GLU, a depthwise convolution, group
    norm, swish, and a convolution back to all channels. Rows are independent; a few are computed at
    a time to keep the intermediate arrays small. Source: ``ConvolutionModule`` of scnet/SCNet.py.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32.
    norm_weight, norm_bias
        ``(channels,)``.
    in_weight, in_bias
        ``(2 hidden, channels, 1, 3)`` and ``(2 hidden,)``.
    taps, taps_bias
        ``(hidden, 1, 3)`` and ``(hidden,)``: see :func:`depthwise`.
    hidden_norm_weight, hidden_norm_bias
        ``(hidden,)``.
    out_weight, out_bias
        ``(channels, hidden, 1, 1)`` and ``(channels,)``.
    activation
        None or ``"gelu"``.
    branch_bytes
        Limit on the size of the intermediate arrays.
    """
    rows = max(1, branch_bytes // (4 * 2 * x.shape[0] * x.shape[2]))
    for start in range(0, x.shape[1], rows):
        strip = x[:, start : start + rows]
        y = group_norm(strip.copy(), norm_weight, norm_bias)
        y = conv2d(y, in_weight, in_bias, padding=((0, 0), (1, 1)), activation="glu")
        y = depthwise(y, taps, taps_bias)
        y = group_norm(y, hidden_norm_weight, hidden_norm_bias, activation="swish")
        y = conv2d(y, out_weight, out_bias)
        y += strip
        strip[...] = activate(y, activation)
    return x


def depthwise(
    x: NDArray[np.float32], taps: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A convolution of each channel with its own three taps, along the last axis.

    Parameters
    ----------
    x
        ``(channels, rows, positions)`` float32; there are zeros around it.
    taps
        ``(channels, 1, 3)``, float16 or float32.
    bias
        ``(channels,)``.
    """
    left, middle, right = taps.astype(np.float32).transpose(2, 0, 1)[..., None]
    y = x * middle
    y += bias.astype(np.float32)[:, None, None]
    y[..., 1:] += x[..., :-1] * left
    y[..., :-1] += x[..., 1:] * right
    return y
