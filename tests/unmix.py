"""Open-Unmix with seeded weights: tiny, or with the released models' dimensions.

python -m tests.unmix OUT.safetensors
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import numpy as np

from py_demixer.models.openunmix import Config, OpenUnmix
from py_demixer.weights import checkpoint

TINY = {"hidden": 16}
"""Configuration of the tiny model; frequencies and frames are those of the released models."""

WIDTHS = {"umxhq": 512, "umxl": 1024}
"""Hidden units of the released models."""


def write(path: Path, seed: int = 0) -> Path:
    """Write the tiny model to `path`; the same seed gives the same bytes."""
    metadata = {"architecture": "openunmix", "config": json.dumps(TINY), "licence": "MIT"}
    checkpoint.write(path, tensors(Config(**TINY), seed), metadata)
    return path


def write_released(path: Path, name: str) -> Path:
    """Write a model with the released model's dimensions, also with 8-bit matrices."""
    from py_demixer.weights.storage import quantise  # not where PyTorch makes golden numbers

    config = {"hidden": WIDTHS[name]}
    metadata = {"architecture": "openunmix", "config": json.dumps(config), "licence": "MIT"}
    checkpoint.write(path, quantise(tensors(Config(**config))), metadata)
    return path


def model(hidden: int = TINY["hidden"]) -> OpenUnmix:
    """The model with this many hidden units."""
    config = Config(hidden=hidden)
    return OpenUnmix(tensors(config), config)


def tensors(config: Config, seed: int = 0) -> dict[str, np.ndarray]:
    """All parameters, float32, such that no step of the network is nearly linear or constant."""
    return {
        name: _tensor(name, shape, seed) for name, shape in sorted(OpenUnmix.shapes(config).items())
    }


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = random.standard_normal(shape, np.float32)
    kind = name.rsplit(".", 1)[-1]
    if len(shape) == 2:
        return values / np.float32(shape[1] ** 0.5)
    if kind == "input_mean":  # magnitudes of a spectrogram range from zero to hundreds
        return -5 * np.abs(values)
    if kind == "input_scale":
        return 1 / (2 + 5 * np.abs(values))
    if kind in ("running_var", "weight"):
        return 0.75 + 0.1 * values
    if kind == "output_scale":
        return 2 + 0.3 * values
    return 0.5 + 0.2 * values if kind == "output_mean" else 0.1 * values


if __name__ == "__main__":
    write(Path(sys.argv[1]))
