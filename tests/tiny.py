"""Tiny Demucs, SCNet and RoFormer models with seeded weights: the same code, and less work.

python -m tests.tiny OUT.safetensors [MODEL]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer.models.bag import Bag
from py_demixer.models.registry import ARCHITECTURES
from py_demixer.models.segmented import Segmented
from py_demixer.weights import checkpoint

CONFIG = {
    "channels": 4,
    "dconv_compress": 2,
    "bottom_channels": 8,
    "t_heads": 2,
    "t_layers": 3,
}
"""Dimensions of the tiny HTDemucs, whose segments are as long as the released model's."""

ROFORMER = {"width": 16, "heads": 2, "head_width": 8, "mask_width": 32, "segment_length": 66150}
"""Dimensions common to the tiny RoFormers."""

SECOND = 44100
"""Frames of the short segments that suffice for most tests."""

SIX = ("drums", "bass", "other", "vocals", "guitar", "piano")

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Kind:
    """A model as described in its weight file; ``bag`` has a row for each network of a bag."""

    architecture: str
    config: Mapping[str, Any]
    bag: tuple[tuple[float, ...], ...] = field(default=())


KINDS = {
    "htdemucs": Kind("htdemucs", CONFIG),
    "htdemucs_ft": Kind("htdemucs", CONFIG, tuple(map(tuple, np.eye(4).tolist()))),
    "htdemucs_6s": Kind("htdemucs", CONFIG | {"sources": SIX, "bottom_channels": 0}),
    "hdemucs_mmi": Kind("hdemucs", {"channels": 4, "segment_length": 220500}),
    "scnet": Kind("scnet", {"widths": (4, 8, 8, 16), "layers": 4}),
    "bs_roformer": Kind(
        "roformer",
        ROFORMER
        | {
            "sources": ("drums", "bass", "other", "vocals"),
            "remainder": False,
            "sizes": (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129),
            "depth": 3,
            "depths": (2, 1),
            "hop": 512,
            "scaled": True,
            "skips": True,
            "drops_dc": False,
            "mask_depth": 1,
        },
    ),
    "mel_roformer": Kind("roformer", ROFORMER | {"depth": 2, "depths": (1, 2), "mask_depth": 2}),
}
"""Tiny models, each in place of the published model with that name; no RoFormers are published."""

MIXED = ((1.0, 0.5, 0.0, 2.0), (1.0, 1.5, 1.0, 0.0))
"""Weights of a bag of two networks that share stems, unlike those of any published bag."""

RELEASED = {
    "htdemucs_6s": Kind(
        "htdemucs", {"sources": SIX, "bottom_channels": 0, "segment_length": 3 * SECOND}
    ),
    "hdemucs_mmi": Kind("hdemucs", {"segment_length": 10 * SECOND}),
    "scnet": Kind("scnet", {}),
    "scnet_large": Kind(
        "scnet",
        {
            "widths": (4, 64, 128, 256),
            "shares": (0.225, 0.372, 0.403),
            "segment_length": 2 * SECOND,
        },
    ),
}
"""Models with the released dimensions; the segments of some are shorter."""


def write(path: Path, seed: int = 0, name: str = "htdemucs", **dimensions: Any) -> Path:
    """Write a tiny model to `path`; the same seed gives the same bytes."""
    kind = replace(KINDS[name], config={**KINDS[name].config, **dimensions})
    metadata = {
        "architecture": kind.architecture,
        "config": json.dumps(kind.config),
        "licence": "MIT",
    }
    if not kind.bag:
        checkpoint.write(path, tensors(seed, kind), metadata)
        return path
    members = {
        f"{number}.{key}": tensor
        for number in range(len(kind.bag))
        for key, tensor in tensors(seed + number, kind).items()
    }
    checkpoint.write(path, members, metadata | {"bag": json.dumps(kind.bag)})
    return path


def model(kind: Kind = KINDS["htdemucs"], seed: int = 0) -> Any:
    """A model of this kind; the networks of a bag have consecutive seeds."""
    if kind.bag:
        members: Any = [_network(kind, seed + number) for number in range(len(kind.bag))]
        return Bag(tuple(members), kind.bag)
    return _network(kind, seed)


def kind(name: str = "htdemucs", segment_length: int | None = None) -> Kind:
    """One of `KINDS`, or "mixed": a bag of networks that share stems.

    Parameters
    ----------
    name
        Name of the kind.
    segment_length
        In samples; None: the kind's own.
    """
    found = replace(KINDS["htdemucs"], bag=MIXED) if name == "mixed" else KINDS[name]
    length = {} if segment_length is None else {"segment_length": segment_length}
    return replace(found, config={**found.config, **length})


def short(name: str = "htdemucs") -> Any:
    """The model of that name with segments of one second."""
    return model(kind(name, SECOND))


def _network(kind: Kind, seed: int) -> Segmented:
    network: Any = ARCHITECTURES[kind.architecture].network
    made: Segmented = network(tensors(seed, kind), config(kind))
    return made


def config(kind: Kind) -> Any:
    """The configuration of a kind."""
    return ARCHITECTURES[kind.architecture].config(**kind.config)


def tensors(seed: int = 0, kind: Kind = KINDS["htdemucs"]) -> Tensors:
    """The parameters of a network, float16."""
    random = np.random.default_rng(seed)
    shapes = ARCHITECTURES[kind.architecture].network.shapes(config(kind))
    return {name: _tensor(name, shapes[name], random) for name in sorted(shapes)}


def _tensor(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Draw one tensor, scaled so that activations stay around one."""
    values = random.standard_normal(shape)
    if len(shape) == 1:
        # Gains and layer scales around a half to one, biases around zero.
        is_bias = "bias" in name.rpartition(".")[2]
        values = 0.1 * values if is_bias else 0.75 + 0.1 * values
    elif "conv_tr" in name:
        # (in, out, taps): every output sample sees two of the eight taps of each input channel.
        values /= np.sqrt(2 * shape[0])
    else:
        values /= np.sqrt(np.prod(shape[1:]))
    return values.astype(np.float16)


if __name__ == "__main__":
    write(Path(sys.argv[1]), name=sys.argv[2] if len(sys.argv) > 2 else "htdemucs")
