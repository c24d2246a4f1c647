"""Separate audio files of any length to stem files, with bounded memory.

The song is decoded to a temporary file and measured at the same time. Its stems are written to
temporary files as they become final. At the end they are encoded with a common gain, and each is
moved to its place atomically.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from py_demixer.separation.remainder import sum_to_mixture, with_remainder
from py_demixer.separation.separate import Stems, separate_blocks
from py_demixer.separation.statistics import measure
from py_demixer.separation.tasks import MIXTURE, Cancel, Progress, SongStatistics

from . import decode, encode, stem_file
from .decode import Warn

UNFINISHED = ".unfinished-"
"""Name prefix of the temporary folders in which stems are made, inside their final folder."""

FORMATS = (*encode.FORMATS, stem_file.FORMAT)
"""Formats of files that :func:`separate_file` writes."""

ALL = "all"
"""Key of a stem file among the files of a song: it holds all stems."""

WITHOUT = "no_"
"""Name prefix for the sum of all other stems."""

_BLOCK = 1 << 18  # frames read from a temporary file at a time
_CHANNELS = 2  # of the mixture and of every stem; all models are for stereo
_FRAME_BYTES = 4 * _CHANNELS


@dataclass(frozen=True)
class Output:
    """How stems are written.

    Attributes
    ----------
    format
        One of :data:`FORMATS`. "stem.mp4" is one file with the song and its four stems, for DJs.
    bits
        Bits per sample, a key of :data:`py_demixer.audio.encode.SUBTYPES`; 16 in a stem file, which
        has none.
    two_stems
        Name of one stem: write it and ``no_<name>``, the sum of the others. None writes all stems.
    sum_to_mixture
        Whether one stem takes what the others leave of the song, so that all add up to it: see
        :func:`py_demixer.sum_to_mixture`. True for ``other`` (``remainder`` if there is no such
        stem), or the name of the stem.

    Raises
    ------
    ValueError
        The format is unknown, or cannot hold such samples.
    """

    format: str = "wav"
    bits: str = "16"
    two_stems: str | None = None
    sum_to_mixture: bool | str = False

    def __post_init__(self) -> None:
        if self.is_together:
            if self.bits != "16" or self.two_stems is not None:
                raise ValueError("A stem file is AAC and has all stems: it takes no such option.")
            stem_file.check()
        else:
            encode.check_format(self.format, self.bits)

    @property
    def is_together(self) -> bool:
        """Whether one file holds all stems."""
        return self.format == stem_file.FORMAT

    def files(self, folder: Path, stems: Iterable[str]) -> dict[str, Path]:
        """The paths of a song's files in its folder, by stem."""
        if self.is_together:
            return {ALL: stem_file.path_in(folder)}
        return {name: folder / f"{name}.{self.format}" for name in stems}

    def names(self, stems: Iterable[str]) -> tuple[str, ...]:
        """The names of the stems to write, given those that a model makes.

        Raises
        ------
        ValueError
            The stem ``two_stems`` is not among them, or is the only one; or there is no stem that
            ``sum_to_mixture`` names; or a stem file cannot hold so many.
        """
        stems = tuple(stems)
        if self.sum_to_mixture:
            stems = with_remainder(stems, self.remainder_into)
        if self.is_together and len(stems) != stem_file.STEMS:
            raise ValueError(
                f"A stem file holds exactly {stem_file.STEMS} stems, and these are {len(stems)}: "
                "choose another model or another format."
            )
        if self.two_stems is None:
            return stems
        if self.two_stems not in stems:
            raise ValueError(
                f"There is no stem {self.two_stems!r}: choose one of {', '.join(stems)}."
            )
        if len(stems) == 1:
            raise ValueError(
                "With one stem there are no others to add up: ask for more stems, for a residual, "
                "or for stems that sum to the mixture."
            )
        return self.two_stems, f"{WITHOUT}{self.two_stems}"

    def names_after(
        self, names: Sequence[str], then: Mapping[str, Sequence[str]]
    ) -> tuple[str, ...]:
        """The names of all stems to write if some of :meth:`names` are separated further.

        Parameters
        ----------
        then
            By the name of a stem, the stems that a second model makes of it.

        Raises
        ------
        ValueError
            There is no such stem, or a stem file cannot hold more stems.
        """
        for stem in then:
            if stem not in names:
                raise ValueError(
                    f"There is no stem {stem!r} to separate further: choose one of "
                    f"{', '.join(names)}."
                )
        if then and self.is_together:
            raise ValueError("A stem file has room for four stems: separate none of them further.")
        more = [second_name(stem, source) for stem in then for source in then[stem]]
        return (*names, *more)

    def written_bytes(self, frames: int, sample_rate: int, stems: int) -> int:
        """The size in bytes of all files of a song of that many frames, about."""
        if self.is_together:
            return stem_file.written_bytes(frames, sample_rate)
        return stems * encode.written_bytes(frames, self.bits)

    @property
    def remainder_into(self) -> str | None:
        """The named stem that takes the remainder; None: it has not been named."""
        return self.sum_to_mixture if isinstance(self.sum_to_mixture, str) else None


