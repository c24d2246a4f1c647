"""The part of openunmix.py that runs inside Pyodide; needs only NumPy and the package."""

from __future__ import annotations

import json
import time
from collections import defaultdict

import numpy as np

from py_demixer.models.openunmix import Config, OpenUnmix
from py_demixer.separation import planning, tasks

_SAMPLE = 2  # tasks of a kind: one in the middle of the song, and its neighbour


def measure(hidden: int, minutes: float, runs: int) -> str:
    """JSON: backend, seconds of each run for the whole song, and those of the last run by kind."""
    config = Config(hidden=hidden)
    song = tasks.SongStatistics(round(minutes * 60 * config.sample_rate), 0.0, 1.0)
    network = OpenUnmix(_tensors(config), config)
    plan = planning.plan(network, song)
    kinds: dict[str, list[int]] = defaultdict(list)
    for index, task in enumerate(plan.tasks):
        kinds[type(task).__name__].append(index)
    seconds, parts = [], {}
    for _ in range(runs + 1):  # the first one is a warm-up
        parts = {kind: len(places) * _time(plan, places) for kind, places in kinds.items()}
        seconds.append(sum(parts.values()))
    rounded = {kind: round(value, 2) for kind, value in parts.items()}
    return json.dumps({"backend": network.backend.name, "runs": seconds[1:], "parts": rounded})


def _time(plan: tasks.Plan, places: list[int]) -> float:
    """Seconds of one task of a kind: the mean of some in the middle of the song."""
    middle = len(places) // 2
    chosen = places[middle : middle + _SAMPLE]
    total = 0.0
    for index in chosen:
        shapes = ((part.length, plan.planes[part.plane].width) for part in plan.tasks[index].reads)
        inputs = [np.random.default_rng(0).standard_normal(shape, np.float32) for shape in shapes]
        start = time.perf_counter()
        for output in plan.run(index, inputs):
            np.ascontiguousarray(output)  # as the worker returns it
        total += time.perf_counter() - start
    return total / len(chosen)


def _tensors(config: Config) -> dict[str, np.ndarray]:
    """Parameters as in the weight file: matrices in 8 bits."""
    random, out = np.random.default_rng(0), {}
    for name, shape in OpenUnmix.shapes(config).items():
        if len(shape) == 1:
            out[name] = random.random(shape, np.float32) + np.float32(0.5)
            continue
        out[name] = np.frombuffer(random.bytes(shape[0] * shape[1]), np.uint8).reshape(shape)
        step = np.full(shape[0], (74 * shape[1] ** 0.5) ** -1, np.float32)
        out[f"{name}.scale"], out[f"{name}.offset"] = step, -128 * step
    return out
