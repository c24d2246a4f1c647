"""Songs with their true stems: folders as in MUSDB18-HQ, or .stem.mp4 files as in MUSDB18."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.audio import decode
from py_demixer.audio.collection import files_below
from py_demixer.errors import EvaluationError

MIXTURE = "mixture"
_MIXTURE_FILE = f"{MIXTURE}.wav"
SUBSETS = ("test", "train")
STEM_FILE = ".stem.mp4"
STREAMS = (MIXTURE, "drums", "bass", "other", "vocals")
"""The contents of the audio streams of a MUSDB18 file, in order."""


@dataclass(frozen=True)
class Track:
    """A song with its true stems.

    Attributes
    ----------
    name
        Name of the song.
    path
        Its folder, with ``mixture.wav`` and a file for each stem, or its ``.stem.mp4`` file; or any
        other audio file, whose stems are not known.
    """

    name: str
    path: Path

    def stems(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The wanted stems that are available."""
        if self.path.is_file():
            there = STREAMS if self.path.name.endswith(STEM_FILE) else ()
            return tuple(name for name in wanted if name in there)
        return tuple(name for name in wanted if (self.path / f"{name}.wav").is_file())

    def load(self, name: str, sample_rate: int, warn: decode.Warn) -> NDArray[np.float32]:
        """Load the mixture or a stem: ``(2, samples)`` float32.

        Raises
        ------
        AudioError
            The file cannot be read.
        """
        if self.path.is_file():
            stream = STREAMS.index(name)
            return decode.load(self.path, sample_rate, warn, stream)
        return decode.load(self.path / f"{name}.wav", sample_rate, warn)


def find_tracks(
    path: Path,
    names: Sequence[str] = (),
    subsets: Sequence[str] = ("test",),
    *,
    without_stems: bool = False,
) -> list[Track]:
    """Find the songs below a path.

    Parameters
    ----------
    path
        A track's folder, a ``.stem.mp4`` file, or a folder with any number of these below it.
    names
        Names of the wanted songs; empty for all of them.
    subsets
        If the folder has subfolders for the subsets of a dataset, only these are searched.
    without_stems
        If there is no song with true stems, return the audio files.

    Raises
    ------
    EvaluationError
        There are no songs, or a wanted song is missing.
    """
    found = sorted(_tracks(path, subsets), key=lambda track: track.name)
    if not found and without_stems:
        songs = _files_below(path) if path.is_dir() else [path]
        songs = [song for song in songs if song.suffix.lower() in decode.SUFFIXES]
        found = _told_apart([Track(song.stem, song) for song in songs], path)
    if not found:
        raise EvaluationError(
            f"{path} has no song with true stems: it needs a {MIXTURE}.wav with its stems beside "
            f"it, or a {STEM_FILE} file, anywhere below it."
        )
    for name in names:
        if name not in {track.name for track in found}:
            raise EvaluationError(f"There is no song {name!r} in {path}: check its name.")
    return [track for track in found if not names or track.name in names]


def _tracks(path: Path, subsets: Sequence[str]) -> list[Track]:
    if path.is_file() and path.name.endswith(STEM_FILE):
        return [Track(path.name.removesuffix(STEM_FILE), path)]
    if (path / _MIXTURE_FILE).is_file():
        return [Track(path.resolve().name, path)]
    places = [path]
    if any((path / subset).is_dir() for subset in SUBSETS):
        places = [path / subset for subset in subsets]
    files = [file for place in places if place.is_dir() for file in _files_below(place)]
    found = [Track(file.parent.name, file.parent) for file in files if file.name == _MIXTURE_FILE]
    found += [
        Track(file.name.removesuffix(STEM_FILE), file)
        for file in files
        if file.name.endswith(STEM_FILE)
    ]
    return _told_apart(found, path)


def _told_apart(tracks: Sequence[Track], path: Path) -> list[Track]:
    """Rename songs with the same name to their relative paths, because results are kept by name."""
    count = Counter(track.name for track in tracks)
    return [
        track
        if count[track.name] == 1
        else replace(track, name=track.path.relative_to(path).as_posix())
        for track in tracks
    ]


def _files_below(folder: Path) -> list[Path]:
    try:
        return list(files_below(folder))
    except OSError as error:
        raise EvaluationError(f"{error.filename} cannot be read: {error.strerror}.") from error


def load_references(
    track: Track,
    stems: Sequence[str],
    mixture: NDArray[np.float32],
    sample_rate: int,
    warn: decode.Warn,
) -> Mapping[str, NDArray[np.float32]]:
    """Load those true stems that are available.

    Parameters
    ----------
    mixture
        ``(2, samples)``. If a stem has another length, a warning says that only the common
        beginning is compared.

    Raises
    ------
    AudioError
        A file cannot be read.
    """
    references = {name: track.load(name, sample_rate, warn) for name in track.stems(stems)}
    lengths = [audio.shape[1] for audio in (mixture, *references.values())]
    if len(set(lengths)) > 1:
        warn(
            f"{track.name}: the mixture and its stems have from {min(lengths) / sample_rate:.3f} to"
            f" {max(lengths) / sample_rate:.3f} s; the beginning that all have is compared."
        )
    return references