def second_name(stem: str, source: str) -> str:
    """The name of a stem that a second model makes of a stem."""
    return f"{stem}_{source}"


@dataclass(frozen=True)
class Separated:
    """The written stems of a song.

    Attributes
    ----------
    song
        The audio file of the song.
    files
        The stem files, by name of the stem.
    seconds
        Length of the song in seconds.
    gain
        Factor by which all stems were multiplied so that none clips; 1 if none would.
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
    then: Mapping[str, Model | Workers] | None = None,
    workers: int | Workers | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    warn: Warn = lambda sentence: None,
) -> Separated:
    """Separate an audio file and write its stems. Needs the packages of ``py-demixer[cli]``.

    Parameters
    ----------
    song
        Any file that libsndfile or the program ffmpeg can read.
    folder
        Folder for the stems, ``<stem>.<format>``, or for the stem file, ``<folder>.stem.mp4``; it
        is created if necessary. Files of these names are replaced. If anything fails, nothing is
        written.
    model, options, workers, progress, cancel
        See :func:`py_demixer.separate`.
    output
        How stems are written; None for 16-bit WAV.
    then
        By the name of a stem, a model that separates it further (or running workers with one), with
        its default options. Its stems are written as ``<stem>_<its stem>``, beside the stem itself.
    warn
        Called with a sentence if the song could be read, but with problems.

    Returns
    -------
    Separated
        The paths of the stems, and more.

    Raises
    ------
    AudioError
        The song cannot be read, or the stems cannot be written; the message says why.
    ValueError, TypeError, Cancelled, WorkerError
        See :func:`py_demixer.separate`.
    """
    song, folder, output = Path(song), Path(folder), output or Output()
    with workshop(folder) as place:
        mixture = _raw(place, MIXTURE)
        about = decode.read(
            song, model.sample_rate, lambda blocks: _store(blocks, mixture, model), warn
        )
        further = {stem: _Further(second, model, workers) for stem, second in (then or {}).items()}
        first = output.names(planning.plan(model, about, options).stems)
        names = output.names_after(
            first, {stem: second.model.sources for stem, second in further.items()}
        )
        written = output.written_bytes(about.length, model.sample_rate, len(names))
        _refuse_to_fill_the_disk(place, len(names) * _FRAME_BYTES * about.length + written)
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
        if output.sum_to_mixture:
            made = _completed(made, mixture, output.remainder_into)
        peaks = _write_raw((_selected(stems, output.two_stems) for stems in made), place)
        for stem, second in further.items():
            peaks |= _write_raw(second.separated(stem, place, progress, cancel), place)
        if output.is_together:
            peaks[MIXTURE] = _peak(mixture)
        else:
            mixture.unlink()
        gain = encode.shared_gain(list(peaks.values()), output.bits)
        fresh = {name: place / path.name for name, path in output.files(folder, names).items()}
        if output.is_together:
            tracks = [_stored(_raw(place, name)) for name in (MIXTURE, *names)]
            tags = stem_file.tags_of(song)
            stem_file.write(fresh[ALL], tracks, names, model.sample_rate, gain=gain, tags=tags)
        else:
            _encode(fresh, about.length, model.sample_rate, output.bits, gain)
        files = {name: move(path, folder) for name, path in fresh.items()}
    return Separated(song, files, about.length / model.sample_rate, gain)


class _Further:
    """A model that separates a stem, and what computes it."""

    def __init__(
        self, second: Model | Workers, first: Model, workers: int | Workers | None
    ) -> None:
        # Running workers have one model, so those of the first cannot be shared.
        self._workers: int | Workers | None = workers if isinstance(workers, int) else None
        self.model = second.model if isinstance(second, Workers) else second
        if isinstance(second, Workers):
            self._workers = second
        if self.model.sample_rate != first.sample_rate:
            raise ValueError(
                f"The second model is for {self.model.sample_rate} Hz, the first one for "
                f"{first.sample_rate} Hz: choose models with the same rate."
            )

    def separated(
        self, stem: str, place: Path, progress: Progress | None, cancel: Cancel | None
    ) -> Iterator[Mapping[str, NDArray[np.float32]]]:
        """Consecutive parts of its stems of a stem, by the names of their files."""
        raw = _raw(place, stem)
        about = measure(_stored(raw), self.model.sample_rate)
        for stems in separate_blocks(
            _stored(raw),
            self.model,
            song=about,
            workers=self._workers,
            progress=progress,
            cancel=cancel,
            scratch=place,
        ):
            yield {second_name(stem, source): samples for source, samples in stems.items()}


def _raw(place: Path, name: str) -> Path:
    """Where the samples of the mixture or of a stem are while the files are made."""
    return place / f"{name}.f32"


def _store(blocks: Iterator[NDArray[np.float32]], path: Path, model: Model) -> SongStatistics:
    """Write a mixture to a file, frame by frame, and measure it."""
    with path.open("wb") as file:

        def kept() -> Iterator[NDArray[np.float32]]:
            for block in blocks:
                file.write(np.ascontiguousarray(block.T).data)
                yield block

        return measure(kept(), model.sample_rate)


def _stored(path: Path) -> Iterator[NDArray[np.float32]]:
    """Read blocks ``(2, n)`` from a file written by :func:`_store` or :func:`_write_raw`."""
    with path.open("rb") as file:
        while data := file.read(_BLOCK * _FRAME_BYTES):
            yield np.frombuffer(data, np.float32).reshape(-1, _CHANNELS).T


def _peak(path: Path) -> float:
    """The largest absolute sample of a file of :func:`_store`."""
    return max((float(np.abs(block).max()) for block in _stored(path)), default=0.0)


def _encode(
    fresh: Mapping[str, Path], frames: int, sample_rate: int, bits: str, gain: float
) -> None:
    """Encode files of :func:`_write_raw`, one after the other, and delete them."""
    for name, path in fresh.items():
        raw = _raw(path.parent, name)
        encode.write(path, _stored(raw), frames, sample_rate, bits, gain)
        raw.unlink()


def _completed(parts: Iterable[Stems], mixture: Path, into: str | None) -> Iterator[Stems]:
    """Consecutive parts of stems that add up to the mixture in a file of :func:`_store`."""
    with mixture.open("rb") as file:
        for stems in parts:
            data = file.read(stems.audio.shape[2] * _FRAME_BYTES)
            samples = np.frombuffer(data, np.float32).reshape(-1, _CHANNELS).T
            yield sum_to_mixture(stems, samples, into)


def _selected(stems: Stems, wanted: str | None) -> Mapping[str, NDArray[np.float32]]:
    """What to write, each ``(2, n)``: all stems, or one stem and the sum of the others."""
    if wanted is None:
        return stems
    # As in Demucs: the sum of the other stems, not the mixture minus the wanted one.
    others = np.zeros_like(stems[wanted])
    for name in stems:
        if name != wanted:
            others += stems[name]
    return {wanted: stems[wanted], f"{WITHOUT}{wanted}": others}


def _write_raw(
    parts: Iterable[Mapping[str, NDArray[np.float32]]], folder: Path
) -> dict[str, float]:
    """Write consecutive parts of stems to files; return the largest absolute sample of each."""
    peaks: dict[str, float] = {}
    for part in parts:
        for name, samples in part.items():
            with _raw(folder, name).open("ab") as file:
                file.write(np.ascontiguousarray(samples.T).data)
            peaks[name] = max(peaks.get(name, 0.0), float(np.abs(samples).max()))
    return peaks


def _refuse_to_fill_the_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise AudioError(
            f"The stems may take {needed / 1e6:.1f} MB while they are made, but {folder.parent} "
            f"has only {free / 1e6:.1f} MB left: make room, or choose another folder."
        )


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """Make a hidden folder inside ``folder``, and remove it afterwards in any case.

    It is made before anything is computed, so that a folder that cannot be written to is detected
    early; finished files are moved from it to ``folder`` atomically. Leftovers of killed runs are
    removed.

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
        with suppress(OSError):  # remove new folders that are empty: nothing was written
            for path in new:
                path.rmdir()


