"""Songs with their true stems: folders as MUSDB18-HQ has them, or .stem.mp4 as MUSDB18 has."""

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
"""What the audio streams of a MUSDB18 file are, in their order."""


@dataclass(frozen=True)
class Track:
    """A song with its true stems.

    Attributes
    ----------
    name
        Of the song.
    path
        Its folder, with ``mixture.wav`` and a file for each stem, or its ``.stem.mp4`` file; or an
        audio file alone, of which no stem is known.
    """

    name: str
    path: Path

    def stems(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those of the wanted stems of which the true one is there."""
        if self.path.is_file():
            there = STREAMS if self.path.name.endswith(STEM_FILE) else ()
            return tuple(name for name in wanted if name in there)
        return tuple(name for name in wanted if (self.path / f"{name}.wav").is_file())

    def load(self, name: str, sample_rate: int, warn: decode.Warn) -> NDArray[np.float32]:
        """The mixture or a stem: ``(2, samples)`` float32.

        Raises
        ------
        AudioError
            It cannot be read.
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
    """The songs at a place.

    Parameters
    ----------
    path
        A track's folder, a ``.stem.mp4`` file, or a folder with any number of those below it.
    names
        Those that are wanted; none are all.
    subsets
        Where there are folders of these names, only what is in one that is asked for.
    without_stems
        Where there is none with true stems, take audio files as they are.

    Raises
    ------
    EvaluationError
        There are none, or none of a name that is wanted.
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
    """Those of one name are called by where they are, for results are kept by name."""
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
    """The true ones of some stems, as far as they are there.

    Parameters
    ----------
    mixture
        ``(2, samples)``; where a stem has another length it is told that only the beginning which
        all have can be compared.

    Raises
    ------
    AudioError
        One cannot be read.
    """
    references = {name: track.load(name, sample_rate, warn) for name in track.stems(stems)}
    lengths = [audio.shape[1] for audio in (mixture, *references.values())]
    if len(set(lengths)) > 1:
        warn(
            f"{track.name}: the mixture and its stems have from {min(lengths) / sample_rate:.3f} to"
            f" {max(lengths) / sample_rate:.3f} s; the beginning that all have is compared."
        )
    return references
