"""Separate one song in several processes: the same plan, bit-identical results.

A task is submitted as soon as everything it reads has been written; planes are kept in files. The
model is written to a file once and all processes memory-map it, so its weights are in the
machine's memory only once. Needs the package loky (``pip install 'py-demixer[cli]'``).

BLAS is limited to one thread in each process, because with more threads it may add in another
order: the results therefore do not depend on the number of processes.
"""

from __future__ import annotations

import functools
import heapq
import pickle
import signal
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import WorkerError
from py_demixer.extras import require
from py_demixer.models.network import Model

from . import planning
from .execution import Clock, Feed, Frontier
from .planes import InFiles
from .tasks import Cancel, Plan, Progress, SongStatistics

if TYPE_CHECKING:
    from concurrent.futures import Future

ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
_ALIGNMENT = 64  # bytes; alignment of the arrays in the file
_LOOK_SECONDS = 0.2  # interval between checks for cancellation


@dataclass(frozen=True)
class _Job:
    """What a worker process needs to know about a song."""

    song: SongStatistics
    options: planning.Options | None
    folder: Path


class Workers:
    """Processes that keep a model loaded and separate one song after another.

    Use it in a ``with`` statement, or call :meth:`close` at the end.

    Parameters
    ----------
    model
        From :func:`py_demixer.load_model`.
    count
        Number of processes, at least one.

    Raises
    ------
    ValueError
        ``count`` is less than one, or the model computes on a graphics card.
    MissingPackageError
        The package loky is not installed.
    """

    def __init__(self, model: Model, count: int) -> None:
        if count < 1:
            raise ValueError(f"There must be at least one worker, not {count}.")
        if model.backend.compiler:
            raise ValueError(
                "Several processes cannot share a graphics card: leave out workers, or load the "
                "model with another backend."
            )
        loky = require("loky")
        self.model, self.count = model, count
        self._broken: type[Exception] = loky.BrokenProcessPool
        self._folder = tempfile.TemporaryDirectory(prefix="py-demixer-")
        _pack(model, Path(self._folder.name))
        self._processes = loky.ProcessPoolExecutor(
            count, initializer=_hold, initargs=(self._folder.name,), env=ONE_THREAD
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the processes, even in the middle of a task."""
        self._processes.shutdown(kill_workers=True)
        self._folder.cleanup()

    def execute(
        self,
        song: SongStatistics,
        options: planning.Options | None,
        blocks: Iterable[NDArray[np.floating]],
        folder: Path,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[tuple[int, int]]:
        """Run all tasks of a song's plan, as :func:`py_demixer.separation.execution.execute` does.

        Parameters
        ----------
        folder
            An empty folder for the planes.

        Raises
        ------
        WorkerError
            A process died: memory ran out, or it was killed.
        """
        from concurrent.futures import FIRST_COMPLETED, wait  # not available in browsers

        plan = planning.plan(self.model, song, options)
        planes = InFiles(folder, plan.planes)
        feed, frontier, clock = Feed(plan, blocks, planes), Frontier(plan), Clock(plan, progress)
        queue, job = _Queue(plan), _Job(song, options, folder)
        running: dict[Future[None], int] = {}
        try:
            while not queue.is_empty or running:
                while queue.has_ready and len(running) < self.count:
                    clock.check(cancel)
                    index = queue.take()
                    feed.provide(plan.tasks[index])
                    running[self._processes.submit(_run, job, index)] = index
                done, _ = wait(running, _LOOK_SECONDS, FIRST_COMPLETED)
                clock.check(cancel)
                for future in done:
                    index = running.pop(future)
                    future.result()
                    for plane in queue.finish(index):
                        planes.forget(plane, None)
                    clock.count(plan.tasks[index])
                    yield from frontier.advance(plan.tasks[index])
        except self._broken as error:
            raise WorkerError(
                "A worker ended in the middle of its work, perhaps for lack of memory: "
                "try again with fewer workers."
            ) from error
        finally:
            for future in running:
                future.cancel()
            wait(running)  # the caller deletes the folder next: no task may still write to it
        feed.end()


class _Queue:
    """Tracks which tasks are ready, in plan order, and which planes no task reads any more."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._before = [len(task.after) for task in plan.tasks]
        self._behind: dict[int, list[int]] = defaultdict(list)
        self._readers: Counter[str] = Counter()
        for index, task in enumerate(plan.tasks):
            for other in task.after:
                self._behind[other].append(index)
            self._readers.update({part.plane for part in task.reads})
        self._ready = [index for index, count in enumerate(self._before) if count == 0]
        self._left = len(plan.tasks)

    @property
    def has_ready(self) -> bool:
        """Whether a task is ready."""
        return bool(self._ready)

    @property
    def is_empty(self) -> bool:
        """Whether all tasks were taken."""
        return self._left == 0

    def take(self) -> int:
        """Take the first task that is ready."""
        self._left -= 1
        return heapq.heappop(self._ready)

    def finish(self, index: int) -> list[str]:
        """Mark a task as done; return the temporary planes that no task reads any more."""
        for other in self._behind.pop(index, ()):
            self._before[other] -= 1
            if self._before[other] == 0:
                heapq.heappush(self._ready, other)
        read = {part.plane for part in self._plan.tasks[index].reads}
        self._readers.subtract(read)
        return [
            name for name in read if self._readers[name] == 0 and self._plan.planes[name].temporary
        ]


# ---- in the worker processes --------------------------------------------------------------------

_PICKLE, _ARRAYS = "model.pickle", "arrays"
_model: Model | None = None


def _pack(model: Model, folder: Path) -> None:
    """Write a model in a form that lets :func:`_hold` memory-map its arrays."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    places = []
    with (folder / _ARRAYS).open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            raw = buffer.raw()
            places.append((file.tell(), raw.nbytes))
            file.write(raw)
        file.write(bytes(1))  # an empty file cannot be memory-mapped
    (folder / _PICKLE).write_bytes(pickle.dumps((content, places)))


def _hold(name: str) -> None:
    """Load the model; called once in each new process."""
    global _model
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the main process handles Ctrl-C
    folder = Path(name)
    content, places = pickle.loads((folder / _PICKLE).read_bytes())
    arrays = np.memmap(folder / _ARRAYS, np.uint8, "r").data
    parts = [arrays[start : start + size] for start, size in places]
    _model = pickle.loads(content, buffers=parts)


@functools.lru_cache(maxsize=1)
def _plan(job: _Job) -> tuple[Plan, InFiles]:
    assert _model is not None
    plan = planning.plan(_model, job.song, job.options)
    return plan, InFiles(job.folder, plan.planes)


def _run(job: _Job, index: int) -> None:
    plan, planes = _plan(job)
    task = plan.tasks[index]
    outputs = plan.run(index, [planes.read(part) for part in task.reads])
    for part, output in zip(task.writes, outputs, strict=True):
        planes.write(part, output)
