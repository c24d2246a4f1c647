"""Storage formats for weights: 32 bits, 16 bits, or 8 bits for matrices.

docs/exactness.md describes what they cost, and the alternatives.
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


def exact(tensor: NDArray[Any]) -> NDArray[Any]:
    """Float16 if that is lossless, float32 otherwise."""
    with np.errstate(over="ignore"):
        narrow = tensor.astype(np.float16, copy=False)
    if np.array_equal(narrow.astype(tensor.dtype), tensor):
        return narrow
    return tensor.astype(np.float32, copy=False)


def stored(tensors: Mapping[str, NDArray[np.floating]], kind: str) -> dict[str, NDArray[Any]]:
    """Store a segment network's tensors in another way.

    Parameters
    ----------
    tensors
        The tensors by name, float16 or float32.
    kind
        A key of :data:`STORAGES`. In 8 bits, vectors and the last decoder take 16: its errors are
        heard as they are.

    Raises
    ------
    ConvertError
        A number is too large for float16.
    """
    if kind == "float32":
        return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    narrow = {name: _narrow(name, tensor) for name, tensor in tensors.items()}
    if kind == "float16":
        return narrow
    last = max((name for name in tensors if name.startswith("decoder.")), default="")
    prefix = ".".join(last.split(".")[:2])
    large = {
        name: tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if tensor.ndim > 1 and not name.startswith(f"{prefix}.")
    }
    return {name: x for name, x in narrow.items() if name not in large} | quantise(large)


STORAGES = ("float32", "float16", "int8")
"""How the numbers of a weight file may be stored."""


def _narrow(name: str, tensor: NDArray[np.floating]) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        narrow = tensor.astype(np.float16)
    if not np.isfinite(narrow).all():
        raise ConvertError(f"The tensor {name} has numbers that are too large for float16.")
    return narrow


def quantise(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Quantise every matrix for :func:`py_demixer.models.parameters.widen`; keep vectors as is.

    The values of a row are stored as steps between the row's minimum and maximum. A row is what
    belongs to one index of the first axis.

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
        if tensor.ndim < 2:
            out[name] = tensor
            continue
        rows = tensor.reshape(len(tensor), -1)
        low, high = (end(axis=1).astype(np.float64) for end in (rows.min, rows.max))
        # A row of equal numbers has no range: all its values are the offset.
        scale = np.where(high > low, (high - low) / _STEPS, 1).astype(np.float32)
        offset = low.astype(np.float32)
        steps = np.rint((rows - offset[:, None]) / scale[:, None])
        out[name] = steps.clip(0, _STEPS).astype(np.uint8).reshape(tensor.shape)
        out[f"{name}.scale"], out[f"{name}.offset"] = scale, offset
    return out
