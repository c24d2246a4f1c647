"""The parts of a recorded network: arrays, and operations in order.

Shapes are static and nothing depends on data, so running a network once on symbols
(:mod:`py_demixer.program.record`) captures it completely. Code that runs programs deals with kinds
of operation and never with models: see :mod:`py_demixer.program.execute`, the reference, and
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
    """An array that the program computes: float32, contiguous, in C order.

    Attributes
    ----------
    buffer
        Index of its buffer. Several arrays may share one: they are views of each other.
    shape
        Its shape.
    start
        Offset of its first element in the buffer, in elements.
    """

    buffer: int
    shape: Shape
    start: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Weight:
    """A contiguous part of one tensor of the weight file.

    Attributes
    ----------
    name
        Name of the tensor.
    shape
        Shape in which the operation uses it.
    start
        Offset of its first element in the tensor, in elements.
    dtype
        ``"float16"`` or ``"float32"``.
    """

    name: str
    shape: Shape
    start: int
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Constant:
    """A float32 array that depends only on the network, such as a positional embedding.

    Attributes
    ----------
    number
        Its index in :attr:`Program.constants`.
    shape
        Shape in which the operation uses it.
    """

    number: int
    shape: Shape


Operand = Array | Weight | Constant


@dataclass(frozen=True)
class Operation:
    """One operation, from :data:`py_demixer.program.execute.OPERATIONS`.

    Attributes
    ----------
    kind
        Name of its function.
    operands
        The function's array arguments, in order. An operation in place writes to the first one.
    options
        The function's other arguments: numbers, strings, None and nested tuples of these.
    result
        The array that it creates; None if it works in place and creates nothing.
    """

    kind: str
    operands: tuple[Operand, ...]
    options: Mapping[str, Any]
    result: Array | None


@dataclass(frozen=True)
class Step:
    """A named intermediate result, as reported to :func:`py_demixer.trace.step`.

    Attributes
    ----------
    name
        Name of the step.
    after
        Number of operations after which ``array`` holds the result; later ones may overwrite it.
    array
        Where the result is.
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
        The operations, in the order in which they were recorded.
    buffers
        Number of elements of each buffer.
    input, output
        The input and the output of the network.
    constants
        Float32 arrays, to which :class:`Constant` refers by index.
    steps
        All named steps, in order.
    """

    operations: tuple[Operation, ...]
    buffers: tuple[int, ...]
    input: Array
    output: Array
    constants: tuple[NDArray[np.float32], ...]
    steps: tuple[Step, ...]
