"""The registry of architectures: the one place that maps names to kinds of network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import hdemucs, htdemucs, openunmix, roformer, scnet
from .hdemucs import HDemucs
from .htdemucs import HTDemucs
from .network import Network
from .openunmix import OpenUnmix
from .roformer import RoFormer
from .scnet import SCNet


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes
    ----------
    network
        The network's class, called with tensors by name, dimensions and a backend.
    config
        The class of the network's dimensions.
    """

    network: type[Network]
    config: type


ARCHITECTURES: Mapping[str, Architecture] = {
    "htdemucs": Architecture(HTDemucs, htdemucs.Config),
    "hdemucs": Architecture(HDemucs, hdemucs.Config),
    "scnet": Architecture(SCNet, scnet.Config),
    "roformer": Architecture(RoFormer, roformer.Config),
    "openunmix": Architecture(OpenUnmix, openunmix.Config),
}
"""Architectures by the name stated in weight files."""
