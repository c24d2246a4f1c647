"""Open a weight file or checkpoint of one's own, whatever network it is for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError
from py_demixer.extras import require

from . import checkpoint, pytorch
from .checkpoint import Checkpoint
from .recognise import Settings, recognise

__all__ = ["Settings", "open_checkpoint", "read_settings"]


def open_checkpoint(path: Path, settings: Settings | None = None) -> Checkpoint:
    """Read a checkpoint as a weight file is read: its tensors, architecture and dimensions.

    Parameters
    ----------
    path
        A PyTorch checkpoint, tensors in the safetensors format, or a weight file of this package.
        Nothing in it is executed.
    settings
        The configuration of the program that trained the network, if the checkpoint does not say
        its dimensions and stems: see :func:`read_settings`.

    Raises
    ------
    ConvertError
        The file is of an unknown kind, or something about the network is not known or not
        supported.
    OSError
        The file cannot be read.
    """
    if pytorch.is_pytorch(path):
        package = pytorch.read(path)
    else:
        content = _read(path)
        if "architecture" in content.metadata:
            return content
        package = pytorch.Package(content.tensors, None, {})
    try:
        return recognise(package, settings or {}, path.stem)
    except ConvertError as error:
        raise ConvertError(f"{path.name}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConvertError(
            f"{path.name} or its configuration is malformed ({error!r}): choose another file."
        ) from error


def _read(path: Path) -> Checkpoint:
    if path.stat().st_size == 0:
        raise ConvertError(f"{path} is empty: it is not a checkpoint.")
    try:
        return checkpoint.read(_content(path))
    except checkpoint.NotSafetensors as error:
        raise ConvertError(
            f"{path.name} is neither a PyTorch checkpoint nor a safetensors file."
        ) from error
    except ValueError as error:
        raise ConvertError(f"{path.name} cannot be read. {error}") from error


def _content(path: Path) -> NDArray[np.uint8]:
    if sys.platform == "emscripten":  # the files of a browser cannot be mapped into memory
        return np.fromfile(path, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, "r"))


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises
    ------
    ConvertError
        It is not YAML, or has no sections.
    MissingPackageError
        The package PyYAML is not installed.
    """
    yaml: Any = require("yaml", "cli")

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads tuples, which training programs write with a tag of their own."""

    tag = "tag:yaml.org,2002:python/tuple"
    Loader.add_constructor(tag, lambda loader, node: loader.construct_sequence(node))
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConvertError(f"{path.name} is not a configuration file (YAML).") from error
    if not isinstance(settings, dict):
        raise ConvertError(f"{path.name} is not a configuration: it has no sections.")
    return settings
