"""Work on a song as a graph of tasks: what is read, what is written, what comes before what.

All data live in *planes*: named arrays ``(frames, width)`` float32, so that a range of frames is
one piece of a file. ``"mixture"`` is the song (stereo, interleaved: width 2); there is one plane
for each stem, named by its source; anything else is temporary. A :class:`Plan` says which planes
there are and which tasks turn the mixture into the stems. It is a pure function of the model, the
:class:`Song` and the options, and so is each of its tasks: whoever runs them, in whatever order
``after`` allows, on however many machines, gets the same bits.

Two programs run plans: :func:`execute`, in order and in memory, for the library and the command
line; and the page (web/engine/pool.js), on several workers, with the planes in files.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MIXTURE = "mixture"

Progress = Callable[[int, int, float], None]


class Cancelled(Exception):
    """The caller asked to stop."""


@dataclass(frozen=True)
class Song:
    """What is known of a song before it is separated.

    Attributes:
        length: frames.
        mean, std: of the mono mix-down (see :class:`py_demixer.separation.Meter`).
    """

    length: int
    mean: float
    std: float


@dataclass(frozen=True)
class Plane:
    """A named array ``(frames, width)`` float32.

    Attributes:
        width: numbers per frame.
        frames: how many.
        origin: the index of the first one; ranges count from there.
        temporary: it is dropped as soon as all tasks that read it are done.
    """

    width: int
    frames: int
    origin: int = 0
    temporary: bool = False


@dataclass(frozen=True)
class Range:
    """The frames ``[start, start + length)`` of a plane."""

    plane: str
    start: int
    length: int

    @property
    def stop(self) -> int:
        """The first frame after it."""
        return self.start + self.length


@dataclass(frozen=True)
class Task:
    """One piece of work. Kinds of task are subclasses with fields of their own.

    Attributes:
        reads: what :meth:`Plan.run` gets, in this order.
        writes: what it returns, in this order; no other task writes there.
        after: indices, all smaller than its own, of the tasks that must be done before.
        cost: how long it takes, in units of the plan's choice; 0 for one that hardly counts.
    """

    reads: tuple[Range, ...]
    writes: tuple[Range, ...]
    after: tuple[int, ...]
    cost: int


class Plan(Protocol):
    """How a song becomes stems: planes, and tasks in an order in which they can be run."""

    @property
    def planes(self) -> Mapping[str, Plane]:
        """All of them, by name: the mixture, the stems, the temporary ones."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the stems' planes, in the order in which they are shown."""

    @property
    def tasks(self) -> Sequence[Task]:
        """All of them, each after those it needs."""

    def run(self, index: int, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run a task: a pure function.

        Args:
            index: of the task.
            inputs: its reads, each ``(length, width)`` float32 in any memory order; not changed.

        Returns:
            Its writes, likewise.
        """


def execute(
    plan: Plan,
    planes: MutableMapping[str, np.ndarray],
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> None:
    """Run all tasks of a plan, one after another.

    Args:
        planes: the mixture and an array for every stem, each ``(frames, width)`` float32; the
            stems are filled in. Temporary planes are here while they are needed.
        progress: called with (cost done, cost of all tasks, seconds left) before the first task,
            where the time is nan, and after each one that has a cost.
        cancel: asked before each task that has a cost; when it returns True, Cancelled is raised.

    Raises:
        Cancelled: ``cancel`` returned True.
    """
    readers = Counter(name for task in plan.tasks for name in _planes_read(task))
    for index in _reported(plan.tasks, progress, cancel):
        task = plan.tasks[index]
        inputs = [_view(plan, planes, part) for part in task.reads]
        for part, output in zip(task.writes, plan.run(index, inputs), strict=True):
            if part.plane not in planes:
                plane = plan.planes[part.plane]
                planes[part.plane] = np.empty((plane.frames, plane.width), np.float32)
            _view(plan, planes, part)[:] = output
        for name in _planes_read(task):
            readers[name] -= 1
            if readers[name] == 0 and plan.planes[name].temporary:
                del planes[name]


def _planes_read(task: Task) -> set[str]:
    return {part.plane for part in task.reads}


def _view(plan: Plan, planes: Mapping[str, np.ndarray], part: Range) -> np.ndarray:
    origin = plan.planes[part.plane].origin
    return planes[part.plane][part.start - origin : part.stop - origin]


def _reported(
    tasks: Sequence[Task], progress: Progress | None, cancel: Callable[[], bool] | None
) -> Iterator[int]:
    """The tasks' indices, with progress told and cancelling asked for around them."""
    began = time.monotonic()
    done, total = 0, sum(task.cost for task in tasks)
    if progress is not None:
        progress(done, total, float("nan"))
    for index, task in enumerate(tasks):
        if cancel is not None and task.cost > 0 and cancel():
            raise Cancelled(f"Separation was cancelled with {done} of {total} parts done.")
        yield index
        done += task.cost
        if progress is not None and task.cost > 0:
            progress(done, total, (time.monotonic() - began) / done * (total - done))
