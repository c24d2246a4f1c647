"""One SCNet segment with random weights outside the browser, by an engine's own interpreter.

Prints one JSON object:

    python -m tests.bench.native_scnet ENGINE DIMENSIONS RUNS CHECKOUT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from py_demixer.models import parameters
from py_demixer.models.scnet import Config
from tests.bench import inside_scnet
from tests.bench.memory import peak_bytes


def _by_pytorch(dimensions: str, runs: int, original: Path) -> list[float]:
    import torch

    from py_demixer.evaluation import scnet

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    config = parameters.read_config(Config, dimensions)
    network = scnet.network(original, inside_scnet.tensors(config, "float32"), config)
    segment = torch.from_numpy(inside_scnet.noise(config.segment_length))[None]
    network(segment)  # a warm-up
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        network(segment)
        seconds.append(time.perf_counter() - start)
    return seconds


def _main(engine: str, dimensions: str, runs: int, original: Path) -> None:
    if engine == "pytorch":
        answer = {"runs": _by_pytorch(dimensions, runs, original)}
    else:
        answer = json.loads(inside_scnet.measure(dimensions, runs, "float32"))
    print(json.dumps({**answer, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
