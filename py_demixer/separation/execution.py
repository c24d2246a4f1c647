"""Run a plan: take in the song block by block and yield what is final."""

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
        The mixture, ``(channels, samples)`` floats or mono, in order; blocks may have any length.
        Each is consumed only when it is needed; ``planes`` decides whether to keep it.
    planes
        Storage for all planes. The caller reads the stems and forgets them.
    progress
        Called before the first task and after each task with a cost.
    cancel
        Called before each task with a cost.

    Yields
    ------
    tuple[int, int]
        Start and stop of the next part of the song in which all stems are final.

    Raises
    ------
    Cancelled
        ``cancel`` returned True.
    ValueError
        The blocks together are shorter or longer than the song.
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
    """Writes the mixture to the planes as far as the tasks need it."""

    def __init__(self, plan: Plan, blocks: Iterable[NDArray[np.floating]], planes: Planes) -> None:
        self._blocks, self._planes = iter(blocks), planes
        self._length = plan.planes[MIXTURE].frames
        self._width = plan.planes[MIXTURE].width
        self._arrived = 0

    def provide(self, task: Task) -> None:
        """Consume blocks until everything the task reads has arrived.

        Raises
        ------
        ValueError
            The blocks end too early, or :func:`as_mixture` rejects a block.
        """
        stop = max((part.stop for part in task.reads if part.plane == MIXTURE), default=0)
        while self._arrived < stop:
            block = next(self._blocks, None)
            if block is None:
                self._refuse("ends", self._arrived)
            self._take(as_mixture(block, self._width))

    def end(self) -> None:
        """Raise a ValueError if the blocks are longer than the song's stated length."""
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
    """Tracks how much of a song is final, counted from its start."""

    def __init__(self, plan: Plan) -> None:
        self._reached = dict.fromkeys(plan.stems, 0)
        self._beyond: dict[str, dict[int, int]] = defaultdict(dict)
        self._final = 0

    def advance(self, task: Task) -> Iterator[tuple[int, int]]:
        """Yield the part of the song that a finished task made final, if there is one."""
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
    """Reports progress and checks for cancellation."""

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self._progress, self._began, self._done = progress, time.monotonic(), 0
        self._total = sum(task.cost for task in plan.tasks)
        if progress is not None:
            progress(0, self._total, float("nan"))

    def check(self, cancel: Cancel | None) -> None:
        """Raise Cancelled if ``cancel`` returns True."""
        if cancel is not None and cancel():
            raise Cancelled(
                f"Separation was cancelled with {self._done} of {self._total} parts done."
            )

    def count(self, task: Task) -> None:
        """Count a finished task and report the progress."""
        self._done += task.cost
        if self._progress is not None and task.cost > 0:
            each = (time.monotonic() - self._began) / self._done
            self._progress(self._done, self._total, each * (self._total - self._done))


def held_bytes(plan: Plan) -> int:
    """The most bytes that :func:`execute` holds at a time, over all planes except the stems."""
    needed = _needed_later(plan)
    held: dict[str, int] = defaultdict(int)  # plane -> number of frames
    arrived = gone = most = 0  # frames of the mixture (arrived, gone); bytes (most)
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
    """Map each (task, plane it reads) to the first frame that later tasks read, or None."""
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
