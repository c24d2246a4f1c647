"""Read the networks of a weight file and build the model from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from py_demixer.models import parameters
from py_demixer.models.bag import Bag
from py_demixer.models.network import Model
from py_demixer.models.registry import ARCHITECTURES
from py_demixer.ops.backend import Backend

from .checkpoint import Checkpoint


@dataclass(frozen=True)
class Networks:
    """The networks of a weight file.

    Attributes
    ----------
    architecture
        Their architecture, a key of :data:`py_demixer.models.registry.ARCHITECTURES`.
    config
        Their dimensions.
    tensors
        For each network, its tensors by name.
    bag
        The weights of a bag, see :class:`py_demixer.models.bag.Bag`; empty for a single network
        that is not in a bag.
    """

    architecture: str
    config: Any
    tensors: tuple[Mapping[str, NDArray[Any]], ...]
    bag: tuple[tuple[float, ...], ...] = ()


def read_networks(weights: Checkpoint) -> Networks:
    """Read the networks of a weight file.

    In a file with a bag, the tensors' names are prefixed with the number of their network, and the
    metadata hold the weights of the bag.

    Raises
    ------
    ValueError
        The metadata name no known architecture, or are malformed.
    """
    architecture = weights.metadata.get("architecture", "")
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"The weight file is for the architecture {architecture!r}, which is not known here: "
            "was it made by py_demixer.weights?"
        )
    kind = ARCHITECTURES[architecture]
    config: Any = parameters.read_config(kind.config, weights.metadata.get("config", "{}"))
    check_sources(config.sources)
    if "bag" not in weights.metadata:
        return Networks(architecture, config, (weights.tensors,))
    bag = _read_bag(weights.metadata["bag"])
    tensors = tuple(_member(weights.tensors, number) for number in range(len(bag)))
    return Networks(architecture, config, tensors, bag)


def check_sources(names: Sequence[str]) -> None:
    """Check the names of stems, which become names of files.

    Raises
    ------
    ValueError
        A name cannot be one, is used for something else, or occurs twice.
    """
    for name in names:
        if not isinstance(name, str) or not _STEM.fullmatch(name) or name.lower() in _TAKEN:
            raise ValueError(f"A stem cannot be called {name!r}: give it another name.")
    if len(set(names)) < len(names):
        raise ValueError(f"Two stems have the same name: {', '.join(names)}.")


_STEM = re.compile(r"\w[\w &+'()-]{0,39}")
_TAKEN = {"mixture", "residual"}


def _read_bag(text: str) -> tuple[tuple[float, ...], ...]:
    try:
        bag = tuple(tuple(float(x) for x in row) for row in json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"The weights {text} are not a bag's: {error}.") from error
    if not bag:
        raise ValueError("The weight file is for a bag without networks.")
    return bag


def build_model(weights: Checkpoint, backend: Backend | None = None) -> Model:
    """Build the model that a weight file is for.

    Raises
    ------
    ValueError
        The metadata name no known architecture or are malformed, or the file lacks tensors.
    """
    held = read_networks(weights)
    network = ARCHITECTURES[held.architecture].network
    try:
        members: Any = tuple(network(tensors, held.config, backend) for tensors in held.tensors)
    except (ArithmeticError, AttributeError, TypeError) as error:
        raise ValueError(f"{held.config} are not the dimensions of a network: {error}.") from error
    return Bag(members, held.bag) if held.bag else members[0]


def _member(tensors: Mapping[str, NDArray[Any]], number: int) -> dict[str, NDArray[Any]]:
    prefix = f"{number}."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
