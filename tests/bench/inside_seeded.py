"""The part of seeded.py that runs a segment of a network, natively and inside Pyodide.

Needs only NumPy and the package.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from py_demixer.models import parameters, scnet
from py_demixer.models.registry import ARCHITECTURES


def measure(architecture: str, dimensions: str, runs: int, storage: str) -> str:
    """JSON: backend, the seconds of each run, and the LSTMs' part; `dimensions` are JSON, too."""
    kind = ARCHITECTURES[architecture]
    config = parameters.read_config(kind.config, dimensions)
    model: Any = kind.network(tensors(architecture, config, storage), config)
    answer = {"backend": model.backend.name, "runs": timed(model, config, noise, runs)}
    if architecture == "scnet":
        answer["lstm"] = _lstms(model, noise(config.segment_length))
    return json.dumps(answer)


def timed(
    network: Callable[[Any], object], config: Any, make: Callable[[int], Any], runs: int
) -> list[float]:
    """Seconds of each run on a segment, after one on a second of sound."""
    network(make(config.sample_rate))
    segment, seconds = make(config.segment_length), []
    for _ in range(runs):
        start = time.perf_counter()
        network(segment)
        seconds.append(time.perf_counter() - start)
    return seconds


def _lstms(model: Any, segment: np.ndarray) -> dict[str, float]:
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


def tensors(architecture: str, config: Any, storage: str) -> dict[str, np.ndarray]:
    """Random parameters that keep the magnitude of activations."""
    random, out = np.random.default_rng(0), {}
    for key, shape in ARCHITECTURES[architecture].network.shapes(config).items():
        values = random.standard_normal(shape, np.float32)
        fan_in = shape[0] if "convtrs" in key else np.prod(shape[1:])
        scaled = values / np.float32(fan_in**0.5) if len(shape) > 1 else 0.5 + 0.1 * values
        out[key] = scaled.astype(storage)
    return out
