"""What all networks have in common: dimensions, backend and description."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from py_demixer.ops.backend import Backend, current

from . import parameters

Shapes = dict[str, tuple[int, ...]]


class Model(Protocol):
    """A model that separates songs: a network, a bag of networks, or one of your own."""

    @property
    def architecture(self) -> str:
        """Name of its architecture; see :data:`py_demixer.models.registry.ARCHITECTURES`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""

    @property
    def channels(self) -> int:
        """Number of channels of the mixture and of each stem."""

    @property
    def backend(self) -> Backend:
        """The backend that the model computes with."""


class Dimensions(Protocol):
    """Dimensions that every network's configuration has."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""

    @property
    def audio_channels(self) -> int:
        """Number of channels of the mixture and of each stem."""


class Network(ABC):
    """A network with its weights.

    Parameters
    ----------
    tensors
        PyTorch's names -> arrays, as in weight files (see :meth:`shapes`).
    config
        The network's dimensions; None for those of the released model.
    backend
        The backend to compute with; None for the current one.

    Raises
    ------
    ValueError
        A tensor is missing or has the wrong shape, or the backend cannot compute such a network.
    """

    architecture: ClassVar[str]
    """Name of the architecture, as stated in weight files."""

    config: Dimensions

    def __init__(
        self,
        tensors: Mapping[str, NDArray[Any]],
        config: Any = None,
        backend: Backend | None = None,
    ) -> None:
        self.config = config or self.default_config()
        self.backend = backend or current()
        shapes = self.shapes(self.config)
        parameters.check(tensors, shapes)
        self._size = sum(map(math.prod, shapes.values()))

    @classmethod
    @abstractmethod
    def default_config(cls) -> Dimensions:
        """The released model's dimensions."""

    @classmethod
    @abstractmethod
    def shapes(cls, config: Any) -> Shapes:
        """PyTorch's names of all parameters, with their shapes."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""
        return self.config.sources

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.config.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels of the mixture and of each stem."""
        return self.config.audio_channels

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {', '.join(self.sources)}; {self.sample_rate} Hz, "
            f"{self._size / 1e6:.1f} million parameters, on {self.backend.name}>"
        )


def layer_shapes(name: str, weight: tuple[int, ...], transposed: bool = False) -> Shapes:
    """Parameter shapes of a layer with a weight and a bias."""
    return {f"{name}.weight": weight, f"{name}.bias": (weight[1 if transposed else 0],)}
