"""Which models there are, and how a weight file becomes a network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import checkpoint
from ..checkpoint import Checkpoint
from . import htdemucs, openunmix, parameters
from .htdemucs import HTDemucs
from .openunmix import OpenUnmix

Network = HTDemucs | OpenUnmix


@dataclass(frozen=True)
class ModelInfo:
    """A model by name: its network's kind (as its weight file states it), and its stems.

    Its title, its licence and where its weights come from are in weights/.
    """

    name: str
    architecture: str
    sources: tuple[str, ...]

    @property
    def weights_file(self) -> str:
        """The name of its weight file."""
        return f"{self.name}.safetensors"


MODELS = {
    model.name: model
    for model in (
        ModelInfo("htdemucs", "htdemucs", htdemucs.Config().sources),
        ModelInfo("umxhq", "openunmix", openunmix.Config().sources),
        ModelInfo("umxl", "openunmix", openunmix.Config().sources),
    )
}


def default_weights(name: str) -> Path:
    """Where a model's weight file is looked for when none is named.

    The folder is ``$PY_DEMIXER_WEIGHTS``, or else ``~/.cache/py-demixer``.
    """
    folder = os.environ.get("PY_DEMIXER_WEIGHTS")
    base = Path(folder) if folder else Path.home() / ".cache" / "py-demixer"
    return base / MODELS[name].weights_file


def load(name: str, path: Path | None = None) -> Network:
    """Build the model ``name`` from a weight file (None: the one at the default place).

    Raises:
        ValueError: there is no model of that name, or the file is damaged or for another one.
        FileNotFoundError: the weight file is not there.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}, only {', '.join(MODELS)}.")
    path = path or default_weights(name)
    if not path.is_file():
        raise FileNotFoundError(
            f"The weights of {name} are not at {path}: "
            f"fetch them with 'python -m py_demixer.weights fetch {name}'."
        )
    weights = checkpoint.read(np.fromfile(path, np.uint8))
    network = build(weights)
    if weights.metadata["architecture"] != MODELS[name].architecture:
        raise ValueError(
            f"{path} is for a model of another kind, which is not {name}: choose another file."
        )
    return network


def build(weights: Checkpoint) -> Network:
    """Build the network a weight file is for.

    Raises:
        ValueError: the file does not say so, or lacks tensors.
    """
    architecture = weights.metadata.get("architecture")
    config = weights.metadata.get("config", "{}")
    if architecture == "htdemucs":
        return HTDemucs(weights.tensors, parameters.read_config(htdemucs.Config, config))
    if architecture == "openunmix":
        return OpenUnmix(weights.tensors, parameters.read_config(openunmix.Config, config))
    raise ValueError(
        f"The weight file is for the architecture {architecture!r}, which is not known here: "
        "was it made by py_demixer.weights?"
    )
