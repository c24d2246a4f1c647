"""Convert published weight files to the one file that the package reads (safetensors).

Demucs' weights are stored in 16 bits, which hold them exactly, those of SCNet and of RoFormers in
32 bits. A bag is published as one checkpoint per network; Open-Unmix is published as one checkpoint
per stem, and its matrices are stored in 8 bits (see `storage`). A network's dimensions come from
the checkpoint (see `dimensions`) or from the manifest.
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
from .checkpoint import Checkpoint
from .manifest import Model
from .storage import half, quantise

ROTATION = ".rotary_embed.freqs"
"""End of the names of RoFormers' angular frequencies, which are the same in all of them."""

Tensors = dict[str, NDArray[Any]]


def convert(files: Sequence[Path], out: Path, models: Iterable[Model]) -> Model:
    """Convert published files to safetensors at ``out``; return the model that they belong to.

    Parameters and errors are those of :func:`assembled`.
    """
    model, content = assembled(files, models)
    checkpoint.write(out, content.tensors, content.metadata)
    return model


def assembled(files: Sequence[Path], models: Iterable[Model]) -> tuple[Model, Checkpoint]:
    """Read published files as the weight file of the model that they belong to.

    Parameters
    ----------
    files
        One file, or the files of a model's parts, which are told apart by their name prefixes.
    models
        The candidates. If the manifest entry of any of them lists the hashes of all these files,
        only such models are tried; otherwise, all whose networks the tensors may fit.

    Raises
    ------
    MatchesNone
        The files fit none of the models.
    ConvertError
        A file cannot be read, or the files hold numbers that float16 cannot represent exactly.
    """
    packages = {path.name: _read(path) for path in files}
    hashes, models = [checkpoint.sha256(path) for path in files], list(models)
    reasons = []
    for model in [model for model in models if _lists(model, hashes)] or models:
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
        return model, Checkpoint(tensors, metadata)
    raise MatchesNone(
        f"{', '.join(packages)} match none of the models that this version knows: choose other "
        f"files. ({' '.join(reasons)})"
    )


def unmix_network(path: Path) -> Tensors:
    """Read the parameters of one of Open-Unmix's networks, float32, from its PyTorch checkpoint.

    Raises
    ------
    ConvertError
        The file cannot be read or is of another kind.
    """
    network = unmix_parameters(pytorch.read(path).tensors)
    if not network:
        raise ConvertError(f"{path.name} is not one of Open-Unmix's networks.")
    return network


class MatchesNone(ConvertError):
    """The files belong to none of the models."""


class _Mismatch(Exception):
    """The files do not belong to a model; the message says why, in a sentence."""


def _read(path: Path) -> pytorch.Package:
    if path.suffix == ".safetensors":
        try:
            return pytorch.Package(checkpoint.read(path.read_bytes()).tensors, None, {})
        except ValueError as error:
            raise ConvertError(f"{path.name} cannot be read. {error}") from error
    if pytorch.is_pytorch(path):
        return pytorch.read(path)
    return pytorch.Package(onnx_export.read(path), None, {})


def is_published(file: Path, models: Iterable[Model]) -> bool:
    """Whether the file is listed in the manifest, by its hash."""
    digest = checkpoint.sha256(file)
    return any(_lists(model, [digest]) for model in models)


def _lists(model: Model, hashes: Iterable[str]) -> bool:
    """Whether the hashes are those of the model's published files."""
    known = model.known_hashes
    return all(any(full.startswith(part) for part in known) for full in hashes)


def _assembled(model: Model, packages: Mapping[str, pytorch.Package]) -> tuple[Tensors, str]:
    """The tensors for a model's weight file, and its dimensions in the file's form (JSON)."""
    parts = _parts(model, packages)
    if model.architecture == "openunmix":
        return _open_unmix(model, parts)
    if model.architecture == "scnet":
        return _scnet(model, *parts.values())
    if model.architecture == "roformer":
        return _roformer(model, *parts.values())
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
    """The files by the name of their part, in the order of the manifest."""
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


def _scnet(model: Model, package: pytorch.Package) -> tuple[Tensors, str]:
    try:
        found = dimensions.of_scnet(package.tensors)
    except KeyError as error:
        raise _Mismatch("the network is of another kind.") from error
    return _in_32_bits(model, package.tensors, found)


def _roformer(model: Model, package: pytorch.Package) -> tuple[Tensors, str]:
    """The manifest knows all dimensions: those that the tensors do not tell are needed to check."""
    kept = {name: x for name, x in package.tensors.items() if not name.endswith(ROTATION)}
    return _in_32_bits(model, kept, {})


def _in_32_bits(
    model: Model, network: Mapping[str, NDArray[Any]], found: Mapping[str, Any]
) -> tuple[Tensors, str]:
    """The tensors of a network with these dimensions, which the manifest's override."""
    known = {**found, "sources": list(model.stems), **model.config}
    config: Any = parameters.make_config(ARCHITECTURES[model.architecture].config, known)
    names = _checked(config, model, [network])
    tensors = {name: network[name].astype(np.float32, copy=False) for name in names}
    return tensors, parameters.write_config(config)


def _open_unmix(model: Model, parts: Mapping[str, pytorch.Package]) -> tuple[Tensors, str]:
    tensors: Tensors = {}
    found: dict[str, Any] = {}
    for stem, package in parts.items():
        network = unmix_parameters(package.tensors)
        if not network:
            raise _Mismatch(f"the file for {stem} is not one of Open-Unmix's.")
        found |= dimensions.of_open_unmix(network)
        tensors |= {f"{stem}.{name}": tensor for name, tensor in network.items()}
    found |= {"sources": list(model.stems)} | dict(model.config)
    config: Any = parameters.make_config(ARCHITECTURES["openunmix"].config, found)
    _checked(config, model, [tensors])
    return quantise(tensors), parameters.write_config(config)


def unmix_parameters(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
    """The parameters of an Open-Unmix network; empty if the tensors are not from one.

    Older checkpoints also hold windows of transforms, batch counters and the sample rate.
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
    """Check that every network has exactly the expected tensors; return their names."""
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
