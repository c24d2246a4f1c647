"""What all networks have in common: dimensions, what computes, and what they say of themselves."""

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
    """What songs can be separated with: a network, several in a bag, or one of your own."""

    @property
    def architecture(self) -> str:
        """Its kind, see :data:`py_demixer.models.registry.ARCHITECTURES`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""

    @property
    def sample_rate(self) -> int:
        """Frames a second, in Hz."""

    @property
    def channels(self) -> int:
        """Of the mixture and of each stem."""

    @property
    def backend(self) -> Backend:
        """What computes."""


class Dimensions(Protocol):
    """What every network's configuration states, besides its own."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""

    @property
    def sample_rate(self) -> int:
        """Frames a second, in Hz."""

    @property
    def audio_channels(self) -> int:
        """Of the mixture and of each stem."""


class Network(ABC):
    """A network with its weights.

    Parameters
    ----------
    tensors
        PyTorch's names -> arrays, as weight files have them (see :meth:`shapes`).
    config
        The network's dimensions; None is the released one's.
    backend
        What computes; None is what is in use now.

    Raises
    ------
    ValueError
        A tensor is missing or has another shape, or the backend cannot compute such a network.
    """

    architecture: ClassVar[str]
    """As weight files state it."""

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
        """PyTorch's names and shapes of all parameters."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""
        return self.config.sources

    @property
    def sample_rate(self) -> int:
        """Frames a second, in Hz."""
        return self.config.sample_rate

    @property
    def channels(self) -> int:
        """Of the mixture and of each stem."""
        return self.config.audio_channels

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {', '.join(self.sources)}; {self.sample_rate} Hz, "
            f"{self._size / 1e6:.1f} million parameters, on {self.backend.name}>"
        )
