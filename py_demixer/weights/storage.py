"""Storage formats for weights: 32 bits, 16 bits, or 8 bits for matrices.

docs/exactness.md describes what they cost, and the alternatives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError
from py_demixer.models import parameters

_STEPS = 255


def half(name: str, tensor: NDArray[np.floating]) -> NDArray[np.float16]:
    """Convert ``tensor`` to float16, which must be lossless.

    Raises
    ------
    ConvertError
        A value cannot be represented exactly.
    """
    if not _is_half(tensor):
        raise ConvertError(
            f"The tensor {name} has values that float16 cannot hold exactly, so this is not the"
            " published model: choose another file."
        )
    return tensor.astype(np.float16, copy=False)


def exact(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """All tensors as float16 if that is lossless, and as float32 otherwise."""
    kind = np.float16 if all(map(_is_half, tensors.values())) else np.float32
    return {name: tensor.astype(kind, copy=False) for name, tensor in tensors.items()}


def _is_half(tensor: NDArray[Any]) -> bool:
    """Whether float16 holds all values exactly."""
    with np.errstate(over="ignore"):
        narrow = tensor.astype(np.float16, copy=False)
    return np.array_equal(narrow.astype(tensor.dtype), tensor)


def stored(tensors: Mapping[str, NDArray[Any]], kind: str) -> dict[str, NDArray[Any]]:
    """Store a segment network's tensors, or a bag's, in another way.

    Parameters
    ----------
    tensors
        The tensors by name, stored in whatever way.
    kind
        One of :data:`STORAGES`. In 8 bits, vectors and the last decoder take 16: its errors are
        heard as they are.

    Raises
    ------
    ConvertError
        A number is too large for float16.
    """
    exact = {
        name: parameters.widen(tensors, name)
        for name in tensors
        if not name.endswith((".scale", ".offset")) or name.rpartition(".")[0] not in tensors
    }
    if kind == "float32":
        return dict(exact)
    narrow = {name: _narrow(name, tensor) for name, tensor in exact.items()}
    if kind == "float16":
        return dict(narrow)
    decoders = [found for name in exact if (found := _DECODER.match(name))]
    last = max((int(found["number"]) for found in decoders), default=-1)
    kept = {found.string for found in decoders if int(found["number"]) == last}
    large = {n: tensor for n, tensor in exact.items() if tensor.ndim > 1 and n not in kept}
    return {n: x for n, x in narrow.items() if n not in large} | quantise(large)


_DECODER = re.compile(r"(\d+\.)?t?decoder\.(?P<number>\d+)\.")


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
