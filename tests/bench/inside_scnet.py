"""The part of scnet.py that runs an SCNet segment, natively and inside Pyodide.

Needs only NumPy and the package.
"""

from __future__ import annotations

import json
import time

import numpy as np

from py_demixer.models import parameters, scnet
from py_demixer.models.scnet import Config, SCNet


def measure(dimensions: str, runs: int, storage: str) -> str:
    """JSON: backend, the seconds of each run, and the LSTMs' part; `dimensions` are JSON, too."""
    config = parameters.read_config(Config, dimensions)
    model = SCNet(tensors(config, storage), config)
    segment = noise(model.segment_length)
    model(segment)  # a warm-up
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        model(segment)
        seconds.append(time.perf_counter() - start)
    answer = {"backend": model.backend.name, "runs": seconds, "lstm": _lstms(model, segment)}
    return json.dumps(answer)


def _lstms(model: SCNet, segment: np.ndarray) -> dict[str, float]:
    """Seconds of the LSTMs in one run, and the operations of their products in billions."""
    whole, found = scnet.bidirectional_lstm, {"seconds": 0.0, "gflop": 0.0}

    def timed(x: np.ndarray, around: np.ndarray, into: np.ndarray, *others: np.ndarray):
        start = time.perf_counter()
        out = whole(x, around, into, *others)
        found["seconds"] += time.perf_counter() - start
        found["gflop"] += 4 * (around.size + into.size) * x.shape[1] * x.shape[2] / 1e9
        return out

    scnet.bidirectional_lstm = timed
    try:
        model(segment)
    finally:
        scnet.bidirectional_lstm = whole
    return found


def noise(length: int) -> np.ndarray:
    """A segment: ``(2, length)`` float32."""
    return np.random.default_rng(0).standard_normal((2, length), np.float32)


def tensors(config: Config, storage: str) -> dict[str, np.ndarray]:
    """Random parameters that keep the magnitude of activations."""
    random, out = np.random.default_rng(0), {}
    for key, shape in SCNet.shapes(config).items():
        values = random.standard_normal(shape, np.float32)
        fan_in = shape[0] if "convtrs" in key else np.prod(shape[1:])
        scaled = values / np.float32(fan_in**0.5) if len(shape) > 1 else 0.5 + 0.1 * values
        out[key] = scaled.astype(storage)
    return out
