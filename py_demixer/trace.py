"""Statistics of every named step of a network, to find where two implementations diverge.

Models call :func:`step` with each intermediate result. It does nothing unless a recording is
active::

    with trace.record() as steps:
        model(segment)
    trace.dump(steps, path)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_recording: ContextVar[list[Step] | None] = ContextVar("recording", default=None)
"""The steps recorded in this thread; other threads may run models at the same time."""


@dataclass(frozen=True)
class Step:
    """Statistics of one step's output; ``argmin`` and ``argmax`` index the flattened array."""

    name: str
    shape: tuple[int, ...]
    min: float
    max: float
    mean: float
    std: float
    sum: float
    argmin: int
    argmax: int


@contextmanager
def record() -> Iterator[list[Step]]:
    """Record all steps that this thread computes inside the ``with`` block in the yielded list."""
    steps: list[Step] = []
    token = _recording.set(steps)
    try:
        yield steps
    finally:
        _recording.reset(token)


def is_recording() -> bool:
    """Whether a recording is active in this thread."""
    return _recording.get() is not None


def step(name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Report one intermediate result under its name, and return it unchanged."""
    if (named := getattr(x, "named", None)) is not None:  # a symbol: see program/record.py
        named(name)
    elif (steps := _recording.get()) is not None:
        steps.append(_measure(name, x))
    return x


def dump(steps: Sequence[Step], path: Path) -> None:
    """Write steps as JSON."""
    path.write_text(json.dumps([asdict(s) for s in steps], indent=1) + "\n")


def load(path: Path) -> list[Step]:
    """Read what :func:`dump` wrote.

    Raises
    ------
    ValueError
        The file is not a trace.
    """
    try:
        return [
            Step(**{**entry, "shape": tuple(entry["shape"])})
            for entry in json.loads(path.read_text())
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a trace written by py-demixer trace --json.") from error


def first_difference(
    ours: Sequence[Step], theirs: Sequence[Step], tolerance: float = 1e-4
) -> tuple[Step | None, Step | None] | None:
    """The first pair of steps that differ; None if all agree.

    Two steps agree when name and shape are equal and min, max, mean and std differ by at most
    ``tolerance`` times the larger std of the two. (The sum follows from the mean, and the positions
    of the extremes may move among equal values.) One of the pair is None if a trace ends early.
    """
    for a, b in zip(ours, theirs, strict=False):
        if not _agree(a, b, tolerance):
            return a, b
    if len(ours) > len(theirs):
        return ours[len(theirs)], None
    if len(theirs) > len(ours):
        return None, theirs[len(ours)]
    return None


def _agree(a: Step, b: Step, tolerance: float) -> bool:
    if (a.name, a.shape) != (b.name, b.shape):
        return False
    bound = tolerance * max(a.std, b.std)
    pairs = ((a.min, b.min), (a.max, b.max), (a.mean, b.mean), (a.std, b.std))
    return all(x == y or abs(x - y) <= bound for x, y in pairs)


def _measure(name: str, x: NDArray[np.float32]) -> Step:
    if np.iscomplexobj(x):
        x = np.stack([x.real, x.imag])
    return Step(
        name,
        x.shape,
        float(x.min()),
        float(x.max()),
        float(x.mean(dtype=np.float64)),
        float(x.std(dtype=np.float64)),
        float(x.sum(dtype=np.float64)),
        int(x.argmin()),
        int(x.argmax()),
    )
