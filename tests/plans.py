"""Running a plan as the page does it: whole planes, any order that its tasks allow."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from py_demixer.tasks import MIXTURE, Plan


def any_order(work: Plan, rng: np.random.Generator) -> list[int]:
    """The tasks of a plan, each after those that it needs."""
    order: list[int] = []
    waiting = list(range(len(work.tasks)))
    while waiting:
        ready = [i for i in waiting if set(work.tasks[i].after) <= set(order)]
        order.append(ready[rng.integers(len(ready))])
        waiting.remove(order[-1])
    return order


def run_in_order(work: Plan, mixture: np.ndarray, order: Iterable[int]) -> dict[str, np.ndarray]:
    """All planes after the tasks; each task gets copies of what it reads."""
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
