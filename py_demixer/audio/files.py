"""From an audio file to the files of its stems, of any length, in a bounded amount of memory.

The song is decoded to a temporary file and measured on the way; its stems are written to temporary
files as they become final; at the end they are encoded with one gain for all, and moved to where
they belong, each in one step.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import AudioError
from py_demixer.extras import require
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.separation.planning import Options
from py_demixer.separation.processes import Workers
from py_demixer.separation.separate import Stems, separate_blocks
from py_demixer.separation.statistics import measure
from py_demixer.separation.tasks import Cancel, Progress, SongStatistics

from . import decode, encode
from .decode import Warn

UNFINISHED = ".unfinished-"
"""How the names of folders begin in which stems are made, beside the place where they will be."""

WITHOUT = "no_"
"""How the name begins of what is left of a song without a stem."""

_BLOCK = 1 << 18  # frames read from a temporary file at a time
_CHANNELS = 2  # of the mixture and of every stem: the models are for stereo
_FRAME_BYTES = 4 * _CHANNELS


@dataclass(frozen=True)
class Output:
    """How stems are written.

    Attributes
    ----------
    format
        One of :data:`py_demixer.audio.encode.FORMATS`.
    bits
        Of a sample, a key of :data:`py_demixer.audio.encode.SUBTYPES`.
    two_stems
        The name of one stem: write it, and ``no_<name>``, the sum of the others. None is to write
        all.

    Raises
    ------
    ValueError
        The format is not known, or cannot hold such samples.
    """

    format: str = "wav"
    bits: str = "16"
    two_stems: str | None = None

    def __post_init__(self) -> None:
        encode.check_format(self.format, self.bits)

    def names(self, stems: Iterable[str]) -> tuple[str, ...]:
        """The names of what is written, of the stems that a model makes.

        Raises
        ------
        ValueError
            The stem of ``two_stems`` is not among them, or the only one.
        """
        stems = tuple(stems)
        if self.two_stems is None:
            return stems
        if self.two_stems not in stems:
            raise ValueError(
                f"There is no stem {self.two_stems!r}: choose one of {', '.join(stems)}."
            )
        if len(stems) == 1:
            raise ValueError(
                "With one stem there are no others to add up: ask for more stems, or a residual."
            )
        return self.two_stems, f"{WITHOUT}{self.two_stems}"


@dataclass(frozen=True)
class Separated:
    """A song's stems, written.

    Attributes
    ----------
    song
        The file they were made from.
    files
        By name of the stem.
    seconds
        How long the song is.
    gain
        What all stems were multiplied with, so that none clips; 1 where none would.
    """

    song: Path
    files: Mapping[str, Path]
    seconds: float
    gain: float


def separate_file(
    song: str | Path,
    folder: str | Path,
    model: Model,
    options: Options | None = None,
    *,
    output: Output | None = None,
    workers: int | Workers | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    warn: Warn = lambda sentence: None,
) -> Separated:
    """Separate an audio file and write its stems. Needs the packages of ``py-demixer[cli]``.

    Parameters
    ----------
    song
        Any file that libsndfile or the program ffmpeg reads.
    folder
        Where the stems go, as ``<stem>.<format>``; made if it is not there. Files of these names
        are replaced. If anything fails, nothing is written.
    model, options, workers, progress, cancel
        See :func:`py_demixer.separate`.
    output
        How stems are written; None is 16-bit WAV.
    warn
        Called with a sentence when the song was read, but with complaints.

    Returns
    -------
    Separated
        Where the stems are.

    Raises
    ------
    AudioError
        The song cannot be read, or the stems cannot be written; the message says why.
    ValueError, TypeError, Cancelled, WorkerError
        See :func:`py_demixer.separate`.
    """
    song, folder, output = Path(song), Path(folder), output or Output()
    with workshop(folder) as place:
        mixture = place / "mixture.f32"
        about = decode.read(
            song, model.sample_rate, lambda blocks: _store(blocks, mixture, model), warn
        )
        names = output.names(planning.plan(model, about, options).stems)
        _refuse_to_fill_the_disk(place, about, len(names), output.bits)
        made = separate_blocks(
            _stored(mixture),
            model,
            options,
            song=about,
            workers=workers,
            progress=progress,
            cancel=cancel,
            scratch=place,
        )
        peaks = _write_raw((_selected(stems, output.two_stems) for stems in made), place)
        mixture.unlink()
        gain = encode.shared_gain(list(peaks.values()), output.bits)
        fresh = {name: place / f"{name}.{output.format}" for name in names}
        for name, path in fresh.items():
            raw = place / f"{name}.f32"
            blocks = _stored(raw)
            encode.write(path, blocks, about.length, model.sample_rate, output.bits, gain)
            raw.unlink()
        files = {name: move(path, folder) for name, path in fresh.items()}
    return Separated(song, files, about.length / model.sample_rate, gain)


def _store(blocks: Iterator[NDArray[np.float32]], path: Path, model: Model) -> SongStatistics:
    """Write a mixture to a file, frame by frame, and measure it."""
    with path.open("wb") as file:

        def kept() -> Iterator[NDArray[np.float32]]:
            for block in blocks:
                file.write(np.ascontiguousarray(block.T).data)
                yield block

        return measure(kept(), model.sample_rate)


def _stored(path: Path) -> Iterator[NDArray[np.float32]]:
    """What :func:`_store` or :func:`_write_raw` has written: ``(2, n)``."""
    with path.open("rb") as file:
        while data := file.read(_BLOCK * _FRAME_BYTES):
            yield np.frombuffer(data, np.float32).reshape(-1, _CHANNELS).T


def _selected(stems: Stems, wanted: str | None) -> Mapping[str, NDArray[np.float32]]:
    """What to write, each ``(2, n)``: all stems, or one and the sum of the others."""
    if wanted is None:
        return stems
    # As Demucs does it: the sum of the other stems, not the mix minus the wanted one.
    others = np.zeros_like(stems[wanted])
    for name in stems:
        if name != wanted:
            others += stems[name]
    return {wanted: stems[wanted], f"{WITHOUT}{wanted}": others}


def _write_raw(
    parts: Iterable[Mapping[str, NDArray[np.float32]]], folder: Path
) -> dict[str, float]:
    """Write consecutive parts of stems to files; returns the largest size of a sample of each."""
    peaks: dict[str, float] = {}
    for part in parts:
        for name, samples in part.items():
            with (folder / f"{name}.f32").open("ab") as file:
                file.write(np.ascontiguousarray(samples.T).data)
            peaks[name] = max(peaks.get(name, 0.0), float(np.abs(samples).max()))
    return peaks


def _refuse_to_fill_the_disk(folder: Path, song: SongStatistics, stems: int, bits: str) -> None:
    raw = _FRAME_BYTES * song.length
    needed = stems * (raw + encode.written_bytes(song.length, bits))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise AudioError(
            f"The stems may take {needed / 1e6:.1f} MB while they are made, but {folder.parent} "
            f"has only {free / 1e6:.1f} MB left: make room, or choose another folder."
        )


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder`` that is gone afterwards, whatever happens.

    It is made before anything is computed, so that a place that cannot be written to is found out
    early; finished files move from it to ``folder`` in one step each. What runs that were killed
    have left there goes.

    Raises
    ------
    AudioError
        ``folder`` cannot be written to, or its disk is full.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        temporary, lock = _begun(folder)
    except OSError as error:
        raise AudioError(
            f"{folder} cannot be written to ({error.strerror}): choose another folder."
        ) from error
    try:
        with temporary as name, lock:
            yield Path(name)
    except OSError as error:
        if error.errno not in _DISK_IS_FULL:
            raise
        raise AudioError(
            f"The stems could not be written to {folder} ({error.strerror}): make room, or choose "
            "another folder."
        ) from error
    finally:
        with suppress(OSError):  # those go that are empty: nothing was written
            for path in new:
                path.rmdir()


_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOCK = "lock"
"""In a hidden folder: held as long as somebody works there, and let go by the system if killed."""


def _begun(folder: Path) -> tuple[tempfile.TemporaryDirectory[str], Any]:
    """A new hidden folder, and the lock that is held on it."""
    filelock = require("filelock")
    while True:
        temporary = tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder)
        lock = filelock.FileLock(Path(temporary.name) / _LOCK)
        with suppress(filelock.Timeout):  # another run has just taken it for what was left
            lock.acquire(timeout=0)
            return temporary, lock


def sweep(folder: Path) -> None:
    """Remove the hidden folders that :func:`workshop` has made and nobody works in any more."""
    filelock = require("filelock")
    for left in folder.glob(f"{UNFINISHED}*"):
        if left.is_dir() and not left.is_symlink():
            with suppress(filelock.Timeout), filelock.FileLock(left / _LOCK, timeout=0):
                shutil.rmtree(left, ignore_errors=True)


def move(path: Path, folder: Path) -> Path:
    """Move a file to a folder of the same disk, in one step; what is there is replaced.

    Raises
    ------
    AudioError
        It cannot be replaced.
    """
    target = folder / path.name
    try:
        os.replace(path, target)
    except OSError as error:  # another program may hold the old file open
        raise AudioError(f"{target} could not be replaced: {error.strerror}.") from error
    return target
