"""Several arrays as one, for a program has one input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

APART = 64
"""Numbers: what is bound on its own starts at a multiple of 256 bytes."""

Shapes = list[tuple[int, ...]]


def together(arrays: list[np.ndarray]) -> np.ndarray:
    """One after the other, each from a multiple of 64 numbers on."""
    parts = [np.pad(a.reshape(-1), (0, -a.size % APART)) for a in arrays]
    return np.concatenate(parts)


def apart(network: Callable[..., Any], shapes: Shapes) -> Callable[[Any], Any]:
    """A network of several arrays as one of what :func:`together` makes of them."""

    def run(x: Any) -> Any:
        views, start = [], 0
        for shape in shapes:
            size = math.prod(shape)
            views.append(x[start : start + size].reshape(shape))
            start += size + -size % APART
        return network(*views)

    return run
