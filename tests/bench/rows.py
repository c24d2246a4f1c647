"""The rows of the report, and their table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

SEGMENT = "htdemucs/segment"
SEGMENT_GFLOP = 335.4
"""Operations of the matrix products of one HTDemucs segment, in billions."""

_COLUMNS = (
    "what",
    "where",
    "engine",
    "backend",
    "workers",
    "threads",
    "seconds",
    "gflops",
    "peak_bytes",
    "share",
    "share_of_ceiling",
    "speed_up",
    "page_bytes",
    "snr_db",
    "machine",
)


def row(
    what: str,
    where: str,
    engine: str,
    backend: str | None,
    runs: Sequence[float],
    peak_bytes: int,
    *,
    workers: int = 1,
    threads: int = 1,
    gflop: float | None = None,
) -> Row:
    """Describe one measurement.

    Parameters
    ----------
    what
        Model/task.
    where
        "native" or "chromium", followed by "-webgpu" if a graphics card computes.
    engine
        The implementation.
    backend
        Backend of py-demixer; None for other engines.
    runs
        Seconds of each run.
    peak_bytes
        The peak resident set, the size of the WASM heap, or the peak size of a card's buffers.
    workers
        Number of the page's workers.
    threads
        Threads that each worker may use.
    gflop
        Work of one run, if known.
    """
    seconds = statistics.median(runs)
    return {
        "what": what,
        "where": where,
        "engine": engine,
        "backend": backend,
        "workers": workers,
        "threads": threads,
        "seconds": round(seconds, 6),
        "runs": [round(run, 6) for run in runs],
        # A browser's clock may be too coarse for the shortest operations.
        "gflops": round(gflop / seconds, 2) if gflop and seconds else None,
        "peak_bytes": peak_bytes,
    }


def table(rows: Sequence[Row]) -> str:
    """Format the rows as a text table."""
    cells = [_COLUMNS, *([_cell(row.get(name)) for name in _COLUMNS] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return " ".join(f"{name} {number}" for name, number in value.items())
    return str(value)


def ratios(rows: Sequence[Row]) -> str:
    """The time of each way to run a segment, relative to each rival with one thread."""
    segments = [
        r for r in rows if r["what"].endswith("/segment") and r["workers"] == r["threads"] == 1
    ]
    lines = []
    for rival in segments:
        for ours in segments:
            is_same = ours["what"] == rival["what"]
            if is_same and rival["engine"] != "py-demixer" and ours["engine"] == "py-demixer":
                ratio = ours["seconds"] / rival["seconds"]
                name = f"{ours['what']}: py-demixer {ours['backend']} ({ours['where']})"
                other = f"{rival['engine']} ({rival['where']})"
                bound = "at most " if rival.get("is_given_up") else ""
                lines.append(f"{name} takes {bound}{ratio:.2f} x the time of {other}")
    return "\n".join(lines + _operation_ratios(rows))


def _operation_ratios(rows: Sequence[Row]) -> list[str]:
    """The same for operations that both ran on the same adapter."""
    by_engine = {(r["what"], r["machine"], r["engine"]): r for r in rows if "machine" in r}
    lines = []
    for (what, machine, engine), ours in by_engine.items():
        rival = by_engine.get((what, machine, "onnxruntime-web"))
        if rival and engine == "py-demixer":
            ratio = ours["seconds"] / rival["seconds"]
            lines.append(f"{what} takes {ratio:.2f} x the time of onnxruntime-web on {machine}")
    return lines
