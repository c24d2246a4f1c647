"""A segment of a network with random weights, natively and in Chromium, and by rivals.

PyTorch and onnxruntime-web need a checkout of the original. In the rivals' favour,
onnxruntime-web's graph leaves out the short-time transforms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError

from tests.bench import rivals
from tests.bench.pyodide import measure_inside
from tests.bench.rows import Row, row
from tools.environment import CACHE, ROOT, note, run

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Subject:
    """A network of which a segment is timed.

    Attributes
    ----------
    name
        The first part of the rows' names.
    architecture
        A key of :data:`py_demixer.models.registry.ARCHITECTURES`.
    dimensions
        Those that are not the default ones.
    gflop
        Operations of a segment here, in billions.
    inputs
        Shapes of the inputs of the rival's graph, by name.
    storage
        Type of the weights in Chromium; natively it is float32, as PyTorch's.
    runs, graph_runs
        Number of timed runs, and by onnxruntime-web.
    is_native
        Whether it is timed natively, too.
    """

    name: str
    architecture: str
    dimensions: Mapping[str, Any]
    gflop: float
    inputs: Mapping[str, tuple[int, ...]]
    storage: str
    runs: int
    graph_runs: int
    is_native: bool = True

    @property
    def given(self) -> tuple[str, str]:
        """Architecture and dimensions, as the measuring programs take them."""
        return self.architecture, json.dumps(self.dimensions)


def measure(
    subject: Subject, site: Path, pytorch: Path | None, original: Path | None
) -> Iterator[Row]:
    """Time one segment.

    Parameters
    ----------
    site
        The built site.
    pytorch
        A Python that can import torch, onnx, NumPy and what the original needs; None leaves out the
        rivals.
    original
        A checkout of the original; None leaves out the rivals.
    """
    if subject.is_native:
        yield from _native(subject, Path(sys.executable), "py-demixer", "numpy", None)
        if pytorch and original:
            yield from _native(subject, pytorch, "pytorch", None, original)
    yield from _in_chromium(subject, site)
    if pytorch and original and subject.graph_runs:
        yield from _by_onnxruntime(subject, export(subject, pytorch, original))


def export(subject: Subject, pytorch: Path, original: Path) -> Path:
    """The graph of the original, exported once."""
    path = CACHE / "rivals" / f"{subject.name}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [pytorch, "-m", "tests.bench.export", *subject.given, original, path]
        run(command, f"Cannot export {subject.name}. PyTorch said:", cwd=ROOT)
    return path


def _row(
    subject: Subject,
    where: str,
    engine: str,
    backend: str | None,
    measured: tuple[list[float], int],
    threads: int = 1,
) -> Row:
    what = f"{subject.name}/segment"
    return row(what, where, engine, backend, *measured, threads=threads, gflop=subject.gflop)


def _native(
    subject: Subject, python: Path, engine: str, backend: str | None, original: Path | None
) -> list[Row]:
    command = [python, "-m", "tests.bench.native_seeded", engine, *subject.given]
    result = subprocess.run(
        [str(word) for word in (*command, subject.runs, original or "-")],
        cwd=ROOT,
        env=os.environ | _ONE_THREAD,
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    measured = answer["runs"], answer["peak_bytes"]
    return _with_lstms(_row(subject, "native", engine, backend, measured), answer)


def _with_lstms(segment: Row, answer: dict[str, Any]) -> list[Row]:
    """The row of a segment, and one for its LSTMs if they were timed."""
    if (lstm := answer.get("lstm")) is None:
        return [segment]
    what = segment["what"].replace("/segment", "/LSTMs")
    where, engine, backend = (segment[key] for key in ("where", "engine", "backend"))
    lstms = row(what, where, engine, backend, [lstm["seconds"]], 0, gflop=lstm["gflop"])
    return [segment, lstms | {"share": round(lstm["seconds"] / segment["seconds"], 4)}]


def _in_chromium(subject: Subject, site: Path) -> list[Row]:
    answer = measure_inside(site, "inside_seeded", *subject.given, subject.runs, subject.storage)
    measured = answer["runs"], answer["heap"]
    return _with_lstms(_row(subject, "chromium", "py-demixer", answer["backend"], measured), answer)


def _by_onnxruntime(subject: Subject, graph: Path) -> Iterator[Row]:
    for threads in sorted({1, os.cpu_count() or 1}):
        try:
            measured = rivals.run_graph(graph.name, subject.inputs, threads, subject.graph_runs)
        except PlaywrightError as error:  # its memory may not suffice
            note(f"onnxruntime-web cannot run {subject.name}: {error}")
            continue
        yield _row(subject, "chromium", "onnxruntime-web", None, measured, threads)
