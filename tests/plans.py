"""Run plans: with options by name, and like the page, in any order that the tasks allow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import py_demixer
from py_demixer.separation import planning
from py_demixer.separation.planes import InMemory
from py_demixer.separation.tasks import MIXTURE, Plan, Range, SongStatistics


def separate(mixture: np.ndarray, model: Any, **options: Any) -> py_demixer.Stems:
    """Separate a mixture with options of the model by name."""
    chosen = planning.make_options(model.architecture, options)
    return py_demixer.separate(mixture, model, chosen)


def plan(model: Any, length: int, **options: Any) -> Plan:
    """Plan a song of this many samples, with options of the model by name."""
    chosen = planning.make_options(model.architecture, options)
    return planning.plan(model, SongStatistics(length, 0.0, 1.0), chosen)


class Watched(InMemory):
    """Planes in memory; ``alive`` has the names of those that hold data."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: set[str] = set()

    def write(self, part: Range, values: np.ndarray) -> None:
        super().write(part, values)
        self.alive.add(part.plane)

    def forget(self, plane: str, before: int | None) -> None:
        super().forget(plane, before)
        if before is None:
            self.alive.discard(plane)


def any_order(work: Plan, rng: np.random.Generator) -> list[int]:
    """The tasks of a plan in a random order, each after those that it needs."""
    order: list[int] = []
    waiting = list(range(len(work.tasks)))
    while waiting:
        ready = [i for i in waiting if set(work.tasks[i].after) <= set(order)]
        order.append(ready[rng.integers(len(ready))])
        waiting.remove(order[-1])
    return order


def run_in_order(work: Plan, mixture: np.ndarray, order: Iterable[int]) -> dict[str, np.ndarray]:
    """Run tasks in this order; return all planes. Each task gets copies of its inputs."""
    planes = {
        name: np.full((plane.frames, plane.width), np.nan, np.float32)
        for name, plane in work.planes.items()
    }
    planes[MIXTURE] = mixture

    def view(part):
        start = part.start - work.planes[part.plane].origin
        return planes[part.plane][start : start + part.length]

    for index in order:
        task = work.tasks[index]
        outputs = work.run(index, [view(part).copy() for part in task.reads])
        for part, output in zip(task.writes, outputs, strict=True):
            view(part)[:] = output
    return planes
