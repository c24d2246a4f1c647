"""Matrices in 8 bits: each row's numbers as steps between the row's smallest and largest.

docs/exactness.md tells what that costs, and what other ways there are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_STEPS = 255


def quantise(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Store every matrix as :func:`py_demixer.checkpoint.widen` reads it, all else as it is.

    Args:
        tensors: float32 by name.

    Returns:
        For a matrix uint8, and the scale and the offset of its rows under ``<name>.scale`` and
        ``<name>.offset``.
    """
    out: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            out[name] = tensor
            continue
        low, high = tensor.min(axis=1).astype(np.float64), tensor.max(axis=1).astype(np.float64)
        # A row of equal numbers has no steps: all are its offset.
        scale = np.where(high > low, (high - low) / _STEPS, 1).astype(np.float32)
        offset = low.astype(np.float32)
        steps = np.rint((tensor - offset[:, None]) / scale[:, None])
        out[name] = steps.clip(0, _STEPS).astype(np.uint8)
        out[f"{name}.scale"], out[f"{name}.offset"] = scale, offset
    return out
