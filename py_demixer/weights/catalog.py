"""Which models there are, and how a weight file becomes one.

A model is a network, or several, with a way for songs to go through: what kind it is, its weight
file says, and all that follows from the kind is in one entry of :data:`ARCHITECTURES`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer.extras import require
from py_demixer.models import hdemucs, htdemucs, openunmix, parameters
from py_demixer.models.bag import Bag, SegmentNetwork
from py_demixer.models.hdemucs import HDemucs
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.models.openunmix import OpenUnmix
from py_demixer.ops import backend as backends
from py_demixer.ops.backend import Backend
from py_demixer.separation.segments import DemucsOptions, SegmentPlan
from py_demixer.separation.sweep import OpenUnmixOptions, SweepPlan
from py_demixer.separation.tasks import Plan, Song

from . import checkpoint, manifest
from .checkpoint import Checkpoint

Model = HTDemucs | HDemucs | Bag | OpenUnmix
AnyModel = Model | SegmentNetwork
"""Also what others have made to be run on segments."""

Options = DemucsOptions | OpenUnmixOptions
Weights = str | Path | bytes | bytearray | memoryview | np.ndarray


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes
    ----------
    network
        Its class, called with tensors by name, dimensions and a backend.
    config
        The class of its dimensions.
    options
        The class of what can be chosen for a song.
    plan
        Makes a song's plan of a model, the song and such options.
    """

    network: type[HTDemucs | HDemucs | OpenUnmix]
    config: type
    options: type[Options]
    plan: Callable[[Any, Song, Any], Plan]


ARCHITECTURES: Mapping[str, Architecture] = {
    "htdemucs": Architecture(HTDemucs, htdemucs.Config, DemucsOptions, SegmentPlan),
    "hdemucs": Architecture(HDemucs, hdemucs.Config, DemucsOptions, SegmentPlan),
    "openunmix": Architecture(OpenUnmix, openunmix.Config, OpenUnmixOptions, SweepPlan),
}
"""By the name that weight files state."""

MODELS: Mapping[str, manifest.Model] = manifest.load()
"""The published ones by name; the first is the one to take where nobody has chosen."""


def named(name: str) -> manifest.Model:
    """What is known of the model of that name.

    Raises
    ------
    ValueError
        There is none.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}, only {', '.join(MODELS)}.")
    return MODELS[name]


def default_weights(name: str) -> Path:
    """Where a model's weight file is looked for when none is named.

    The folder is ``$PY_DEMIXER_WEIGHTS``, or else the user's for caches (on Linux
    ``~/.cache/py-demixer``).

    Raises
    ------
    FileNotFoundError
        The user has no home directory.
    MissingPackageError
        The package platformdirs, which knows such folders, is not installed.
    """
    folder = os.environ.get("PY_DEMIXER_WEIGHTS")
    base = Path(folder) if folder else _cache_folder()
    return base / MODELS[name].file.name


def _cache_folder() -> Path:
    try:
        folder: Path = require("platformdirs").user_cache_path("py-demixer", appauthor=False)
    except RuntimeError as error:
        raise FileNotFoundError(
            "There is no home directory to keep weights in: name a folder in PY_DEMIXER_WEIGHTS."
        ) from error
    return folder


def load(
    name: str,
    weights: Weights | None = None,
    backend: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Model:
    """Build the model ``name``: see :func:`py_demixer.load_model`."""
    model = named(name)
    chosen = backends.find(backend)
    if weights is None:
        from . import fetch  # knows networks: not for those who need none

        folder = default_weights(name).parent
        weights = fetch.ensure(model, folder, report or _to_stderr)
    content = checkpoint.read(_opened(name, weights))
    if content.metadata.get("architecture") not in (None, model.architecture):
        raise ValueError(
            f"{_label(weights)} is for a model of another kind, which is not {name}: "
            "choose another file."
        )
    built = build(content, chosen)
    if built.sources != model.stems:
        raise ValueError(
            f"{_label(weights)} is for a model with the stems {', '.join(built.sources)}, "
            f"which is not {name}: choose another file."
        )
    return built


@dataclass(frozen=True)
class Networks:
    """What a weight file holds.

    Attributes
    ----------
    architecture
        Their kind, one of :data:`ARCHITECTURES`.
    config
        Their dimensions.
    tensors
        Of each network, by name.
    bag
        The weights of a bag, see :class:`py_demixer.models.bag.Bag`; none where there is one
        network that is not in a bag.
    """

    architecture: str
    config: Any
    tensors: tuple[Mapping[str, np.ndarray], ...]
    bag: tuple[tuple[float, ...], ...] = ()


def networks(weights: Checkpoint) -> Networks:
    """What a weight file holds.

    A bag's tensors have the number of their network before their names, and the file's metadata
    its weights.

    Raises
    ------
    ValueError
        The file does not say what it is for.
    """
    architecture = weights.metadata.get("architecture", "")
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"The weight file is for the architecture {architecture!r}, which is not known here: "
            "was it made by py_demixer.weights?"
        )
    kind = ARCHITECTURES[architecture]
    config: Any = parameters.read_config(kind.config, weights.metadata.get("config", "{}"))
    if "bag" not in weights.metadata:
        return Networks(architecture, config, (weights.tensors,))
    rows = json.loads(weights.metadata["bag"])
    tensors = tuple(_member(weights.tensors, number) for number in range(len(rows)))
    return Networks(
        architecture, config, tensors, tuple(tuple(float(x) for x in row) for row in rows)
    )


def build(weights: Checkpoint, backend: Backend | None = None) -> Model:
    """Build the model a weight file is for.

    Raises
    ------
    ValueError
        The file does not say so, or lacks tensors.
    """
    held = networks(weights)
    network = ARCHITECTURES[held.architecture].network
    members: Any = tuple(network(tensors, held.config, backend) for tensors in held.tensors)
    return Bag(members, held.bag) if held.bag else members[0]


def plan(model: AnyModel, song: Song, options: Options | None = None) -> Plan:
    """Cut a song into tasks, as the model needs it.

    Parameters
    ----------
    options
        Of the model's kind; None are the usual ones.

    Raises
    ------
    TypeError
        The options are for another kind of model.
    ValueError
        The song is empty, or the options ask for what the model cannot do.
    """
    kind = ARCHITECTURES[model.architecture]
    options = options or kind.options()
    if not isinstance(options, kind.options):
        raise TypeError(
            f"{type(options).__name__} are not for this model: give it {kind.options.__name__}."
        )
    return kind.plan(model, song, options)


def make_options(architecture: str, values: Mapping[str, Any]) -> Options:
    """The options of a kind of model, by name.

    Raises
    ------
    ValueError
        There is no such option, or a value is out of its range.
    """
    kind = ARCHITECTURES[architecture].options
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise ValueError(f"This model has no option {name!r}, only {', '.join(known)}.")
    return kind(**values)


def _opened(name: str, weights: Weights) -> Any:
    """The content of a weight file; a file is mapped, so that processes share its memory."""
    if not isinstance(weights, str | Path):
        return weights
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"The weights of {name} are not at {path}: name another file, or none to fetch them."
        )
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: it is no weight file.")
    return np.asarray(np.memmap(path, np.uint8, "r"))


def _label(weights: Weights) -> str:
    return str(weights) if isinstance(weights, str | Path) else "This"


def _member(tensors: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    prefix = f"{number}."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _to_stderr(line: str) -> None:
    if sys.stderr is not None:  # print would take standard output
        print(line, file=sys.stderr, flush=True)
