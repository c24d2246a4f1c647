"""How numbers are stored: in 16 bits where that loses nothing, or matrices in 8 bits.

docs/exactness.md tells what 8 bits cost, and what other ways there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError

_STEPS = 255


def half(name: str, tensor: NDArray[np.floating]) -> NDArray[np.float16]:
    """``tensor`` as float16, which must lose nothing.

    Raises
    ------
    ConvertError
        It would lose something.
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
    """Store every matrix as :func:`py_demixer.weights.checkpoint.widen` reads it, the rest as is.

    Each row's numbers are steps between the row's smallest and largest.

    Parameters
    ----------
    tensors
        Float32 by name.

    Returns
    -------
    dict[str, NDArray[Any]]
        For a matrix uint8, and the scale and the offset of its rows under ``<name>.scale`` and
        ``<name>.offset``.
    """
    out: dict[str, NDArray[Any]] = {}
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
