"""The part of scnet.py that runs an SCNet segment, natively and inside Pyodide.

Needs only NumPy and the package.
"""

from __future__ import annotations

import json
import time

import numpy as np

from py_demixer.models import parameters
from py_demixer.models.scnet import Config, SCNet


def measure(dimensions: str, runs: int, storage: str) -> str:
    """JSON: backend, and the seconds of each run; `dimensions` are JSON, too."""
    config = parameters.read_config(Config, dimensions)
    model = SCNet(tensors(config, storage), config)
    segment = noise(model.segment_length)
    model(segment)  # a warm-up
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        model(segment)
        seconds.append(time.perf_counter() - start)
    return json.dumps({"backend": model.backend.name, "runs": seconds})


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
