"""Plot seconds and memory of the bench's convolution rows, one for each implementation.

python -m tests.bench.plot REPORT.json PICTURE.svg      (REPORT.json: build.py bench --json)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

from tests.bench.rows import Row

_PREFIX = "convolution/"
_NAMES = {"loops": "loops (NumPy)", "im2col": "im2col (SciPy's BLAS)", "kernels": "kernels"}


def draw(rows: list[Row], path: Path) -> None:
    """Plot the rows whose name begins with ``convolution/``."""
    ways = [row for row in rows if row["what"].startswith(_PREFIX)]
    matplotlib.rcParams |= {"font.size": 9, "svg.hashsalt": "py-demixer", "svg.fonttype": "none"}
    figure, (left, right) = pyplot.subplots(1, 2, sharey=True, figsize=(8.6, 3.2))
    names = [row["what"].removeprefix(_PREFIX) for row in ways]
    left.set_yticks(range(len(ways)), [_NAMES.get(name, name) for name in names])
    left.invert_yaxis()
    colours = ["#2f7d5b" if name == "kernels" else "#8a93a6" for name in names]
    _bars(left, [row["seconds"] for row in ways], colours, "seconds", "{:.2f} s")
    megabytes = [row["peak_bytes"] / 1e6 for row in ways]
    _bars(right, megabytes, colours, "MB beside input, weights and output", "{:.1f} MB")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, facecolor="white")


def _bars(axes: Axes, values: list[float], colours: list[str], label: str, form: str) -> None:
    bars = axes.barh(range(len(values)), values, color=colours)
    axes.bar_label(bars, [form.format(value) for value in values], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 6)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    draw(report["results"], Path(sys.argv[2]))
