"""Residual connections."""

from __future__ import annotations

import numpy as np

from . import backend


def add_scaled(x: np.ndarray, y: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """``x += scale * y``: a residual connection with layer scale (Touvron et al. 2021), in place.

    Parameters
    ----------
    x
        ``(channels, ..., positions)`` float32 of two or three axes, positions contiguous.
    y
        Of the same shape; it may be overwritten.
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
