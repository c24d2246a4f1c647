"""Measurements inside Pyodide: the ceiling, matrix products, and the operations of a segment.

Runs in the page that operations.py opens; needs only NumPy and the package.
"""

from __future__ import annotations

import functools
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from py_demixer.models import htdemucs, hybrid
from py_demixer.ops import backend, stft
from py_demixer.ops.conv import conv2d
from py_demixer.ops.kernels import CEILING_FLOP, PANEL, load
from py_demixer.weights import checkpoint, networks

_CEILING_LOOPS = 10_000_000
_PRODUCTS = ("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "linear")
_OTHERS = ("attention", "group_norm", "layer_norm")
_TRANSFORMS = ("stft", "istft")

Measured = dict[str, Any]
Sizes = tuple[tuple[int, ...], ...]

_CHUNKS = tuple(1 << power for power in range(18, 28, 2))  # bytes
_LOOPED = 12  # output channels are done by loops, which all take the same time


def measure(weights: np.ndarray, runs: int, sizes: str) -> str:
    """Measure everything; return JSON.

    Parameters
    ----------
    weights
        The weight file.
    runs
        How often each is timed.
    sizes
        SHAPES and LAYER of operations.py, as JSON.
    """
    shapes, layer = json.loads(sizes)
    return json.dumps(
        {
            "backend": backend.current().name,
            "ceiling": _ceiling(runs),
            "products": [_product(shape, runs) for shape in shapes],
            "convolutions": _convolutions(layer, runs),
            "operations": _operations(networks.build_model(checkpoint.read(weights))),
        }
    )


def _ceiling(runs: int) -> Measured:
    gflop = _CEILING_LOOPS * CEILING_FLOP / 1e9
    return _timed(lambda: load().multiply_add(_CEILING_LOOPS), runs) | {"gflop": gflop}


def _product(shape: tuple[int, int, int], runs: int) -> Measured:
    """Float16 weights times activations; packing and widening are included."""
    m, n, k = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, k), np.float32).astype(np.float16)
    b, out = rng.standard_normal((k, n), np.float32), np.empty((m, n), np.float32)
    timed = _timed(lambda: backend.gemm(a, b, out), runs)
    return timed | {"gflop": 2 * m * n * k / 1e9, "shape": shape}


def _timed(work: Callable[[], object], runs: int) -> Measured:
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds), "runs": seconds}


def _convolutions(layer: Sizes, runs: int) -> list[Measured]:
    """One layer by loops over channels and taps, by GEMM over patch chunks, and by the kernels.

    The largest chunk holds all patches of the layer ("im2col"). Peak bytes are those allocated
    besides input, weights and output.
    """
    size, shape = layer
    x, weight = (np.random.default_rng(0).standard_normal(s, np.float32) for s in layer)
    bias, padding = np.zeros(len(weight), np.float32), ((1, 1), (1, 1))
    gflop = 2 * weight.size * size[1] * size[2] / 1e9
    ways: list[tuple[str, str, Callable[[], object], float]] = [
        ("loops", "numpy", lambda: _by_loops(x, weight[:_LOOPED]), len(weight) / _LOOPED)
    ]
    for chunk in (*_CHUNKS, 1 << 40):
        name = f"chunks of {chunk >> 10} KiB" if chunk in _CHUNKS else "im2col"
        run = functools.partial(conv2d, x, weight, bias, padding=padding, scratch_bytes=chunk)
        ways.append((name, "scipy", run, 1.0))
    ways.append(("kernels", "kernels", lambda: conv2d(x, weight, bias, padding=padding), 1.0))
    found = []
    for name, used, run, times in ways:
        with backend.using(used):
            timed = _timed(run, 1 if name == "loops" else runs)
        seconds = [times * second for second in timed["runs"]]
        load.cache_clear()
        out_bytes = 4 * shape[0] * size[1] * size[2] // int(times)
        with backend.using(used):  # fresh kernels, with no memory borrowed yet
            peak_bytes = peak(run) - out_bytes
        found.append(
            {"way": name, "backend": used, "gflop": gflop, "runs": seconds}
            | {"seconds": statistics.median(seconds), "peak_bytes": peak_bytes}
        )
    return found


def _by_loops(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(weight), *x.shape[1:]), np.float32)
    for o, i, row, column in np.ndindex(weight.shape):
        seen = padded[i, row : row + x.shape[1], column : column + x.shape[2]]
        out[o] += weight[o, i, row, column] * seen
    return out


