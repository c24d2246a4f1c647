"""What a recorded network consists of: arrays, and operations in their order.

Shapes are static and nothing depends on data, so a network that was run once on symbols
(:mod:`py_demixer.program.record`) is known for good. Whoever runs a program knows kinds of
operation, never a model: see :mod:`py_demixer.program.execute`, the reference, and
:mod:`py_demixer.gpu`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Array:
    """Numbers that the program computes: float32, contiguous, in C order.

    Attributes
    ----------
    buffer
        The number of the buffer it lies in. Several arrays may lie in one: views of each other.
    shape
        Its shape.
    start
        The place in the buffer of its first number.
    """

    buffer: int
    shape: Shape
    start: int = 0

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Weight:
    """Numbers of the weight file: a contiguous part of one tensor.

    Attributes
    ----------
    name
        Of the tensor.
    shape
        As the operation takes it.
    start
        The place in the tensor of its first number.
    dtype
        ``"float16"`` or ``"float32"``.
    """

    name: str
    shape: Shape
    start: int
    dtype: str

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Constant:
    """Numbers that depend on nothing but the network: positions, for example; float32.

    Attributes
    ----------
    number
        Its place in :attr:`Program.constants`.
    shape
        As the operation takes it.
    """

    number: int
    shape: Shape


Operand = Array | Weight | Constant


@dataclass(frozen=True)
class Operation:
    """One operation, of :data:`py_demixer.program.execute.OPERATIONS`.

    Attributes
    ----------
    kind
        The name of its function.
    operands
        The function's arrays, in its order. One that works in place writes to the first.
    options
        The function's other arguments: numbers, strings, None and nested tuples of them.
    result
        What it makes; None if it works in place and makes nothing.
    """

    kind: str
    operands: tuple[Operand, ...]
    options: Mapping[str, Any]
    result: Array | None


@dataclass(frozen=True)
class Step:
    """An intermediate result with a name, as :func:`py_demixer.trace.step` gives it.

    Attributes
    ----------
    name
        Of the step.
    after
        How many operations have been done when ``array`` holds it; a later one may overwrite it.
    array
        Where it is.
    """

    name: str
    after: int
    array: Array


@dataclass(frozen=True)
class Program:
    """A recorded network.

    Attributes
    ----------
    operations
        In the order in which they were recorded.
    buffers
        How many numbers each of them holds.
    input, output
        What goes in and what comes out.
    constants
        Float32 arrays, which :class:`Constant` names by number.
    steps
        All that were named, in their order.
    """

    operations: tuple[Operation, ...]
    buffers: tuple[int, ...]
    input: Array
    output: Array
    constants: tuple[NDArray[np.float32], ...]
    steps: tuple[Step, ...]
