"""Many songs, one to a process: done again only where something is missing or was changed.

Beside a song's stems lies a manifest: what they were made of and by, and the hashes of all files.
A song whose manifest says what would be done now, and whose files are as it says, is done. The
manifest is written before the stems move to their place, so that whatever has none was not made
here, and is not replaced unless that is wanted.

An :class:`Executor` runs the songs: processes of this machine (:class:`LocalExecutor`), or a Dask
cluster (:mod:`py_demixer.batch.dask`). A process that ends takes nothing with it but its song,
which is tried again.
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
"""How often a song is begun whose process ends before it is done."""

_LOOK_SECONDS = 1.0  # between two looks at whether somebody wants to stop


@dataclass(frozen=True)
class Recipe:
    """All that decides a song's stems but the song.

    Attributes
    ----------
    model
        Its name.
    weights
        The SHA-256 of its weight file.
    backend
        What multiplies.
    options
        How songs are separated.
    output
        How stems are written.
    version
        Of this package.
    """

    model: str
    weights: str
    backend: str
    options: planning.Options
    output: Output
    version: str = __version__

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content


@dataclass(frozen=True)
class Outcome:
    """What has become of a song.

    Attributes
    ----------
    job
        The song.
    manifest
        Of its stems; None where there are none.
    skipped
        Whether it was done before.
    error
        A sentence that says why there are none.
    warnings
        What a person should know of it.
    """

    job: Job
    manifest: Mapping[str, Any] | None = None
    skipped: bool = False
    error: str | None = None
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Processes that separate songs; they are there inside a ``with`` statement."""

    def __enter__(self) -> Self:
        """Start them, or find them."""

    def __exit__(self, *_: object) -> None:
        """Let them go, whatever they do."""

    def run(self, jobs: Iterable[Job], recipe: Recipe) -> Iterator[Outcome]:
        """Separate songs, as many at a time as there are processes; yields what is done."""


def run(
    jobs: Iterable[Job], recipe: Recipe, executor: Executor, *, replace: bool = False
) -> Generator[Outcome, None, None]:
    """Separate the songs that are not done.

    Parameters
    ----------
    jobs
        From :func:`py_demixer.audio.collection.collect`.
    recipe
        How.
    executor
        Who. If all songs are done, it is not even started.
    replace
        Replace stems that were made in another way, or not by this.

    Yields
    ------
    Outcome
        First of the songs that are done, then of the others as they end.

    Raises
    ------
    BatchError
        There are stems that were made in another way; nothing has been done yet.
    """
    jobs = list(jobs)
    with ThreadPoolExecutor() as threads:  # hashing lets other threads run
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
        for job in left:  # now: folders that several songs share are nobody's to remove
            job.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with executor:
                yield from executor.run(left, recipe)
        finally:
            for job in left:  # of processes that were ended
                sweep(job.folder)
                with suppress(OSError):  # there are stems in it, or it is not there
                    job.folder.rmdir()


def separate_job(job: Job, recipe: Recipe, weights: str) -> Outcome:
    """Separate one song, in this process, and leave a manifest.

    Parameters
    ----------
    job
        The song.
    recipe
        How.
    weights
        The weight file's place on this machine. The model is loaded once.

    Returns
    -------
    Outcome
        With an error, where the song cannot be read or its stems cannot be written.
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
        files = [fresh, *made.files.values()]  # the manifest first, see the top
        for path in files:
            move(path, job.folder)
    for facts in before["stems"].values():  # of a model with other stems
        path = job.folder / facts["name"]
        if path.name not in {new.name for new in files} and _is(path, facts):
            path.unlink()
    return manifest


@functools.lru_cache(maxsize=1)
def _model(name: str, weights: str, backend: str) -> Model:
    return loading.load_model(name, weights, backend)


# ---- what is there ------------------------------------------------------------------------------


class _State(Enum):
    """What is known of a song that is not done."""

    TO_DO = auto()
    OTHERWISE = auto()  # there are stems that were not made by the recipe


def _look(job: Job, recipe: Recipe) -> dict[str, Any] | _State:
    """The manifest of a song that is done, or why it is not."""
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
    """Whether it has what this module writes; that it may be believed is not said."""
    if not isinstance(content, dict) or not isinstance(content.get("stems"), dict):
        return False
    return all(map(_are_facts, (content.get("song"), *content["stems"].values())))


def _are_facts(content: Any) -> bool:
    """Whether it is what :func:`_facts` gives: of a file by its name, which leads nowhere else."""
    if not isinstance(content, dict) or set(content) != {"name", "bytes", "sha256"}:
        return False
    name = content["name"]
    return isinstance(name, str) and name == PureWindowsPath(name).name != "" and name != ".."


def _is(path: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a file is the one that a manifest speaks of."""
    try:
        return path.stat().st_size == facts["bytes"] and _facts(path) == facts
    except OSError:
        return False


def _facts(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": checkpoint.sha256(path)}


# ---- processes of this machine ------------------------------------------------------------------


class LocalExecutor:
    """Processes of this machine. Needs the package loky (``pip install 'py-demixer[cli]'``).

    Each uses one thread of its BLAS, so that the bits do not depend on how many there are.

    Parameters
    ----------
    count
        How many processes, at least one.
    weights
        The weight file, which all of them map into their memory.

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
        """Separate songs, as many at a time as there are processes; yields what is done."""
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
        """A pool of one process: of a larger one, all would go when one goes."""
        process = self._loky.ProcessPoolExecutor(1, initializer=_begin, env=ONE_THREAD)
        self._processes.append(process)
        return process


def gave_up(job: Job) -> Outcome:
    """Of a song whose process ended each time."""
    return Outcome(
        job,
        error=f"{job.song}: {TRIES} processes ended in the middle of it, perhaps for lack of "
        "memory: try again with fewer at a time.",
    )


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process alone
