"""Storage formats for weights: 16 bits where that is lossless, or 8 bits for matrices.

docs/exactness.md describes what 8 bits cost, and the alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError

_STEPS = 255


def half(name: str, tensor: NDArray[np.floating]) -> NDArray[np.float16]:
    """Convert ``tensor`` to float16, which must be lossless.

    Raises
    ------
    ConvertError
        A value cannot be represented exactly.
    """
    with np.errstate(over="ignore"):
        narrow = tensor.astype(np.float16, copy=False)
    if not np.array_equal(narrow.astype(tensor.dtype), tensor):
        raise ConvertError(
            f"The tensor {name} has values that float16 cannot hold exactly, so this is not the"
            " published model: choose another file."
        )
    return narrow


def quantise(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Quantise every matrix for :func:`py_demixer.models.parameters.widen`; keep the rest as is.

    The values of a row are stored as steps between the row's minimum and maximum.

    Parameters
    ----------
    tensors
        Float32 arrays by name.

    Returns
    -------
    dict[str, NDArray[Any]]
        Each matrix as uint8, with the scale and the offset of its rows under ``<name>.scale`` and
        ``<name>.offset``; other tensors unchanged.
    """
    out: dict[str, NDArray[Any]] = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            out[name] = tensor
            continue
        low, high = tensor.min(axis=1).astype(np.float64), tensor.max(axis=1).astype(np.float64)
        # A row of equal numbers has no range: all its values are the offset.
        scale = np.where(high > low, (high - low) / _STEPS, 1).astype(np.float32)
        offset = low.astype(np.float32)
        steps = np.rint((tensor - offset[:, None]) / scale[:, None])
        out[name] = steps.clip(0, _STEPS).astype(np.uint8)
        out[f"{name}.scale"], out[f"{name}.offset"] = scale, offset
    return out
