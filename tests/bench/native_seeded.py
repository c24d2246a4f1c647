"""One segment of a network with random weights outside the browser, by an engine's own interpreter.

Prints one JSON object:

    python -m tests.bench.native_seeded ENGINE ARCHITECTURE DIMENSIONS RUNS CHECKOUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from py_demixer.models import parameters
from py_demixer.models.registry import ARCHITECTURES
from tests.bench import inside_seeded
from tests.bench.memory import peak_bytes


def original(architecture: str, checkout: Path, config: Any, **changes: Any) -> Any:
    """The original network with the same weights, in float32; needs PyTorch."""
    from py_demixer.evaluation import scnet
    from tests import original_roformer

    made = {"roformer": original_roformer, "scnet": scnet}[architecture]
    tensors = inside_seeded.tensors(architecture, config, "float32")
    return made.network(checkout, tensors, config, **changes)


def _by_pytorch(architecture: str, dimensions: str, runs: int, checkout: Path) -> list[float]:
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    config = parameters.read_config(ARCHITECTURES[architecture].config, dimensions)
    fast = {"flash_attn": True} if architecture == "roformer" else {}
    network = original(architecture, checkout, config, **fast)

    def segment(length: int) -> torch.Tensor:
        return torch.from_numpy(inside_seeded.noise(length))[None]

    return inside_seeded.timed(network, config, segment, runs)


def _main(engine: str, architecture: str, dimensions: str, runs: int, checkout: Path) -> None:
    if engine == "pytorch":
        answer = {"runs": _by_pytorch(architecture, dimensions, runs, checkout)}
    else:
        answer = json.loads(inside_seeded.measure(architecture, dimensions, runs, "float32"))
    print(json.dumps({**answer, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    _main(*sys.argv[1:4], int(sys.argv[4]), Path(sys.argv[5]))
