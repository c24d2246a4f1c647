"""Bags of networks: several networks separate one mixture, and their stems are averaged.

Source: ``BagOfModels`` of demucs/apply.py of https://github.com/adefossez/demucs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from py_demixer.ops.backend import Backend

from .network import Model


class SegmentNetwork(Model, Protocol):
    """A network that can be run on segments and be a member of a bag."""

    @property
    def segment_length(self) -> int:
        """Length of a segment in samples."""

    @property
    def pads_segments(self) -> bool:
        """Whether a segment shorter than the others is extended to their length with context."""

    @property
    def normalises(self) -> bool:
        """Whether the song is normalised by its mean and standard deviation before."""

    def __call__(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separate a segment: ``(channels, samples)`` -> ``(sources, channels, samples)``."""


class Alike:
    """What models that are used together have in common: they have it from the first one.

    Attributes
    ----------
    members
        The models.
    """

    members: tuple[Model, ...]

    @property
    def backend(self) -> Backend:
        """The backend that the models compute with."""
        return self.members[0].backend

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.members[0].sample_rate

    @property
    def channels(self) -> int:
        """Number of channels of the mixture and of each stem."""
        return self.members[0].channels


@dataclass(frozen=True)
class Bag(Alike):
    """Networks of one kind, with the same sources and dimensions.

    Attributes
    ----------
    members
        The networks.
    weights
        For each member, a weight for each source; the weights of every source have a positive sum.
        A member does not contribute to a source for which its weight is 0.

    Raises
    ------
    ValueError
        There is no member, or the weights do not match the members and their sources.
    """

    members: tuple[SegmentNetwork, ...]
    weights: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if not self.members or len(self.weights) != len(self.members):
            raise ValueError(
                f"A bag of {len(self.members)} networks needs as many rows of weights, "
                f"not {len(self.weights)}."
            )
        if any(len(row) != len(self.sources) for row in self.weights):
            raise ValueError(f"A row of weights needs one for each of {len(self.sources)} sources.")
        for source, column in zip(self.sources, zip(*self.weights, strict=True), strict=True):
            if min(column) < 0 or sum(column) <= 0:
                raise ValueError(f"The weights of {source} must not be negative, nor all zero.")

    @classmethod
    def of(cls, network: SegmentNetwork | Bag) -> Bag:
        """Return a bag unchanged, or put a single network in a bag."""
        if isinstance(network, Bag):
            return network
        return cls((network,), ((1.0,) * len(network.sources),))

    @property
    def architecture(self) -> str:
        """The architecture of all members."""
        return self.members[0].architecture

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems."""
        return self.members[0].sources

    @property
    def segment_length(self) -> int:
        """Default length of a segment in samples."""
        return self.members[0].segment_length

    @property
    def pads_segments(self) -> bool:
        """Whether a segment shorter than the others is extended to their length with context."""
        return self.members[0].pads_segments

    @property
    def normalises(self) -> bool:
        """Whether the song is normalised by its mean and standard deviation before."""
        return self.members[0].normalises

    def members_for(self, sources: Sequence[str]) -> list[int]:
        """The indices of the members that contribute to at least one of the sources."""
        places = [self.sources.index(source) for source in sources]
        return [
            number
            for number, row in enumerate(self.weights)
            if any(row[place] > 0 for place in places)
        ]
