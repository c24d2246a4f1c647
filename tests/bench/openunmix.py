"""Open-Unmix inside Pyodide in Chromium: time of a four-minute song, from one task of each kind."""

from __future__ import annotations

from pathlib import Path

from tests import unmix
from tests.bench.pyodide import measure_inside
from tests.bench.rows import Row, row

_MINUTES = 4


def measure(site: Path, runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time one worker with the built site's packages and random weights.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        A row for each model, `MODEL/song of 4 min`: in each run, every kind of task is timed once
        and multiplied by its number in the song's plan. `parts` are seconds by kind. No versions.
    """
    rows = []
    for model, hidden in unmix.WIDTHS.items():
        answer = measure_inside(site, "inside_openunmix", hidden, _MINUTES, runs)
        what, backend = f"{model}/song of {_MINUTES} min", answer["backend"]
        measured = row(what, "chromium", "py-demixer", backend, answer["runs"], answer["heap"])
        rows.append(measured | {"parts": answer["parts"]})
    return rows, {}
