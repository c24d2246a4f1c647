"""The dimensions and the tensors of a weight file, as the networks take them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

Config = TypeVar("Config")


def read_config(kind: type[Config], text: str) -> Config:
    """The dimensions of a network: those that differ from the released one's, as a JSON object."""
    values = json.loads(text)
    if "sources" in values:
        values["sources"] = tuple(values["sources"])
    return kind(**values)


def check(tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare names and shapes with those that a network has.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """
    for name, shape in shapes.items():
        if name not in tensors:
            raise ValueError(f"The weight file lacks the tensor {name}: is it for another model?")
        if tensors[name].shape != shape:
            raise ValueError(
                f"The tensor {name} has the shape {tensors[name].shape} instead of {shape}: "
                "is the weight file for another model?"
            )


def nest(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Dotted names -> nested dicts."""
    root: dict[str, Any] = {}
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        node = root
        for key in path:
            node = node.setdefault(key, {})
        node[leaf] = tensor
    return root
