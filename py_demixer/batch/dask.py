"""Separate songs on a Dask cluster; needs ``pip install 'py-demixer[cluster]'`` there, too.

The workers must see the songs and the folders for stems under the same paths, on a shared file
system. The weights are sent to each worker once.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import distributed
import threadpoolctl
from distributed.diagnostics.plugin import WorkerPlugin

from py_demixer.audio.collection import Job
from py_demixer.errors import BatchError
from py_demixer.version import __version__

from .run import Outcome, Recipe, gave_up, separate_job

_PATIENCE_SECONDS = 30  # for the scheduler to answer, and for the first worker to connect


class DaskExecutor:
    """The workers of a Dask cluster.

    Each worker gets one song at a time, whatever its number of threads, so that its memory use is
    predictable. A worker that dies loses only its song, which is given to another worker.

    Parameters
    ----------
    address
        Address of the scheduler, such as ``"tcp://10.0.0.1:8786"``.
    weights
        Path of the weight file.
    """

    def __init__(self, address: str, weights: Path) -> None:
        self._address, self._weights = address, weights
        self._name = f"py-demixer-{uuid.uuid4().hex}"

    def __enter__(self) -> Self:
        """Connect, and send the weights.

        Raises
        ------
        BatchError
            No scheduler answers, it has no workers, or a worker has another version of py-demixer.
        """
        try:
            self._client = distributed.Client(self._address, timeout=_PATIENCE_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise BatchError(
                f"There is no Dask scheduler at {self._address}: start one, or check the address."
            ) from error
        try:
            self._prepare()
        except BaseException:
            self._client.close()
            raise
        return self

    def _prepare(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
        except TimeoutError as error:
            raise BatchError(
                f"The scheduler at {self._address} has no workers: start some with `dask worker`."
            ) from error
        for worker, version in self._client.run(_version, on_error="return").items():
            if version != __version__:
                raise BatchError(
                    f"The worker {worker} does not have py-demixer {__version__} ({version}): "
                    "install the same version everywhere."
                )
        plugin = _Weights(self._name, self._weights.read_bytes())
        self._client.register_plugin(plugin, name=self._name)

    def __exit__(self, *_: object) -> None:
        self._client.unregister_worker_plugin(self._name)
        self._client.close()

    def run(self, jobs: Iterable[Job], recipe: Recipe) -> Iterator[Outcome]:
        """Separate songs, as many at a time as there are workers; yield outcomes as they finish."""
        waiting = iter(jobs)
        running: dict[Any, Job] = {}
        ended = distributed.as_completed()
        while True:
            while len(running) < max(1, len(self._client.nthreads())):
                if (job := next(waiting, None)) is None:
                    break
                future = self._client.submit(_separate, self._name, job, recipe, pure=False)
                running[future] = job
                ended.add(future)
            if not running:
                return
            future = next(ended)
            job = running.pop(future)
            try:
                yield future.result()
            except distributed.KilledWorker:
                yield gave_up(job)


# ---- on the workers -----------------------------------------------------------------------------


class _Weights(WorkerPlugin):
    """Keeps the weights on a worker for as long as the client needs them."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self._content = name, content

    def setup(self, worker: distributed.Worker) -> None:
        """Write the weights to the worker's local folder, to be memory-mapped from there."""
        self._path = Path(worker.local_directory) / f"{self.name}.safetensors"
        self._path.write_bytes(self._content)
        del self._content
        self._one_at_a_time = threading.Lock()

    def teardown(self, worker: distributed.Worker) -> None:
        """Remove the weights."""
        self._path.unlink(missing_ok=True)

    def separate(self, job: Job, recipe: Recipe) -> Outcome:
        """Separate a song with the weights and a single BLAS thread (see LocalExecutor)."""
        with self._one_at_a_time, threadpoolctl.threadpool_limits(1):
            return separate_job(job, recipe, str(self._path))


def _separate(name: str, job: Job, recipe: Recipe) -> Outcome:
    plugin: Any = distributed.get_worker().plugins[name]
    outcome: Outcome = plugin.separate(job, recipe)
    return outcome


def _version() -> str:
    return __version__
