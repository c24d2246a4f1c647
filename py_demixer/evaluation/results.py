"""What was found of songs: written after each, so that what is stopped can be taken up again."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from py_demixer.errors import EvaluationError

from .metrics import METRICS, Frames, median, median_of

Scores = Mapping[str, float | None]
"""By metric: dB; None where there is none, since a stem is silent."""


class Results(ABC):
    """Facts of stems of songs, and of what they were made with.

    Parameters
    ----------
    about
        What decides the results, as JSON has it: the model, its options, versions.
    songs
        By name of the song and of the stem.
    """

    _PLACE: str
    """Where the songs are in a file."""

    def __init__(self, about: Mapping[str, Any], songs: Mapping[str, Any] | None = None) -> None:
        self.about: dict[str, Any] = json.loads(json.dumps(about))  # JSON has no tuples
        self.songs: dict[str, Any] = dict(songs or {})

    @classmethod
    def resume(cls, path: Path | None, about: Mapping[str, Any]) -> Self:
        """What a file has already, or nothing yet.

        Raises
        ------
        EvaluationError
            The file is something else, or was made with another model, options or versions.
        """
        fresh = cls(about)
        if path is None or not path.exists():
            return fresh
        advice = "choose another file, or delete it."
        try:
            content = json.loads(path.read_text("utf-8"))
            there, songs = {name: content[name] for name in fresh.about}, content[cls._PLACE]
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise EvaluationError(f"{path} does not hold such results: {advice}") from error
        for name, value in fresh.about.items():
            if there[name] != value:
                raise EvaluationError(
                    f"{path} was made with the {name} {json.dumps(there[name])}, and not "
                    f"{json.dumps(value)}: {advice}"
                )
        return cls(about, songs)

    def save(self, path: Path) -> None:
        """Write a file, in one step.

        Raises
        ------
        EvaluationError
            It cannot be written.
        """
        fresh = path.with_name(f".{path.name}.unfinished")
        try:
            fresh.write_text(json.dumps(self.content(), indent=1) + "\n", "utf-8")
            os.replace(fresh, path)
        except OSError as error:
            raise EvaluationError(f"{path} cannot be written: {error.strerror}.") from error

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """What a file has, for JSON."""


class Evaluation(Results):
    """Scores: ``songs`` holds, by song and stem, dB in each window for each metric."""

    _PLACE = "frames"

    def content(self) -> dict[str, Any]:
        """Scores of songs, of all of them together, and of each window."""
        scores = {"tracks": self.tracks(), "aggregate": self.aggregate()}
        return {**self.about, **scores, self._PLACE: self.songs}

    def tracks(self) -> dict[str, dict[str, Scores]]:
        """By song and stem: the median over windows."""
        return {song: _scores(stems) for song, stems in self.songs.items()}

    def aggregate(self) -> dict[str, Scores]:
        """By stem: the median over songs."""
        tracks = self.tracks().values()
        stems = dict.fromkeys(stem for track in tracks for stem in track)
        return {stem: _median(track[stem] for track in tracks if stem in track) for stem in stems}


class Comparison(Results):
    """Likeness to another implementation; by song and stem what it consists of."""

    _PLACE = "tracks"

    def content(self) -> dict[str, Any]:
        """What was found of each song."""
        return {**self.about, self._PLACE: self.songs}


def _scores(stems: Mapping[str, Frames]) -> dict[str, Scores]:
    return {stem: median(frames) for stem, frames in stems.items()}


def _median(songs: Iterable[Scores]) -> Scores:
    songs = list(songs)
    return {metric: median_of([scores[metric] for scores in songs]) for metric in METRICS}
