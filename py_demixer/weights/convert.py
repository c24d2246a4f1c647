"""Turn published weight files into the one file the package reads (safetensors).

Demucs' numbers are kept in 16 bits, which hold them exactly. A bag of networks is a checkpoint for
each of them; Open-Unmix is one for each stem, and its matrices are stored in 8 bits (see
`storage`). What a network's dimensions are, the checkpoint says (see `dimensions`), or else the
manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError
from py_demixer.models import parameters
from py_demixer.models.registry import ARCHITECTURES

from . import checkpoint, dimensions, onnx_export, pytorch
from .manifest import Model
from .storage import half, quantise

Tensors = dict[str, NDArray[Any]]


def convert(files: Sequence[Path], out: Path, models: Iterable[Model]) -> Model:
    """Convert published files to safetensors at ``out``; say which of ``models`` they are.

    Parameters
    ----------
    files
        One, or those of a model's parts, which are told apart by the beginnings of their names.
    models
        Which they may be: those that name these very files by their hashes or, where none does,
        any whose network the tensors fit.

    Raises
    ------
    ConvertError
        A file is not understood, they fit none of the models, or they hold numbers that
        float16 cannot hold exactly.
    """
    packages = {path.name: _read(path) for path in files}
    hashes, models = [checkpoint.sha256(path) for path in files], list(models)
    reasons = []
    for model in [model for model in models if _is_published(model, hashes)] or models:
        try:
            tensors, config = _assembled(model, packages)
        except _Mismatch as mismatch:
            reasons.append(f"{model.name}: {mismatch}")
            continue
        metadata = {
            "architecture": model.architecture,
            "config": config,
            "licence": model.licence.text,
        }
        if model.bag:
            metadata["bag"] = json.dumps(model.bag)
        checkpoint.write(out, tensors, metadata)
        return model
    raise ConvertError(
        f"{', '.join(packages)} match none of the models that this version knows: choose other "
        f"files. ({' '.join(reasons)})"
    )


def unmix_network(path: Path) -> Tensors:
    """The parameters of one of Open-Unmix's networks, float32, from its PyTorch checkpoint.

    Raises
    ------
    ConvertError
        The file is not understood or of another kind.
    """
    network = _unmix_parameters(pytorch.read(path).tensors)
    if not network:
        raise ConvertError(f"{path.name} is not one of Open-Unmix's networks.")
    return network


class _Mismatch(Exception):
    """Why files are not a model's; the message is a sentence."""


def _read(path: Path) -> pytorch.Package:
    if pytorch.is_pytorch(path):
        return pytorch.read(path)
    return pytorch.Package(onnx_export.read(path), None, {})


def _is_published(model: Model, hashes: Iterable[str]) -> bool:
    """Whether these are the files that the manifest names."""
    known = model.known_hashes
    return all(any(full.startswith(part) for part in known) for full in hashes)


def _assembled(model: Model, packages: Mapping[str, pytorch.Package]) -> tuple[Tensors, str]:
    """The tensors of a model's weight file, and its dimensions as the file states them."""
    parts = _parts(model, packages)
    if model.architecture == "openunmix":
        return _open_unmix(model, parts)
    configs = [_demucs_config(model, package) for package in parts.values()]
    if any(config != configs[0] for config in configs):
        raise _Mismatch("the networks of the bag are not alike.")
    shapes = _checked(configs[0], model, [package.tensors for package in parts.values()])
    named = {
        f"{number}.{name}" if model.bag else name: package.tensors[name]
        for number, package in enumerate(parts.values())
        for name in shapes
    }
    tensors = {name: half(name, tensor) for name, tensor in named.items()}
    return tensors, parameters.write_config(configs[0])


def _parts(model: Model, packages: Mapping[str, pytorch.Package]) -> dict[str, pytorch.Package]:
    """The files by part, in the order of the manifest."""
    if not model.parts:
        if len(packages) != 1:
            raise _Mismatch("it is made of one file.")
        return dict(packages)
    by_part = {name.split("-")[0]: package for name, package in packages.items()}
    if set(by_part) != set(model.parts):
        raise _Mismatch(f"it is made of one file for each of {', '.join(model.parts)}.")
    return {part: by_part[part] for part in model.parts}


def _demucs_config(model: Model, package: pytorch.Package) -> Any:
    architecture = dimensions.CLASSES.get(package.klass or "", model.architecture)
    if architecture != model.architecture:
        raise _Mismatch(f"the network is of another kind, {architecture}.")
    found = {"sources": list(model.stems)} | dimensions.of_demucs(package) | dict(model.config)
    return parameters.make_config(ARCHITECTURES[model.architecture].config, found)


def _open_unmix(model: Model, parts: Mapping[str, pytorch.Package]) -> tuple[Tensors, str]:
    tensors: Tensors = {}
    found: dict[str, Any] = {}
    for stem, package in parts.items():
        network = _unmix_parameters(package.tensors)
        if not network:
            raise _Mismatch(f"the file for {stem} is not one of Open-Unmix's.")
        found |= dimensions.of_open_unmix(network)
        tensors |= {f"{stem}.{name}": tensor for name, tensor in network.items()}
    found |= {"sources": list(model.stems)} | dict(model.config)
    config: Any = parameters.make_config(ARCHITECTURES["openunmix"].config, found)
    _checked(config, model, [tensors])
    return quantise(tensors), parameters.write_config(config)


def _unmix_parameters(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
    """Those of a network; empty where it is none.

    Older checkpoints hold more: windows of transforms, counters of batches, the sample rate.
    """
    kept = {name: x for name, x in tensors.items() if _UNMIX_PARAMETERS.fullmatch(name)}
    if not {"fc1.weight", "input_mean", "output_mean"} <= set(kept):
        return {}
    return {name: tensor.astype(np.float32) for name, tensor in kept.items()}


_UNMIX_PARAMETERS = re.compile(
    r"(in|out)put_(mean|scale)|fc\d\.weight|lstm\.\w+|bn\d\.(weight|bias|running_(mean|var))"
)


def _checked(
    config: Any, model: Model, networks: Sequence[Mapping[str, NDArray[Any]]]
) -> Iterable[str]:
    """The names that every network has: no more, no less, in the right shapes."""
    if config.sources != model.stems:
        raise _Mismatch(f"the stems are {', '.join(config.sources)}.")
    shapes = ARCHITECTURES[model.architecture].network.shapes(config)
    for tensors in networks:
        try:
            parameters.check(tensors, shapes)
        except ValueError as error:
            raise _Mismatch(str(error)) from error
        if more := set(tensors) - set(shapes):
            raise _Mismatch(f"there is a tensor {min(more)} that such a network does not have.")
    return shapes
