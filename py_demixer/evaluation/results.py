"""Results for songs, saved after each song so that an interrupted run can be resumed."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from py_demixer.errors import EvaluationError

from .metrics import Frames, median, median_of

Scores = Mapping[str, float | None]
"""For each metric, its value; None if a stem is silent."""


class Results(ABC):
    """Results for the stems of songs, with the settings with which they were made.

    Parameters
    ----------
    about
        Everything that determines the results, as JSON values: the model, its options, versions.
    songs
        Results by name of the song and of the stem.
    """

    _PLACE: str
    """Key of the songs in a file."""

    def __init__(self, about: Mapping[str, Any], songs: Mapping[str, Any] | None = None) -> None:
        self.about: dict[str, Any] = json.loads(json.dumps(about))  # JSON has no tuples
        self.songs: dict[str, Any] = dict(songs or {})

    @classmethod
    def resume(cls, path: Path | None, about: Mapping[str, Any]) -> Self:
        """Load the results in a file, or start without any if there is no file.

        Raises
        ------
        EvaluationError
            The file holds no such results, or was made with another model, options or versions.
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
        """Write a file atomically.

        Raises
        ------
        EvaluationError
            The file cannot be written.
        """
        fresh = path.with_name(f".{path.name}.unfinished")
        try:
            fresh.write_text(json.dumps(self.content(), indent=1) + "\n", "utf-8")
            os.replace(fresh, path)
        except OSError as error:
            raise EvaluationError(f"{path} cannot be written: {error.strerror}.") from error

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """The content of a file, as JSON values."""


class Evaluation(Results):
    """Scores: ``songs`` holds, for each song, stem and metric, the values of all windows."""

    _PLACE = "frames"

    def content(self) -> dict[str, Any]:
        """The scores of each song, of all songs together, and of each window."""
        scores = {"tracks": self.tracks(), "aggregate": self.aggregate()}
        return {**self.about, **scores, self._PLACE: self.songs}

    def tracks(self) -> dict[str, dict[str, Scores]]:
        """The median over windows for each song and stem."""
        return {song: _scores(stems) for song, stems in self.songs.items()}

    def aggregate(self) -> dict[str, Scores]:
        """The median over songs for each stem."""
        tracks = self.tracks().values()
        stems = dict.fromkeys(stem for track in tracks for stem in track)
        return {stem: _median(track[stem] for track in tracks if stem in track) for stem in stems}


class Comparison(Results):
    """Likeness to another implementation: ``songs`` holds its values for each song and stem."""

    _PLACE = "tracks"

    def content(self) -> dict[str, Any]:
        """The results for each song."""
        return {**self.about, self._PLACE: self.songs}


def _scores(stems: Mapping[str, Frames]) -> dict[str, Scores]:
    return {stem: median(frames) for stem, frames in stems.items()}


def _median(songs: Iterable[Scores]) -> Scores:
    songs = list(songs)
    metrics = dict.fromkeys(metric for scores in songs for metric in scores)
    return {metric: median_of([scores.get(metric) for scores in songs]) for metric in metrics}
