"""Several networks for one mixture, whose stems are averaged.

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
    """What a network must offer to be run on segments and to be in a bag."""

    @property
    def segment_length(self) -> int:
        """Samples of a segment."""

    @property
    def pads_segments(self) -> bool:
        """Whether a segment that is shorter than the others gets context up to their length."""

    def __call__(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Segment ``(channels, samples)`` -> ``(sources, channels, samples)``."""


@dataclass(frozen=True)
class Bag:
    """Networks of one kind, with the same sources and dimensions.

    Attributes
    ----------
    members
        The networks.
    weights
        For each member a weight for each source; every source has a positive sum of weights. A
        member with the weight 0 has no say in a source.

    Raises
    ------
    ValueError
        There is no member, or weights do not fit the members and their sources.
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
        """A bag as it is, or a network as the only one in it."""
        if isinstance(network, Bag):
            return network
        return cls((network,), ((1.0,) * len(network.sources),))

    @property
    def architecture(self) -> str:
        """The members' kind."""
        return self.members[0].architecture

    @property
    def backend(self) -> Backend:
        """What computes."""
        return self.members[0].backend

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems."""
        return self.members[0].sources

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.members[0].sample_rate

    @property
    def channels(self) -> int:
        """Of the mixture and of each stem."""
        return self.members[0].channels

    @property
    def segment_length(self) -> int:
        """Samples of a segment, unless another length is asked for."""
        return self.members[0].segment_length

    @property
    def pads_segments(self) -> bool:
        """Whether a segment that is shorter than the others gets context up to their length."""
        return self.members[0].pads_segments

    def members_for(self, sources: Sequence[str]) -> list[int]:
        """The members that have a say in at least one of the sources."""
        places = [self.sources.index(source) for source in sources]
        return [
            number
            for number, row in enumerate(self.weights)
            if any(row[place] > 0 for place in places)
        ]
