"""Pack several arrays into one, because a program has only one input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

APART = 64
"""Numbers: separate bindings start at multiples of 256 bytes."""

Shapes = list[tuple[int, ...]]


def together(arrays: list[np.ndarray]) -> np.ndarray:
    """Concatenate arrays, each starting at a multiple of 64 numbers."""
    parts = [np.pad(a.reshape(-1), (0, -a.size % APART)) for a in arrays]
    return np.concatenate(parts)


def apart(network: Callable[..., Any], shapes: Shapes) -> Callable[[Any], Any]:
    """Turn a network of several arrays into one of the array that :func:`together` makes."""

    def run(x: Any) -> Any:
        views, start = [], 0
        for shape in shapes:
            size = math.prod(shape)
            views.append(x[start : start + size].reshape(shape))
            start += size + -size % APART
        return network(*views)

    return run
