"""What the page's benchmark calls: see :mod:`py_demixer.speed`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from py_demixer import speed
from py_demixer.gpu.schedule import Schedule
from py_demixer.ops import backend

from .browser import Network, loaded


def on_processor() -> str:
    """Measure the operations with the backend of the model: JSON of a list of `speed.Speed`."""
    with backend.using(loaded().backend):
        return json.dumps([asdict(measured) for measured in speed.on_processor()])


def for_card() -> Iterator[CardOperation]:
    """What a graphics card is to run: the ceiling, then each operation."""
    plan, gflop = speed.card_ceiling()
    yield CardOperation(speed.CEILING, gflop, np.full(plan.output_shape, 0.5, np.float32), plan, {})
    for operation in speed.operations():
        yield CardOperation(
            operation.name,
            operation.gflop,
            operation.x,
            operation.schedule,
            operation.tensors,
        )


class CardOperation(Network):
    """An operation for a graphics card.

    Attributes
    ----------
    name, gflop
        As of :class:`speed.Operation`.
    """

    def __init__(
        self,
        name: str,
        gflop: float,
        x: NDArray[np.float32],
        plan: Schedule,
        tensors: speed.Tensors,
    ) -> None:
        super().__init__(plan, tensors)
        self.name, self.gflop, self._x = name, gflop, x

    def input(self) -> NDArray[np.float32]:
        """The operation's input, float32."""
        return self._x
