"""Which songs there are, and where their stems go."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .audio import SUFFIXES
from .files import Output


class CollectionError(Exception):
    """Songs that cannot be found, or that would be written to one place; a sentence."""


@dataclass(frozen=True)
class Job:
    """A song and the folder its stems go to.

    Attributes
    ----------
    song
        An audio file.
    name
        What it is called: its path below the folder that was asked for, without its ending.
    folder
        Where its stems go.
    """

    song: Path
    name: str
    folder: Path

    def files(self, stems: Iterable[str], output: Output) -> Mapping[str, Path]:
        """The files of its stems, by name."""
        return {name: self.folder / f"{name}.{output.format}" for name in stems}


def collect(places: Sequence[Path], out: Path) -> list[Job]:
    """The songs at some places: files, and folders with all audio files below them.

    A song's stems go to ``out/<song>``; where it was found in a folder, the folders between are
    kept. Hidden files, and what is in ``out``, are passed over.

    Raises
    ------
    CollectionError
        There is no audio file in a folder, or the stems of two songs would go to one place.
    """
    jobs = [job for place in places for job in _jobs(place, out)]
    seen: dict[str, Path] = {}
    for job in jobs:
        # Some file systems take names that differ in case or in Unicode composition for the same.
        key = unicodedata.normalize("NFC", job.name).casefold()
        if key in seen:
            raise CollectionError(
                f"{seen[key]} and {job.song} would both be written to {job.folder}: "
                "separate them in two calls, with different folders after -o."
            )
        seen[key] = job.song
    return jobs


def _jobs(place: Path, out: Path) -> Iterator[Job]:
    if not place.is_dir():
        yield _job(place, Path(), out)
        return
    songs = [path for path in sorted(place.rglob("*")) if _is_song(path, place, out)]
    if not songs:
        raise CollectionError(f"There is no audio file in {place}.")
    for song in songs:
        yield _job(song, song.relative_to(place).parent, out)


def _is_song(path: Path, place: Path, out: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
    made_here = path.resolve().is_relative_to(out.resolve())
    return path.suffix.lower() in SUFFIXES and path.is_file() and not hidden and not made_here


def _job(song: Path, between: Path, out: Path) -> Job:
    # "...flac" has the stem "..", another folder; Windows drops dots and spaces at the end.
    name = between / (song.stem.rstrip(". ") or song.name)
    return Job(song, name.as_posix(), out / name)
