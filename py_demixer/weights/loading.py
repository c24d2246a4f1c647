"""Load a model by name: find its weights, fetch them if necessary, and build it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer import backends
from py_demixer.errors import MissingPackageError
from py_demixer.extras import require
from py_demixer.models.bag import Bag
from py_demixer.models.network import Model

from . import checkpoint, manifest
from .manifest import named
from .networks import build_model

_log = logging.getLogger(__name__)

Weights = str | Path | bytes | bytearray | memoryview | NDArray[np.uint8]


@dataclass(frozen=True)
class ModelInfo:
    """A published model.

    Attributes
    ----------
    name
        The name to load it by.
    title
        Its display name.
    good_for
        A sentence on what it is good for, to help users choose.
    stems
        Names of its stems, in the order of the output.
    licence
        What the licence of the weights allows, in a sentence.
    licence_url
        Page on which the authors state the licence.
    bytes
        Size of its weight file.
    path
        Where the weight file is, or will be; None if there is no folder to keep it in.
    is_fetched
        Whether the file is there.
    """

    name: str
    title: str
    good_for: str
    stems: tuple[str, ...]
    licence: str
    licence_url: str
    bytes: int
    path: Path | None
    is_fetched: bool


def list_models() -> tuple[ModelInfo, ...]:
    """The published models; the first one is the default."""
    return tuple(map(_about, manifest.MODELS.values()))


def _about(model: manifest.Model) -> ModelInfo:
    try:
        path: Path | None = default_weights(model.name)
    except (OSError, MissingPackageError):
        path = None
    return ModelInfo(
        model.name,
        model.title,
        model.good_for,
        model.stems,
        model.licence.text,
        model.licence.url,
        model.file.bytes,
        path,
        is_fetched=path is not None and _is_file(path),
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no permission to look there
        return False


def default_weights(name: str) -> Path:
    """The default path of a model's weight file.

    The folder is ``$PY_DEMIXER_WEIGHTS`` or, if that is not set, the user's cache folder (on Linux
    ``~/.cache/py-demixer``).

    Raises
    ------
    FileNotFoundError
        The user has no home directory.
    MissingPackageError
        The package platformdirs, which finds that folder, is not installed.
    """
    folder = os.environ.get("PY_DEMIXER_WEIGHTS")
    base = Path(folder) if folder else _cache_folder()
    return base / named(name).file.name


def _cache_folder() -> Path:
    try:
        folder: Path = require("platformdirs").user_cache_path("py-demixer", appauthor=False)
    except RuntimeError as error:
        raise FileNotFoundError(
            "There is no home directory to keep weights in: name a folder in PY_DEMIXER_WEIGHTS."
        ) from error
    return folder


def load_model(
    name: str,
    weights: Weights | None = None,
    backend: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Model:
    """Build the model ``name``: see :func:`py_demixer.load_model`."""
    model = named(name)
    chosen = backends.find(backend)
    if weights is None:
        from . import fetch  # imports converters and web clients, so only if it is needed

        folder = default_weights(name).parent
        weights = fetch.ensure(model, folder, report or _log.info)
    content = checkpoint.read(_opened(name, weights))
    if content.metadata.get("architecture") not in (None, model.architecture):
        raise ValueError(
            f"{_label(weights)} is for a model of another kind, which is not {name}: "
            "choose another file."
        )
    built = build_model(content, chosen)
    if (built.weights if isinstance(built, Bag) else ()) != model.bag:
        raise ValueError(
            f"{_label(weights)} holds {'several networks' if model.bag == () else 'one network'}, "
            f"which is not {name}: choose another file."
        )
    if built.sources != model.stems:
        raise ValueError(
            f"{_label(weights)} is for a model with the stems {', '.join(built.sources)}, "
            f"which is not {name}: choose another file."
        )
    return built


def load_checkpoint(
    path: str | Path, config: str | Path | None = None, backend: str | None = None
) -> Model:
    """Build the model in a checkpoint: see :func:`py_demixer.load_checkpoint`."""
    from . import own  # imports converters, so only if they are needed

    settings = own.read_settings(Path(config)) if config else None
    return load_opened(own.open_checkpoint(Path(path), settings), backend)


def load_opened(content: checkpoint.Checkpoint, backend: str | None = None) -> Model:
    """Build the model of which this is the weight file."""
    return build_model(content, backends.find(backend))


def _opened(name: str, weights: Weights) -> Any:
    """The content of a weight file; a file is memory-mapped, so that processes share its memory."""
    if not isinstance(weights, str | Path):
        return weights
    path = Path(weights)
    try:
        return _mapped(name, path)
    except PermissionError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _mapped(name: str, path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"The weights of {name} are not at {path}: name another file, or none to fetch them."
        )
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: it is not a weight file.")
    return np.asarray(np.memmap(path, np.uint8, "r"))


def _label(weights: Weights) -> str:
    return str(weights) if isinstance(weights, str | Path) else "This"
