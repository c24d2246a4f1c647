"""Several processes for one song: the same plan, the same bits.

Tasks are given out as soon as what they read is there; planes lie in files. The model is written to
a file once, which all processes map into their memory: its weights are in the machine's memory
once. Needs the package loky (``pip install 'py-demixer[cli]'``).

Each process lets its BLAS use one thread, for a BLAS may add in another order when it has more: so
the bits do not depend on how many processes there are.
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
_ALIGNMENT = 64  # bytes: of the arrays in the file
_LOOK_SECONDS = 0.2  # between two looks at whether somebody wants to stop


@dataclass(frozen=True)
class _Job:
    """What a process must know of a song."""

    song: SongStatistics
    options: planning.Options | None
    folder: Path


class Workers:
    """Processes that hold a model, for one song after another.

    Use it in a ``with`` statement, or call :meth:`close`.

    Parameters
    ----------
    model
        From :func:`py_demixer.load_model`.
    count
        How many processes, at least one.

    Raises
    ------
    ValueError
        That is less than one, or the model computes on a graphics card.
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
        """End the processes, whatever they do."""
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
            An empty one for the planes.

        Raises
        ------
        WorkerError
            A process ended: there is not enough memory, or somebody ended it.
        """
        from concurrent.futures import FIRST_COMPLETED, wait  # browsers have no processes

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
            wait(running)  # the folder is the caller's to delete: nobody may write to it any more
        feed.end()


class _Queue:
    """Which tasks can be run, the first ones first, and which planes nobody will read any more."""

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
        """Whether there is one to take."""
        return bool(self._ready)

    @property
    def is_empty(self) -> bool:
        """Whether all were taken."""
        return self._left == 0

    def take(self) -> int:
        """The first one that is ready."""
        self._left -= 1
        return heapq.heappop(self._ready)

    def finish(self, index: int) -> list[str]:
        """Take note of one that is done; temporary planes that go now."""
        for other in self._behind.pop(index, ()):
            self._before[other] -= 1
            if self._before[other] == 0:
                heapq.heappush(self._ready, other)
        read = {part.plane for part in self._plan.tasks[index].reads}
        self._readers.subtract(read)
        return [
            name for name in read if self._readers[name] == 0 and self._plan.planes[name].temporary
        ]


# ---- in the other processes ---------------------------------------------------------------------

_PICKLE, _ARRAYS = "model.pickle", "arrays"
_model: Model | None = None


def _pack(model: Model, folder: Path) -> None:
    """Write a model so that :func:`_hold` can map its arrays."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    places = []
    with (folder / _ARRAYS).open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            raw = buffer.raw()
            places.append((file.tell(), raw.nbytes))
            file.write(raw)
        file.write(bytes(1))  # an empty file cannot be mapped
    (folder / _PICKLE).write_bytes(pickle.dumps((content, places)))


def _hold(name: str) -> None:
    """Load the model, in a new process."""
    global _model
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process alone
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
