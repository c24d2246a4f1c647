"""Tables of results, as text or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .comparison import Likeness
from .metrics import METRICS
from .results import Evaluation, Scores
from .spectra import METRICS as SPECTRAL

_NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """Rows of cells under column headings; the first cell of a row is its name."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """The table as text, with spaces between columns."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            name, *numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
            return "  ".join([name.strip().ljust(widths[0]), *numbers]).rstrip()

        return "\n".join([self.title, *map(line, [self.columns, *self.rows])])

    def markdown(self) -> str:
        """The table as GitHub-flavoured Markdown, under a heading."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = (f"| {' | '.join(cells)} |" for cells in [self.columns, rule, *self.rows])
        return "\n".join([f"## {self.title}", "", *lines])


def scores(title: str, stems: Mapping[str, Scores]) -> Table:
    """The table of scores for one song, or for several together."""
    metrics = (*METRICS, *SPECTRAL)
    return Table(
        title, ("dB", *metrics), [(stem, *_cells(of, metrics)) for stem, of in stems.items()]
    )


def published() -> dict[str, Any]:
    """Scores published by others.

    Their origin is in ``what``, those of songs in ``tracks`` by name and model, those of whole test
    sets in ``sets``.
    """
    text = resources.files(__package__).joinpath("published.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def published_tables(evaluation: Evaluation) -> Iterator[Table]:
    """Tables of scores published by others, with ours for songs that were evaluated."""
    here = evaluation.tracks()
    for song, models in published()["tracks"].items():
        stems = dict.fromkeys(stem for model in models.values() for stem in model)
        rows = []
        for stem in stems:
            rows += [(f"{stem}, {model}", *_cells(of[stem])) for model, of in models.items()]
            if stem in here.get(song, {}):
                ours = f"{stem}, {evaluation.about['model']} here"
                rows.append((ours, *_cells(here[song][stem])))
        yield Table(f"{song}, as published for freemusicdemixer.com", ("dB", *METRICS), rows)


def published_sets(evaluation: Evaluation) -> Iterator[Table]:
    """Tables of the SDR on whole test sets, published by others, with that of our songs."""
    ours, count = evaluation.aggregate(), len(evaluation.songs)
    for each in published()["sets"]:
        stems = each["stems"]
        rows = [(model, *map(_cell, values)) for model, values in each["SDR"].items()]
        name = f"{evaluation.about['model']} here, {count} song{'s' * (count > 1)}"
        rows.append((name, *(_cell(ours.get(stem, {}).get("SDR")) for stem in stems)))
        yield Table(f"SDR, {each['what']}", ("dB", *stems), rows)


def likenesses(title: str, stems: Mapping[str, Likeness]) -> Table:
    """The table that compares one song's stems with PyTorch's."""
    columns = ("dB", "level", "SNR", "PyTorch's SNR", "SDR", "PyTorch's SDR", "difference")
    return Table(title, columns, [_likeness(*stem) for stem in stems.items()])


LEGEND = """\
SNR: the difference from PyTorch in float64 is the noise; PyTorch's: of its own float32.
level: of the stem against the mixture. Of a stem that is nearly silent, ratios are to the mixture.
SDR: by BSS Eval, where the true stem is known."""
"""Legend for the tables of :func:`likenesses`."""


def _likeness(name: str, stem: Likeness) -> Sequence[str]:
    label = f"{name} (nearly silent)" if stem.nearly_silent else name
    level = "silent" if stem.level is None else f"{stem.level:.1f}"
    ratios = ("equal" if x is None else f"{x:.1f}" for x in (stem.ours, stem.pytorch))
    if stem.sdr is None or stem.sdr_pytorch is None:
        return label, level, *ratios, *[_NOTHING] * 3
    sdr = (f"{stem.sdr:.3f}", f"{stem.sdr_pytorch:.3f}", f"{stem.sdr - stem.sdr_pytorch:+.4f}")
    return label, level, *ratios, *sdr


def _cells(of: Scores, metrics: Iterable[str] = METRICS) -> Iterable[str]:
    return (_cell(of.get(metric)) for metric in metrics)


def _cell(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"
