"""`python -m tests.bench SITE`: measure, then print a table or one JSON object.

Every row has the same fields, whatever it measures. `seconds` is the median of `runs`. `peak_bytes`
is the peak resident set natively, and the WASM heap in the browser. `snr_db` (only in rows with a
reference) is the signal-to-noise ratio of each stem against another implementation's. `share` is
the share of a segment's time, `share_of_ceiling` that of the machine's multiply-adds. `speed_up`
compares several workers with one. `page_bytes` is the page's memory besides WASM heaps. `machine`
is the adapter where WebGPU computes, which is a software adapter if there is no other.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    gpu,
    library,
    native,
    openunmix,
    operations,
    page,
    reference,
    rivals,
    roformer,
    scnet,
    songs,
)
from tests.bench.machine import machine
from tests.bench.rows import Row, ratios, table
from tools.environment import CannotGoOn, note
from tools.site import ensure_weights

RUNS = 3


def main() -> None:
    """Run the measurements that the command line selects."""
    options = _options()
    weights = ensure_weights(Path(sys.executable), "htdemucs")
    rows: list[Row] = []
    versions: dict[str, str] = {"python": platform.python_version()}
    measures: list[tuple[str, Callable[[], tuple[list[Row], dict[str, str]]]]] = [
        ("one segment, natively", lambda: native.measure(weights, RUNS, options.pytorch)),
        ("one segment, in Chromium", lambda: page.measure(options.site, RUNS)),
        ("one segment, by rivals in Chromium", lambda: rivals.measure(RUNS)),
        ("operations, in Chromium", lambda: operations.measure(options.site, RUNS)),
        ("operations, on a graphics card", lambda: gpu.measure(RUNS)),
        ("Open-Unmix, in Chromium", lambda: openunmix.measure(options.site, RUNS)),
        (
            "a segment of SCNet and of SCNet-large",
            lambda: scnet.measure(options.site, RUNS, options.pytorch, options.original),
        ),
        (
            "a segment of a Mel-Band RoFormer",
            lambda: roformer.measure(options.site, options.pytorch, options.training),
        ),
        ("opening the page again", lambda: page.measure_start(options.site, RUNS)),
        ("one song, by several workers", lambda: songs.measure_scaling(options.site)),
        ("one song, by several processes", lambda: library.measure_workers(weights)),
        ("several songs, by several processes", lambda: library.measure_batch(weights)),
        ("whole songs with a reference", lambda: reference.measure(weights, options.reference)),
    ]
    if options.long:
        measures.append(("a segment on a graphics card", lambda: _on_a_card(weights, options)))
        measures.append(
            ("opening the page on a card", lambda: page.measure_card_start(options.site))
        )
        measures.append(("long files", library.measure_streams))
        measures.append(("long songs", songs.measure_long))
    for name, measure in measures:
        note(f"Measuring: {name} ...")
        more, used = measure()
        rows += more
        versions |= used
    report = {"machine": machine(), "versions": versions, "results": rows}
    print(json.dumps(report, indent=1) if options.json else f"{table(rows)}\n\n{ratios(rows)}")


def _on_a_card(weights: Path, options: argparse.Namespace) -> tuple[list[Row], dict[str, str]]:
    others = scnet.card_cases(options.pytorch, options.original)
    return gpu.measure_segment(weights, 1, others)


def _opened_on_a_card(options: argparse.Namespace) -> tuple[list[Row], dict[str, str]]:
    return page.measure_card_start(options.site)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("site", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--pytorch", type=Path)
    parser.add_argument("--original", type=Path)
    parser.add_argument("--training", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except CannotGoOn as error:
        sys.exit(f"bench: {error}")
