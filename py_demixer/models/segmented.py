"""What the networks that separate a song segment by segment have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from py_demixer.ops.backend import Backend, bound
from py_demixer.ops.backend import Network as Segments

from . import parameters
from .network import Dimensions, Network

MOST_COMPILED = 3
"""Lengths for which a network is kept compiled."""


class SegmentDimensions(Dimensions, Protocol):
    """Dimensions that the configuration of such a network has."""

    @property
    def segment_length(self) -> int:
        """Default length of a segment in samples."""

    @property
    def normalised(self) -> bool:
        """Whether the network was trained on normalised songs."""


class Segmented(Network):
    """The network: one segment of the mixture in, its stems out.

    Parameters
    ----------
    tensors
        PyTorch's names -> arrays, float16 or float32 (see :meth:`shapes`).
    config
        The model's dimensions; None for those of the released model.
    backend
        The backend to compute with; None for the current one.

    Raises
    ------
    ValueError
        A tensor is missing or has the wrong shape, or the backend cannot compute such a network.

    Attributes
    ----------
    tensors
        The tensors that the network computes with: see :meth:`prepared`.
    """

    pads_segments: ClassVar[bool]
    """Whether a segment shorter than the others is extended to their length with context."""

    config: SegmentDimensions

    def __init__(
        self,
        tensors: Mapping[str, NDArray[Any]],
        config: Any = None,
        backend: Backend | None = None,
    ) -> None:
        super().__init__(tensors, config, backend)
        self.tensors = self.prepared(_widened(tensors, self.shapes(self.config)))
        self.params = parameters.nest(self.tensors)
        self._compiled: dict[int, Segments] = {}
        if self.backend.compiler is not None:
            self._runner(self.filled(self.segment_length))

    @classmethod
    def prepared(cls, tensors: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The tensors to compute with, made from those of the weight file."""
        return tensors

    @property
    def segment_length(self) -> int:
        """Default length of a segment in samples."""
        return self.config.segment_length

    @property
    def normalises(self) -> bool:
        """See :attr:`py_demixer.models.bag.SegmentNetwork.normalises`."""
        return self.config.normalised

    @property
    def input_rows(self) -> int:
        """Number of rows of the input of :meth:`network`, which are as long as the segment."""
        return self.channels

    @property
    def input_shape(self) -> tuple[int, int]:
        """Shape of that input for a segment of the default length."""
        return self.input_rows, self.filled(self.segment_length)

    @bound
    def __call__(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separate one segment.

        Parameters
        ----------
        mixture
            ``(channels, length)`` float32, normalised by the whole song's mean and deviation.

        Returns
        -------
        NDArray[np.float32]
            ``(sources, channels, length)`` float32.

        Raises
        ------
        ValueError
            The segment is longer than the network accepts.
        """
        length = mixture.shape[1]
        run = self._runner(self.filled(length))
        return run(self.input_for(mixture))[..., :length]

    @abstractmethod
    def network(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Separate a segment, given what :meth:`input_for` makes of it, which is overwritten.

        This consists only of operations, so it can be recorded: see
        :mod:`py_demixer.program.record`.
        """

    def filled(self, length: int) -> int:
        """The length to which a segment of the given length is padded with zeros."""
        return length

    def input_for(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """What :meth:`network` takes for a segment: the segment, padded with zeros.

        Networks may add what must be more accurate than graphics cards are.
        """
        length = mixture.shape[1]
        return np.pad(mixture, ((0, 0), (0, self.filled(length) - length)))

    def _runner(self, filled: int) -> Segments:
        """What computes :meth:`network` for inputs of this length.

        A compiled network has a fixed length. So the last segments of a song, which are shorter,
        have a network of their own if they are not padded. Those of the last lengths are kept.
        """
        if (compiler := self.backend.compiler) is None:
            return self.network
        run = self._compiled.get(filled)
        if run is None:
            run = compiler.compile(self.network, (self.input_rows, filled), self.tensors)
            kept = list(self._compiled.items())[1 - MOST_COMPILED :]
            # A new dict, because another thread may be looking into this one.
            self._compiled = dict([*kept, (filled, run)])
        return run


def _widened(tensors: Mapping[str, NDArray[Any]], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The tensors of the network, those in 8 bits as float16."""
    return {
        name: parameters.widen(tensors, name).astype(np.float16)
        if tensors[name].dtype == np.uint8
        else tensors[name]
        for name in names
    }
