"""`python -m tests.bench.card`: the network on this machine's graphics card, without a browser.

For machines with a real card: nothing is fetched, because the weights are seeded, with released
dimensions. PyTorch on the same card is measured if it and demucs can be imported. Prints one JSON
object, like `python -m tests.bench`.
"""

from __future__ import annotations

import argparse
import collections
import importlib.metadata
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from py_demixer.gpu import native
from py_demixer.gpu.native import Card, Runner
from py_demixer.gpu.schedule import schedule
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.program.record import record
from tests import tiny
from tests.bench import gpu
from tests.bench.machine import machine
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row


def main() -> None:
    """Measure as often as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.card")
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    rows = [*gpu.natively(gpu.cases(), runs), *segment(runs), *pytorch(runs)]
    versions = {
        name: importlib.metadata.version(name)
        for name in ("numpy", "wgpu", "torch", "demucs")
        if importlib.util.find_spec(name)
    }
    print(json.dumps({"machine": machine(), "versions": versions, "results": rows}, indent=1))


def segment(runs: int) -> Iterator[Row]:
    """Time a segment, from waveform to stems.

    Accuracy is not reported: with seeded weights, a change in the last bit of the input already
    changes the result so much that the SNR drops to 53 dB. The operations and the tests check it.

    Yields
    ------
    Row
        First as seen by the caller, including the transfers to the card and back. Then by the
        card's own clock, with the `share` of each kind of shader, the largest first.
    """
    tensors = tiny.tensors(0, tiny.Kind("htdemucs", {}))
    network = HTDemucs(tensors)
    x = _noise(network.segment_length)
    card, plan = Card(), schedule(record(network.network, x.shape, tensors))
    runner = Runner(card, plan, tensors)
    seconds = _timed(lambda: runner(x), runs)
    where = ("native-webgpu", "py-demixer", "webgpu")
    called = row(SEGMENT, *where, seconds, plan.bytes, gflop=SEGMENT_GFLOP)
    yield called | {"machine": card.name}
    dispatches = [runner.times(x) for _ in range(runs)]
    name = f"{SEGMENT}, by the card's clock"
    clocked = row(name, *where, list(map(sum, dispatches)), plan.bytes, gflop=SEGMENT_GFLOP)
    by_kind: dict[str, float] = collections.defaultdict(float)
    for run, *times in zip(plan.runs, *dispatches, strict=True):
        by_kind[_kind(plan.shaders[run.pipeline])] += float(np.median(times))
    whole = sum(by_kind.values())
    largest = sorted(by_kind, key=by_kind.__getitem__, reverse=True)
    share = {kind: round(by_kind[kind] / whole, 3) for kind in largest}
    yield clocked | {"machine": card.name, "share": share}


def pytorch(runs: int) -> Iterator[Row]:
    """Time the same segment by the original on the same card, if there are CUDA and demucs.

    Yields
    ------
    Row
        With PyTorch's default for float32 (convolutions may use TF32), and with pure float32.
    """
    if not all(map(importlib.util.find_spec, ("torch", "demucs"))):
        return
    import torch
    from demucs.htdemucs import HTDemucs as Original

    if not torch.cuda.is_available():
        return
    original = Original(["drums", "bass", "other", "vocals"], **_RELEASED).cuda().eval()
    x = torch.from_numpy(_noise(343980))[None]

    def call() -> None:
        with torch.inference_mode():
            original(x.cuda()).cpu()

    for engine, allowed in (("PyTorch", True), ("PyTorch, no TF32", False)):
        torch.backends.cudnn.allow_tf32 = allowed
        torch.cuda.reset_peak_memory_stats()
        seconds = _timed(call, runs)
        held = torch.cuda.max_memory_allocated()
        measured = row(SEGMENT, "native-cuda", engine, None, seconds, held, gflop=SEGMENT_GFLOP)
        yield measured | {"machine": torch.cuda.get_device_name()}


_SHADERS = Path(native.__file__).parent

_RELEASED = {"segment": 7.8, "bottom_channels": 512, "dconv_mode": 3, "t_layers": 5}
"""Arguments in which the released network differs from the constructor's defaults."""


def _noise(frames: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, frames)).astype(np.float32)


def _timed(call: Callable[[], object], runs: int) -> list[float]:
    call()  # initial compilation and tuning are not timed
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return seconds


def _kind(shader: str) -> str:
    """The file that a shader ends with; its includes come before it."""
    files = {path.stem: path.read_text().strip() for path in _SHADERS.glob("*.wgsl")}
    return max(files, key=lambda name: shader.find(files[name]))


if __name__ == "__main__":
    main()
