"""Separate many songs, one per process, and redo only what is missing or has changed.

A manifest next to a song's stems records from what and how they were made, and the hashes of all
files. A song is done if its manifest matches the current recipe and its files match the manifest.
The manifest is moved to the folder before the stems, so stems without a manifest were not made by
this module, and are replaced only on request.

An :class:`Executor` runs the songs: processes on this machine (:class:`LocalExecutor`) or a Dask
cluster (:mod:`py_demixer.batch.dask`). A process that dies affects only its song, which is tried
again.
"""

from __future__ import annotations

import functools
import json
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum, auto
from pathlib import Path, PureWindowsPath
from typing import Any, Protocol, Self

from py_demixer.audio.collection import Job
from py_demixer.audio.files import Output, move, separate_file, sweep, workshop
from py_demixer.errors import AudioError, BatchError
from py_demixer.extras import require
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.separation.processes import ONE_THREAD
from py_demixer.version import __version__
from py_demixer.weights import checkpoint, loading

MANIFEST = "manifest.json"
TRIES = 3
"""Number of attempts for a song whose process dies."""

_LOOK_SECONDS = 1.0  # interval between checks for an interrupt


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a song's stems, except the song itself.

    Attributes
    ----------
    model
        Name of the model; None for the one that its weight file holds.
    weights
        The SHA-256 of its weight file.
    backend
        Name of the backend.
    options
        How songs are separated.
    output
        How stems are written.
    version
        Version of this package.
    """

    model: str | None
    weights: str
    backend: str
    options: planning.Options
    output: Output
    version: str = __version__

    def content(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content


@dataclass(frozen=True)
class Outcome:
    """The result for one song.

    Attributes
    ----------
    job
        The song.
    manifest
        The manifest of its stems; None if there are no stems.
    skipped
        Whether the song was already done.
    error
        A sentence that says why there are no stems.
    warnings
        Warnings for the user.
    """

    job: Job
    manifest: Mapping[str, Any] | None = None
    skipped: bool = False
    error: str | None = None
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Processes that separate songs; they are available inside a ``with`` statement."""

    def __enter__(self) -> Self:
        """Start the processes, or connect to them."""

    def __exit__(self, *_: object) -> None:
        """Stop using the processes, even if they are still working."""

    def run(self, jobs: Iterable[Job], recipe: Recipe) -> Iterator[Outcome]:
        """Separate songs, as many at a time as there are processes; yield outcomes as they end."""


def run(
    jobs: Iterable[Job], recipe: Recipe, executor: Executor, *, replace: bool = False
) -> Generator[Outcome, None, None]:
    """Separate the songs that are not done yet.

    Parameters
    ----------
    jobs
        The songs, from :func:`py_demixer.audio.collection.collect`.
    recipe
        How to separate them.
    executor
        The processes to run them. They are not started if all songs are done.
    replace
        Replace stems that were made with another recipe, or not by this module.

    Yields
    ------
    Outcome
        First those of the songs that were already done, then the others as they finish.

    Raises
    ------
    BatchError
        There are stems that were made in another way; nothing has been changed.
    """
    jobs = list(jobs)
    with ThreadPoolExecutor() as threads:  # hashing releases the GIL
        found = dict(zip(jobs, threads.map(lambda job: _look(job, recipe), jobs), strict=True))
    others = [job for job, state in found.items() if state is _State.OTHERWISE]
    if others and not replace:
        count = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise BatchError(
            f"{others[0].folder}{count} holds stems that were made with other settings: add "
            "--force to replace them, or choose another folder."
        )
    for job, state in found.items():
        if not isinstance(state, _State):
            yield Outcome(job, state, skipped=True)
    left = [job for job, state in found.items() if isinstance(state, _State)]
    if left:
        for job in left:  # here, so that no single song removes folders that several share
            job.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with executor:
                yield from executor.run(left, recipe)
        finally:
            for job in left:  # clean up after processes that were killed
                sweep(job.folder)
                with suppress(OSError):  # the folder has stems in it, or does not exist
                    job.folder.rmdir()


def separate_job(job: Job, recipe: Recipe, weights: str) -> Outcome:
    """Separate one song in this process and write its manifest.

    Parameters
    ----------
    job
        The song.
    recipe
        How to separate it.
    weights
        Path of the weight file on this machine. The model is loaded only once per process.

    Returns
    -------
    Outcome
        The result, with an error if the song cannot be read or its stems cannot be written.
    """
    warnings: list[str] = []
    manifest, sentence = None, None
    try:
        manifest = _separate(job, recipe, weights, warnings)
    except AudioError as error:
        sentence = str(error)
    except (ImportError, OSError, ValueError) as error:
        sentence = f"{job.song}: {error}"
    except MemoryError:
        sentence = f"{job.song}: there is not enough memory; use fewer processes."
    return Outcome(job, manifest, error=sentence, warnings=tuple(warnings))


