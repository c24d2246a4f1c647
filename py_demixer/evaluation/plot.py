"""Box plots of an evaluation: a box for each stem, for each metric."""

from __future__ import annotations

from pathlib import Path

from py_demixer.errors import EvaluationError
from py_demixer.extras import require

from .metrics import METRICS
from .results import Evaluation


def draw(evaluation: Evaluation, path: Path) -> None:
    """Draw a box for each stem: median, quartiles, and whiskers of 1.5 times the quartile distance.

    A box shows the scores of the songs or, if there is only one song, of its windows.

    Parameters
    ----------
    evaluation
        Scores of at least one song.
    path
        Path of the file; its extension determines the format: .png, .svg or .pdf.

    Raises
    ------
    EvaluationError
        The file cannot be written.
    MissingPackageError
        matplotlib is not installed.
    """
    figure = require("matplotlib.figure", "evaluate").Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for axis, metric in zip(axes.flat, METRICS, strict=True):
        boxes = _values(evaluation, metric)
        axis.boxplot(list(boxes.values()), tick_labels=list(boxes))
        axis.set_ylabel(f"{metric}, dB")
        axis.grid(axis="y", alpha=0.3)
    songs = len(evaluation.songs)
    what = f"{songs} songs" if songs > 1 else f"windows of {next(iter(evaluation.songs))}"
    figure.suptitle(f"{evaluation.about['model']}, {what}")
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:  # ValueError: unknown format
        raise EvaluationError(f"{path} cannot be drawn: {error}.") from error


def _values(evaluation: Evaluation, metric: str) -> dict[str, list[float]]:
    """For each stem, the scores of the songs or, for a single song, of its windows."""
    values: dict[str, list[float]] = {stem: [] for stem in evaluation.aggregate()}
    several = len(evaluation.songs) > 1
    for song, scores in evaluation.tracks().items():
        for stem, of in scores.items():
            found = [of[metric]] if several else evaluation.songs[song][stem][metric]
            values[stem] += [value for value in found if value is not None]
    return values
