"""Export an original network as an ONNX graph, for onnxruntime-web; needs PyTorch and onnx.

python -m tests.bench.export ARCHITECTURE DIMENSIONS CHECKOUT OUT

The short-time transforms are left out, in the rival's favour.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from py_demixer.models import parameters
from py_demixer.models.registry import ARCHITECTURES
from tests.bench import export_roformer, export_scnet
from tests.bench.native_seeded import original

_BODIES = {"roformer": export_roformer.body, "scnet": export_scnet.body}


def main(architecture: str, dimensions: str, checkout: Path, out: Path) -> None:
    """Write the graph."""
    torch.set_grad_enabled(False)
    config = parameters.read_config(ARCHITECTURES[architecture].config, dimensions)
    network = original(architecture, checkout, config)
    body, x = _BODIES[architecture](network, config)
    torch.onnx.export(
        body.eval(),
        (x,),
        str(out),
        input_names=["spectrum"],
        output_names=["out"],
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:5]))