def _separate(job: Job, recipe: Recipe, weights: str, warnings: list[str]) -> dict[str, Any]:
    model = _model(recipe.model, weights, recipe.backend)
    before = _read(job.folder) or {"stems": {}}
    with workshop(job.folder) as place:
        made = separate_file(
            job.song, place, model, recipe.options, output=recipe.output, warn=warnings.append
        )
        manifest = {
            **recipe.content(),
            "song": _facts(job.song),
            "stems": {name: _facts(path) for name, path in made.files.items()},
            "seconds": made.seconds,
            "gain": made.gain,
        }
        fresh = place / MANIFEST
        fresh.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        files = [fresh, *made.files.values()]  # the manifest first; see the module's docstring
        for path in files:
            move(path, job.folder)
    for facts in before["stems"].values():  # remove old stems with other names
        path = job.folder / facts["name"]
        if path.name not in {new.name for new in files} and _is(path, facts):
            path.unlink()
    return manifest


@functools.lru_cache(maxsize=1)
def _model(name: str | None, weights: str, backend: str) -> Model:
    if name is None:
        return loading.load_checkpoint(weights, backend=backend)
    return loading.load_model(name, weights, backend)


# ---- existing stems -----------------------------------------------------------------------------


class _State(Enum):
    """The state of a song that is not done."""

    TO_DO = auto()
    OTHERWISE = auto()  # there are stems that were not made with this recipe


def _look(job: Job, recipe: Recipe) -> dict[str, Any] | _State:
    """The manifest of a song that is done, or the state of one that is not."""
    manifest = _read(job.folder)
    if manifest is None:
        there = any(job.folder.glob(f"*.{recipe.output.format}"))
        return _State.OTHERWISE if there else _State.TO_DO
    if not recipe.content().items() <= manifest.items():
        return _State.OTHERWISE
    files = [(job.folder / facts["name"], facts) for facts in manifest["stems"].values()]
    whole = all(_is(path, facts) for path, facts in [(job.song, manifest["song"]), *files])
    return manifest if whole else _State.TO_DO


def _read(folder: Path) -> dict[str, Any] | None:
    """The manifest in a folder, if there is one."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if _is_manifest(manifest) else None


def _is_manifest(content: Any) -> bool:
    """Whether the content has the form of a manifest; its facts may still be wrong."""
    if not isinstance(content, dict) or not isinstance(content.get("stems"), dict):
        return False
    return all(map(_are_facts, (content.get("song"), *content["stems"].values())))


def _are_facts(content: Any) -> bool:
    """Whether the content has the form of :func:`_facts`, with a plain file name, not a path."""
    if not isinstance(content, dict) or set(content) != {"name", "bytes", "sha256"}:
        return False
    name = content["name"]
    return isinstance(name, str) and name == PureWindowsPath(name).name != "" and name != ".."


def _is(path: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a file is the one described in a manifest."""
    try:
        return path.stat().st_size == facts["bytes"] and _facts(path) == facts
    except OSError:
        return False


def _facts(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": checkpoint.sha256(path)}


# ---- processes on this machine ------------------------------------------------------------------


class LocalExecutor:
    """Processes on this machine. Needs the package loky (``pip install 'py-demixer[cli]'``).

    Each uses one BLAS thread, so that results do not depend on their number, to the bit.

    Parameters
    ----------
    count
        Number of processes, at least one.
    weights
        Path of the weight file, which all processes memory-map.

    Raises
    ------
    MissingPackageError
        The package loky is not installed.
    """

    def __init__(self, count: int, weights: Path) -> None:
        self._loky = require("loky")
        self._count, self._weights = count, str(weights)
        self._processes: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.shutdown(kill_workers=True)

    def run(self, jobs: Iterable[Job], recipe: Recipe) -> Iterator[Outcome]:
        """Separate songs, as many at a time as there are processes; yield outcomes as they end."""
        waiting = deque((job, 1) for job in jobs)
        idle = [self._start() for _ in range(min(self._count, len(waiting)))]
        running: dict[Future[Outcome], tuple[Any, Job, int]] = {}
        while waiting or running:
            while waiting and idle:
                process, (job, attempt) = idle.pop(), waiting.popleft()
                future = process.submit(separate_job, job, recipe, self._weights)
                running[future] = process, job, attempt
            for future in wait(running, _LOOK_SECONDS, FIRST_COMPLETED).done:
                process, job, attempt = running.pop(future)
                if not isinstance(future.exception(), self._loky.BrokenProcessPool):
                    idle.append(process)
                    yield future.result()
                    continue
                self._processes.remove(process)
                process.shutdown(kill_workers=True)
                idle.append(self._start())
                if attempt < TRIES:
                    waiting.appendleft((job, attempt + 1))
                else:
                    yield gave_up(job)

    def _start(self) -> Any:
        """Start a pool of one process: in a larger pool, one crash would end all processes."""
        process = self._loky.ProcessPoolExecutor(1, initializer=_begin, env=ONE_THREAD)
        self._processes.append(process)
        return process


def gave_up(job: Job) -> Outcome:
    """The outcome for a song whose process died at every attempt."""
    return Outcome(
        job,
        error=f"{job.song}: {TRIES} processes ended in the middle of it, perhaps for lack of "
        "memory: try again with fewer at a time.",
    )


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the main process handles Ctrl-C