_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOCK = "lock"
"""Lock file in a hidden folder, held while the folder is in use; a killed process releases it."""


def _begun(folder: Path) -> tuple[tempfile.TemporaryDirectory[str], Any]:
    """Make a new hidden folder; return it and its lock, which is held."""
    filelock = require("filelock")
    while True:
        temporary = tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder)
        lock = filelock.FileLock(Path(temporary.name) / _LOCK)
        with suppress(filelock.Timeout):  # another run is just sweeping it as a leftover
            lock.acquire(timeout=0)
            return temporary, lock


def sweep(folder: Path) -> None:
    """Remove the hidden folders of :func:`workshop` that are no longer in use."""
    filelock = require("filelock")
    for left in folder.glob(f"{UNFINISHED}*"):
        if left.is_dir() and not left.is_symlink():
            with suppress(filelock.Timeout), filelock.FileLock(left / _LOCK, timeout=0):
                shutil.rmtree(left, ignore_errors=True)


def move(path: Path, folder: Path) -> Path:
    """Move a file atomically to a folder on the same disk, replacing any existing file.

    Raises
    ------
    AudioError
        The existing file cannot be replaced.
    """
    target = folder / path.name
    try:
        os.replace(path, target)
    except OSError as error:  # another program may hold the old file open
        raise AudioError(f"{target} could not be replaced: {error.strerror}.") from error
    return target
