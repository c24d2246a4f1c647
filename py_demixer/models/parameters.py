"""Reading the dimensions and the tensors of a weight file for the networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Config = TypeVar("Config")


def read_config(kind: type[Config], text: str) -> Config:
    """Read a network's dimensions from a JSON object with those that differ from the defaults.

    Raises
    ------
    ValueError
        The text is not a JSON object, or it names dimensions that such a network does not have.
    """
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        return make_config(kind, values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The dimensions {text} are not a network's: {error}.") from error


def make_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Make a network's dimensions from the values that differ from the defaults."""
    changed = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
    return kind(**changed)


def write_config(config: Any) -> str:
    """Write a network's dimensions as JSON for :func:`read_config`."""
    released = asdict(type(config)())
    changed = {name: x for name, x in asdict(config).items() if x != released[name]}
    return json.dumps(changed, sort_keys=True)


def check(tensors: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check the names and shapes of tensors against those that a network needs.

    Raises
    ------
    ValueError
        A tensor is missing or has the wrong shape.
    """
    for name, shape in shapes.items():
        if name not in tensors:
            raise ValueError(f"The weight file lacks the tensor {name}: is it for another model?")
        if tensors[name].shape != shape:
            raise ValueError(
                f"The tensor {name} has the shape {tensors[name].shape} instead of {shape}: "
                "is the weight file for another model?"
            )


def widen(tensors: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """Return one tensor as float32.

    A tensor stored in 8 bits is ``scale * tensor + offset``, with a scale and an offset for each
    row, which is what belongs to one index of the first axis: ``<name>.scale`` and
    ``<name>.offset``, ``(rows,)`` float32.
    """
    stored = tensors[name]
    if stored.dtype != np.uint8:
        return stored.astype(np.float32, copy=False)
    out = stored.astype(np.float32)
    rows = out.reshape(len(out), -1)
    rows *= tensors[f"{name}.scale"][:, None]
    rows += tensors[f"{name}.offset"][:, None]
    return out


def nest(tensors: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Turn tensors with dotted names into nested dicts."""
    root: dict[str, Any] = {}
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        node = root
        for key in path:
            node = node.setdefault(key, {})
        node[leaf] = tensor
    return root
