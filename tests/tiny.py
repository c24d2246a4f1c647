"""A tiny HTDemucs with seeded weights: the same code and segment length, a fraction of the work.

python -m tests.tiny OUT.safetensors
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from py_demixer import checkpoint
from py_demixer.models.htdemucs import Config, parameter_shapes

CONFIG = {
    "channels": 4,
    "dconv_compress": 2,
    "bottom_channels": 8,
    "t_heads": 2,
    "t_layers": 3,
}


def write(path: Path, seed: int = 0) -> Path:
    """Write the model to `path`; the same seed gives the same bytes."""
    metadata = {"architecture": "htdemucs", "config": json.dumps(CONFIG), "licence": "MIT"}
    checkpoint.write(path, tensors(seed), metadata)
    return path


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """The model's parameters, float16."""
    random = np.random.default_rng(seed)
    shapes = parameter_shapes(Config(**CONFIG))
    return {name: _tensor(name, shapes[name], random) for name in sorted(shapes)}


def _tensor(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Draw one tensor so that activations keep the order of magnitude of one."""
    values = random.standard_normal(shape)
    if len(shape) == 1:
        # Gains and layer scales around a half to one, biases around nothing.
        values = 0.1 * values if name.endswith("bias") else 0.75 + 0.1 * values
    elif "conv_tr" in name:
        # (in, out, taps): every output sample sees two of the eight taps of each input channel.
        values /= np.sqrt(2 * shape[0])
    else:
        values /= np.sqrt(np.prod(shape[1:]))
    return values.astype(np.float16)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