def peak(work: Callable[[], object]) -> int:
    """Peak of the memory allocated during the work, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _operations(model: htdemucs.HTDemucs) -> Measured:
    """Calls, seconds and GFLOP of every operation of one segment, by shape of its input."""
    shape = (2, model.segment_length)
    mixture = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    model(mixture)
    found: dict[tuple[str, str], Measured] = {}
    places = _places((*_PRODUCTS, *_OTHERS))
    places += [(stft, name) for name in _TRANSFORMS]
    with _replaced(places, functools.partial(_watched, found)):
        start = time.perf_counter()
        model(mixture)
        total = time.perf_counter() - start
    return {
        "total": total,
        "products": _product_seconds(model, mixture, found),
        "found": _listed(found, total),
    }


def _places(names: Sequence[str]) -> list[tuple[Any, str]]:
    """The places where the network's modules have imported operations."""
    files = (htdemucs, hybrid)
    return [(file, name) for file in files for name in names if hasattr(file, name)]


@contextmanager
def _replaced(
    places: list[tuple[Any, str]], by: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    originals = [(place, name, getattr(place, name)) for place, name in places]
    for place, name, function in originals:
        setattr(place, name, by(name, function))
    try:
        yield
    finally:
        for place, name, function in originals:
            setattr(place, name, function)


def _listed(found: dict[tuple[str, str], Measured], total: float) -> list[Measured]:
    entries = [
        {name: entry[name] for name in ("operation", "shape", "calls", "seconds", "gflop")}
        | {"share": entry["seconds"] / total}
        for entry in found.values()
    ]
    return sorted(entries, key=lambda entry: -entry["seconds"])


def _product_seconds(
    model: htdemucs.HTDemucs, mixture: np.ndarray, found: dict[tuple[str, str], Measured]
) -> float:
    """Seconds of a segment spent on matrix products, including packing.

    In a second pass, every convolution and linear layer is timed where it is called, but without
    its activation; for attention, the softmax is timed separately and subtracted.
    """
    seconds = []

    def plain(_: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            function(*arguments, **(options | {"activation": None}))
            seconds.append(time.perf_counter() - start)
            return function(*arguments, **options)

        return timed

    with _replaced(_places(_PRODUCTS), plain):
        model(mixture)
    for entry in found.values():
        if entry["operation"] == "attention":
            softmax = sum(map(_softmax_seconds, entry["scores"]))
            seconds.append(entry["seconds"] - model.config.t_heads * softmax)
    return sum(seconds)


@functools.cache
def _softmax_seconds(scores: tuple[int, int]) -> float:
    """Seconds of the softmax of one head with scores (queries, keys)."""
    queries, keys = scores
    kernels = backend.kernels()
    assert kernels is not None
    panel = np.random.default_rng(0).standard_normal((keys, PANEL), np.float32)
    factors = np.empty(PANEL, np.float32)

    def many() -> None:
        for _ in range(queries // PANEL):
            kernels.exponentiate(panel, factors)

    return float(_timed(many, 3)["seconds"])


def _watched(
    found: dict[tuple[str, str], Measured], name: str, function: Callable[..., Any]
) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments, **options)
        seconds = time.perf_counter() - start
        shape = "x".join(map(str, arguments[0].shape))
        if (weight := options.get("weight")) is not None and weight.ndim > 1:
            shape += " by " + "x".join(map(str, weight.shape))
        entry = found.setdefault(
            (name, shape),
            {"operation": name, "shape": shape, "calls": 0, "seconds": 0.0, "gflop": 0.0}
            | {"scores": []},
        )
        entry["calls"] += 1
        entry["seconds"] += seconds
        entry["gflop"] += _gflop(name, arguments, options, result)
        if name == "attention":
            entry["scores"].append((arguments[0].shape[1], arguments[1].shape[1]))
        return result

    return watched


def _gflop(name: str, arguments: Any, options: Any, result: np.ndarray) -> float:
    """Work of the matrix products in a call, in billions of operations."""
    if name == "attention":
        query, key = arguments[:2]
        return 4 * query.size * key.shape[1] / 1e9
    if name not in _PRODUCTS:
        return 0.0
    weight = options["weight"] if "weight" in options else arguments[1]
    positions = arguments[0][0].size if "transpose" in name else result[0].size
    return 2 * weight.size * positions / 1e9
