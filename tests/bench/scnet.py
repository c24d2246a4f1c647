"""One SCNet segment of 11 s with random weights, natively and in Chromium, and by rivals.

PyTorch and onnxruntime-web need the original: a checkout of https://github.com/starrytong/SCNet. In
the rivals' favour, onnxruntime-web's graph leaves out the short-time transforms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Error as PlaywrightError

from py_demixer.models import parameters
from py_demixer.models.scnet import Config, SCNet
from py_demixer.ops.stft import analyse_rectangular
from py_demixer.speed import Operation
from py_demixer.weights.manifest import MODELS
from tests.bench import gpu, inside_scnet, rivals
from tests.bench.pyodide import measure_inside
from tests.bench.rows import Row, row
from tools.environment import CACHE, ROOT, note, run

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    name: MODELS[name].config for name in ("scnet", "scnet_large")
}
"""Dimensions of the published models."""

GFLOP = {"scnet": 407.0 - 40, "scnet_large": 2352.0 - 213}
"""Operations of a segment here, in billions: half of the decoders' convolutions are saved."""

_INPUTS = {"spectrum": (1, 4, 2049, 476)}
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure(
    site: Path, runs: int, pytorch: Path | None, original: Path | None
) -> tuple[list[Row], dict[str, str]]:
    """Time one segment of each model.

    Parameters
    ----------
    site
        The built site.
    runs
        Number of timed runs.
    pytorch
        A Python that can import torch, onnx and NumPy; None leaves out the rivals.
    original
        A checkout of the original; None leaves out the rivals.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, and the versions of what was measured.
    """
    rows, versions = [], dict[str, str]()
    for name in CONFIGS:
        rows += _native(Path(sys.executable), "py-demixer", "numpy", name, runs, None)
        if pytorch and original:
            rows += _native(pytorch, "pytorch", None, name, runs, original)
        rows += _in_chromium(site, name, runs)
        if pytorch and original:
            # The large one takes minutes.
            times = runs if name == "scnet" else 1
            rows += _by_onnxruntime(_graph(pytorch, name, original), name, times)
            versions["npm onnxruntime-web"] = rivals.ONNXRUNTIME.partition("@")[2]
    return rows, versions


def card_cases(pytorch: Path | None, original: Path | None) -> Iterator[gpu.Case]:
    """A segment of SCNet on a graphics card, if the rival's graph can be made."""
    if not (pytorch and original):
        return
    name = "scnet"
    config = parameters.make_config(Config, CONFIGS[name])
    network = SCNet(inside_scnet.tensors(config, "float16"), config)
    x = np.zeros(network.input_shape, np.float32)
    x[:, : config.segment_length] = inside_scnet.noise(config.segment_length)
    feeds = {"spectrum": analyse_rectangular(x, n_fft=config.n_fft)[None]}
    graph = _graph(pytorch, name, original)
    what, tensors = f"{name}/segment", dict(network.tensors)
    operation = Operation(what, network.network, x, tensors, GFLOP[name])
    yield gpu.Case(what, operation, graph, feeds, None)


def _row(
    name: str,
    where: str,
    engine: str,
    backend: str | None,
    measured: tuple[list[float], int],
    threads: int = 1,
) -> Row:
    what = f"{name}/segment"
    return row(what, where, engine, backend, *measured, threads=threads, gflop=GFLOP[name])


def _native(
    python: Path,
    engine: str,
    backend: str | None,
    name: str,
    runs: int,
    original: Path | None,
) -> list[Row]:
    given = json.dumps(CONFIGS[name])
    command = [python, "-m", "tests.bench.native_scnet", engine, given, runs, original or "-"]
    result = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=os.environ | _ONE_THREAD,
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    segment = _row(name, "native", engine, backend, (answer["runs"], answer["peak_bytes"]))
    return _with_lstms(name, segment, answer)


def _with_lstms(name: str, segment: Row, answer: dict[str, Any]) -> list[Row]:
    """The row of a segment, and one for its LSTMs if they were timed."""
    if (lstm := answer.get("lstm")) is None:
        return [segment]
    where, engine, backend = (segment[key] for key in ("where", "engine", "backend"))
    seconds, what = lstm["seconds"], f"{name}/LSTMs"
    lstms = row(what, where, engine, backend, [seconds], 0, gflop=lstm["gflop"])
    return [segment, lstms | {"share": round(seconds / segment["seconds"], 4)}]


def _in_chromium(site: Path, name: str, runs: int) -> list[Row]:
    given = json.dumps(CONFIGS[name])
    answer = measure_inside(site, "inside_scnet", given, runs, "float16")
    measured = answer["runs"], answer["heap"]
    segment = _row(name, "chromium", "py-demixer", answer["backend"], measured)
    return _with_lstms(name, segment, answer)


def _graph(pytorch: Path, name: str, original: Path) -> Path:
    """The graph of the original, exported once."""
    path = CACHE / "rivals" / f"{name}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        given = json.dumps(CONFIGS[name])
        command = [pytorch, "-m", "tests.bench.export_scnet", given, original, path]
        run(command, f"Cannot export {name}. PyTorch said:", cwd=ROOT)
    return path


def _by_onnxruntime(graph: Path, name: str, runs: int) -> list[Row]:
    rows = []
    for threads in sorted({1, os.cpu_count() or 1}):
        try:
            measured = rivals.run_graph(graph.name, _INPUTS, threads, runs)
        except PlaywrightError as error:  # its memory may not suffice
            note(f"onnxruntime-web cannot run {name}: {error}")
            continue
        rows.append(_row(name, "chromium", "onnxruntime-web", None, measured, threads))
    return rows
