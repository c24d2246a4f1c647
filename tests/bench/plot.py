"""`python -m tests.bench.plot BENCH.json OUT.svg`: one convolution, done in every way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt


def main(report: Path, out: Path) -> None:
    """Draw seconds against scratch memory of the rows `convolution/...`."""
    rows = json.loads(report.read_text(encoding="utf-8"))["results"]
    ways = [row for row in rows if row["what"].startswith("convolution/")]
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for row in ways:
        place = max(row["peak_bytes"], 1) / 2**20, row["seconds"]
        axes.loglog(*place, "o", color={"kernels": "#c0392b"}.get(row["backend"], "#2c3e50"))
        name = f"{row['what'].split('/')[1]} ({row['backend']})"
        axes.annotate(name, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
    axes.set_xlabel("memory beside input, weights and output, MiB")
    axes.set_ylabel("seconds")
    axes.set_title("A 3 x 3 convolution of HTDemucs in Chromium: 96 x 128 x 336 to 192 channels")
    axes.margins(x=0.25, y=0.15)
    axes.grid(visible=True, which="both", alpha=0.2)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
