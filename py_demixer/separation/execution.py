"""Running a plan: the song goes in block by block, and what is final comes out."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import Cancelled

from .planes import FLOAT_BYTES, Planes
from .statistics import as_mixture
from .tasks import MIXTURE, Cancel, Plan, Progress, Range, Task


def execute(
    plan: Plan,
    blocks: Iterable[NDArray[np.floating]],
    planes: Planes,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Iterator[tuple[int, int]]:
    """Run all tasks of a plan in this process, one after another.

    Parameters
    ----------
    blocks
        The mixture, ``(channels, samples)`` floats or mono, in order and of any lengths. They are
        taken when they are needed; whether they are kept decides ``planes``.
    planes
        Where everything is put; the stems are for the caller to read and to forget.
    progress
        Called before the first task, and after each one that has a cost.
    cancel
        Asked before each task that has a cost.

    Yields
    ------
    tuple[int, int]
        Start and stop of the next stretch of the song of which all stems are final.

    Raises
    ------
    Cancelled
        ``cancel`` returned True.
    ValueError
        The blocks are not as long as the song.
    """
    feed, frontier, clock = Feed(plan, blocks, planes), Frontier(plan), Clock(plan, progress)
    needed = _needed_later(plan)
    for index, task in enumerate(plan.tasks):
        if task.cost > 0:
            clock.check(cancel)
        feed.provide(task)
        outputs = plan.run(index, [planes.read(part) for part in task.reads])
        for part, output in zip(task.writes, outputs, strict=True):
            planes.write(part, output)
        del outputs
        for plane in {part.plane for part in task.reads}:
            planes.forget(plane, needed[index, plane])
        clock.count(task)
        yield from frontier.advance(task)
    feed.end()


class Feed:
    """Hands the mixture to the planes as far as tasks need it."""

    def __init__(self, plan: Plan, blocks: Iterable[NDArray[np.floating]], planes: Planes) -> None:
        self._blocks, self._planes = iter(blocks), planes
        self._length = plan.planes[MIXTURE].frames
        self._width = plan.planes[MIXTURE].width
        self._arrived = 0

    def provide(self, task: Task) -> None:
        """Take blocks until there is what the task reads.

        Raises
        ------
        ValueError
            They end before, or a block is not as :func:`as_mixture` takes it.
        """
        stop = max((part.stop for part in task.reads if part.plane == MIXTURE), default=0)
        while self._arrived < stop:
            block = next(self._blocks, None)
            if block is None:
                self._refuse("ends", self._arrived)
            self._take(as_mixture(block, self._width))

    def end(self) -> None:
        """Raise a ValueError if there is more than the song was said to have."""
        more = sum(np.shape(block)[-1] for block in self._blocks)
        if more:
            self._refuse("goes on", self._arrived + more)

    def _take(self, block: NDArray[np.float32]) -> None:
        if self._arrived + block.shape[1] > self._length:
            self._refuse("goes on", self._arrived + block.shape[1])
        if block.shape[1]:
            self._planes.write(Range(MIXTURE, self._arrived, block.shape[1]), block.T)
        self._arrived += block.shape[1]

    def _refuse(self, how: str, samples: int) -> NoReturn:
        raise ValueError(
            f"The audio was measured to have {self._length} samples, but {how} at {samples}: "
            "measure the same blocks that you separate."
        )


class Frontier:
    """How much of a song is final, from its beginning on."""

    def __init__(self, plan: Plan) -> None:
        self._reached = dict.fromkeys(plan.stems, 0)
        self._beyond: dict[str, dict[int, int]] = defaultdict(dict)
        self._final = 0

    def advance(self, task: Task) -> Iterator[tuple[int, int]]:
        """What has become final by a task that is done: nothing, or one stretch."""
        for part in task.writes:
            if part.plane in self._reached:
                self._beyond[part.plane][part.start] = part.stop
                while self._reached[part.plane] in self._beyond[part.plane]:
                    stop = self._beyond[part.plane].pop(self._reached[part.plane])
                    self._reached[part.plane] = stop
        stop = min(self._reached.values())
        if stop > self._final:
            start, self._final = self._final, stop
            yield start, stop


class Clock:
    """Tells the progress, and stops where somebody wants to stop."""

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self._progress, self._began, self._done = progress, time.monotonic(), 0
        self._total = sum(task.cost for task in plan.tasks)
        if progress is not None:
            progress(0, self._total, float("nan"))

    def check(self, cancel: Cancel | None) -> None:
        """Raise Cancelled if ``cancel`` says so."""
        if cancel is not None and cancel():
            raise Cancelled(
                f"Separation was cancelled with {self._done} of {self._total} parts done."
            )

    def count(self, task: Task) -> None:
        """Take note of a task that is done."""
        self._done += task.cost
        if self._progress is not None and task.cost > 0:
            each = (time.monotonic() - self._began) / self._done
            self._progress(self._done, self._total, each * (self._total - self._done))


def held_bytes(plan: Plan) -> int:
    """The most that :func:`execute` keeps of all planes at a time, stems apart."""
    needed = _needed_later(plan)
    held: dict[str, int] = defaultdict(int)  # frames, by plane
    arrived = gone = most = 0  # of the mixture
    for index, task in enumerate(plan.tasks):
        for part in task.reads:
            if part.plane == MIXTURE:
                arrived = max(arrived, part.stop)
        for part in task.writes:
            if part.plane not in plan.stems:
                held[part.plane] += part.length
        held[MIXTURE] = arrived - gone
        bytes_now = (FLOAT_BYTES * plan.planes[name].width * n for name, n in held.items())
        most = max(most, sum(bytes_now))
        for part in task.reads:
            later = needed[index, part.plane]
            if part.plane == MIXTURE:
                gone = arrived if later is None else max(gone, later)
            elif later is None:
                held.pop(part.plane, None)
    return most


def _needed_later(plan: Plan) -> dict[tuple[int, str], int | None]:
    """By a task and a plane that it reads: the first frame that later tasks read, or None."""
    first: dict[str, int] = {}
    needed: dict[tuple[int, str], int | None] = {}
    for index, task in _backwards(plan.tasks):
        for plane in {part.plane for part in task.reads}:
            needed[index, plane] = first.get(plane)
        for part in task.reads:
            first[part.plane] = min(first.get(part.plane, part.start), part.start)
    return needed


def _backwards(tasks: Sequence[Task]) -> Iterator[tuple[int, Task]]:
    for index in range(len(tasks) - 1, -1, -1):
        yield index, tasks[index]
