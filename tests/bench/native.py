"""One HTDemucs segment outside the browser, each engine in a separate process.

When run as a script by an engine's own interpreter, this prints one JSON object:

    python -m tests.bench.native ENGINE WEIGHTS RUNS
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.memory import peak_bytes
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("numpy", "scipy")

Network = Callable[[np.ndarray], np.ndarray]


def measure(weights: Path, runs: int, pytorch: Path | None) -> tuple[list[Row], dict[str, str]]:
    """Time one segment with each backend and, if an interpreter with PyTorch is given, with it.

    Parameters
    ----------
    weights
        The released model's file.
    runs
        Number of timed runs.
    pytorch
        A Python that can import torch, demucs and NumPy.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, and the versions of what was measured.
    """
    rows, versions = [], {}
    cases: list[tuple[str, str | None, Path]] = [
        ("py-demixer", backend, Path(sys.executable)) for backend in BACKENDS
    ]
    if pytorch:
        cases.append(("pytorch", None, pytorch))
    for engine, backend, python in cases:
        answer = _in_a_process(python, engine, backend, weights, runs)
        versions |= answer["versions"]
        measured = (answer["runs"], answer["peak_bytes"])
        rows.append(row(SEGMENT, "native", engine, backend, *measured, gflop=SEGMENT_GFLOP))
    return rows, versions


def _in_a_process(
    python: Path, engine: str, backend: str | None, weights: Path, runs: int
) -> dict[str, Any]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    chosen = {"PY_DEMIXER_BACKEND": backend} if backend else {}
    command = [python, "-m", "tests.bench.native", engine, weights, runs]
    result = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=os.environ | one_thread | chosen,
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _py_demixer(weights: Path) -> tuple[Network, int, dict[str, str]]:
    import scipy

    import py_demixer

    model = py_demixer.load_model("htdemucs", weights=weights)
    versions = {"py_demixer": py_demixer.__version__, "numpy": np.__version__}
    return model, model.segment_length, versions | {"scipy": scipy.__version__}


def _pytorch(weights: Path) -> tuple[Network, int, dict[str, str]]:
    import demucs
    import torch

    from py_demixer.evaluation import pytorch
    from py_demixer.models.htdemucs import Config
    from py_demixer.weights import checkpoint

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tensors = checkpoint.read(np.fromfile(weights, np.uint8)).tensors
    network = pytorch.demucs_network(tensors, Config())

    def run(segment: np.ndarray) -> np.ndarray:
        stems: np.ndarray = network(torch.from_numpy(segment)[None])[0].numpy()
        return stems

    return run, Config().segment_length, {"torch": torch.__version__, "demucs": demucs.__version__}


_ENGINES = {"py-demixer": _py_demixer, "pytorch": _pytorch}


def _main(engine: str, weights: Path, runs: int) -> None:
    network, length, versions = _ENGINES[engine](weights)
    segment = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        network(segment)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"runs": seconds, "peak_bytes": peak_bytes(), "versions": versions}))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
