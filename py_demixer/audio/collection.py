"""Find songs, and decide where their stems go."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from py_demixer.errors import CollectionError
from py_demixer.separation.recurrent import RESIDUAL
from py_demixer.separation.remainder import REMAINDER
from py_demixer.weights.manifest import MODELS

from . import stem_file
from .decode import SUFFIXES
from .files import WITHOUT, Output

_STEMS = frozenset(
    {REMAINDER, RESIDUAL, *chain.from_iterable(model.stems for model in MODELS.values())}
)


@dataclass(frozen=True)
class Job:
    """A song and the folder for its stems.

    Attributes
    ----------
    song
        The audio file.
    name
        Name of the song: its path relative to the given folder, without the extension.
    folder
        Folder for its stems.
    """

    song: Path
    name: str
    folder: Path

    def files(self, stems: Iterable[str], output: Output) -> Mapping[str, Path]:
        """The paths of its files, by stem: see :meth:`.files.Output.files`."""
        return output.files(self.folder, stems)


def collect(places: Sequence[Path], out: Path) -> list[Job]:
    """Collect songs: audio files, and all audio files below folders.

    A song's stems go to ``out/<song>``; for a song found in a folder, the subfolders are kept.
    Links to folders are followed. Hidden files are skipped, and so are results of earlier runs:
    everything in ``out`` if that is below the folder, and stems in the folders of songs.

    Raises
    ------
    CollectionError
        A folder contains no audio file or cannot be read, or the stems of two songs would go to the
        same folder.
    """
    jobs = [job for place in places for job in _jobs(place, out)]
    seen: dict[str, Path] = {}
    for job in jobs:
        # Some file systems ignore differences in case or in Unicode composition.
        key = unicodedata.normalize("NFC", job.name).casefold()
        if key in seen:
            raise CollectionError(
                f"{seen[key]} and {job.song} would both be written to {job.folder}: "
                "separate them in two calls, with different folders after -o."
            )
        seen[key] = job.song
    return jobs


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder except hidden ones, sorted by name.

    Links are followed; a folder that can be reached in several ways is visited once. A broken link
    counts as a file: opening it raises an error that says so.

    Raises
    ------
    OSError
        A folder cannot be read.
    """
    yield from _files_below(folder, set())


def _files_below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files_below(path, seen)
        elif path.is_file() or path.is_symlink():
            yield path


def _jobs(place: Path, out: Path) -> list[Job]:
    if not place.is_dir():
        return [_job(place, Path(), out)]
    try:
        songs = [path for path in files_below(place) if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise CollectionError(f"{error.filename} cannot be read: {error.strerror}.") from error
    jobs = [_job(song, song.relative_to(place).parent, out) for song in songs]
    if place.resolve() in out.resolve().parents:
        jobs = [job for job in jobs if not job.song.resolve().is_relative_to(out.resolve())]
    folders = {job.folder.resolve() for job in jobs}
    jobs = [job for job in jobs if not _is_stem(job.song, folders)]
    if not jobs:
        raise CollectionError(f"There is no audio file in {place}.")
    return jobs


def _is_stem(path: Path, folders: set[Path]) -> bool:
    """Whether a file has the path of a stem that would be made of one of the songs."""
    name = path.stem.removeprefix(WITHOUT)
    # A stem, or one that a second model made of it: see files.second_name.
    is_named_so = name in _STEMS or name.partition("_")[0] in _STEMS
    is_together = path == stem_file.path_in(path.parent)
    return (is_named_so or is_together) and path.parent.resolve() in folders


def _job(song: Path, between: Path, out: Path) -> Job:
    # "...flac" has the stem "..", the parent folder; Windows drops trailing dots and spaces.
    name = between / (song.stem.rstrip(". ") or song.name)
    return Job(song, name.as_posix(), out / name)
