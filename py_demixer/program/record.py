"""Record a network by running it once on symbols instead of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import NotRecordable

from .program import Array, Constant, Operand, Operation, Program, Shape, Step, Weight


def record(
    network: Callable[[Any], Any], shape: Shape, tensors: Mapping[str, NDArray[Any]]
) -> Program:
    """Run a network once and record its operations.

    Parameters
    ----------
    network
        A function of one array that only applies operations (:mod:`py_demixer.ops.operation`) and
        takes views: reshaping, adding or removing axes of length 1, ranges of the first axis.
    shape
        Shape of that array.
    tensors
        The network's weights, by name. Parts of them are recorded by name; other arrays become
        constants.

    Raises
    ------
    NotRecordable
        The network does something else.
    """
    recording = _Recording(tensors)
    symbol = recording.symbol(shape)
    try:
        output = network(symbol)
    except TypeError as error:  # from Python's arithmetic operators
        raise NotRecordable(f"A network that is recorded does not compute: {error}.") from error
    return Program(
        operations=tuple(recording.operations),
        buffers=tuple(recording.buffers),
        input=symbol.array,
        output=output.array,
        constants=tuple(recording.constants),
        steps=tuple(recording.steps),
    )


class Symbol:
    """Stands for an array while a network is recorded."""

    __array_ufunc__ = None  # NumPy must not treat it as a scalar

    def __init__(self, recording: _Recording, array: Array) -> None:
        self.array = array
        self._recording = recording

    @property
    def shape(self) -> Shape:
        """Shape, as for an array."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Number of axes, as for an array."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def reshape(self, *given: int | Shape) -> Symbol:
        """A view with another shape."""
        shape: Any = given[0] if isinstance(given[0], tuple) else given
        known = math.prod(size for size in shape if size != -1)
        filled = tuple(self.array.size // known if size == -1 else size for size in shape)
        if math.prod(filled) != self.array.size:
            raise NotRecordable(f"An array of shape {self.shape} has no view of shape {shape}.")
        return self._view(filled)

    def __getitem__(self, index: Any) -> Symbol:
        places = index if isinstance(index, tuple) else (index,)
        first, *others = places
        if isinstance(first, slice) and first != slice(None):
            start, stop, step = first.indices(len(self))
            if step == 1:
                row = self.array.size // len(self)
                part = self._view((stop - start, *self.shape[1:]), start * row)
                return part[(slice(None), *others)]
        return self._view(_with_axes(self.shape, places))

    def record(self, kind: str, arguments: Mapping[str, Any], shape: Shape | None) -> Symbol:
        """Record an operation whose first argument is this symbol.

        Returns
        -------
        Symbol
            The result of the operation, or this symbol if the operation works in place.
        """
        return self._recording.operation(self, kind, arguments, shape)

    def named(self, name: str) -> None:
        """Record this as a named step."""
        done = len(self._recording.operations)
        self._recording.steps.append(Step(name, done, self.array))

    def __getattr__(self, name: str) -> Any:
        raise NotRecordable(
            f"A network that is recorded does {name!r} to an array: use an operation for it."
        )

    def _view(self, shape: Shape, start: int = 0) -> Symbol:
        return Symbol(self._recording, Array(self.array.buffer, shape, self.array.start + start))


class _Recording:
    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.operations: list[Operation] = []
        self.buffers: list[int] = []
        self.constants: list[NDArray[np.float32]] = []
        self.steps: list[Step] = []
        self._tensors = sorted((_address(tensor), name) for name, tensor in tensors.items())
        self._named = tensors

    def symbol(self, shape: Shape) -> Symbol:
        """Make a symbol for a new array with a buffer of its own."""
        self.buffers.append(math.prod(shape))
        return Symbol(self, Array(len(self.buffers) - 1, shape))

    def operation(
        self, first: Symbol, kind: str, arguments: Mapping[str, Any], shape: Shape | None
    ) -> Symbol:
        operands = []
        options = {}
        for name, value in arguments.items():
            if isinstance(value, Symbol | np.ndarray):
                operands.append(self._operand(value))
            else:
                options[name] = value
        result = self.symbol(shape) if shape is not None else first
        made = result.array if shape is not None else None
        self.operations.append(Operation(kind, tuple(operands), options, made))
        return result

    def _operand(self, value: Symbol | NDArray[np.float32]) -> Operand:
        if isinstance(value, Symbol):
            return value.array
        return self._weight(value) or self._constant(value)

    def _weight(self, value: NDArray[np.float32]) -> Weight | None:
        """The part of a tensor of which an array is a view; None if it is not such a view."""
        address = _address(value)
        for begin, name in self._tensors:
            tensor = self._named[name]
            inside = begin <= address and address + value.nbytes <= begin + tensor.nbytes
            if inside and value.dtype == tensor.dtype and value.flags.c_contiguous:
                start = (address - begin) // value.itemsize
                return Weight(name, value.shape, start, value.dtype.name)
        return None

    def _constant(self, value: NDArray[np.float32]) -> Constant:
        self.constants.append(np.ascontiguousarray(value, np.float32))
        return Constant(len(self.constants) - 1, value.shape)


def _with_axes(shape: Shape, places: tuple[Any, ...]) -> Shape:
    """The shape of a view in which axes of length 1 are added or removed."""
    left, made = list(shape), []
    for place in places:
        if place is None:
            made.append(1)
        elif isinstance(place, EllipsisType) or not left:
            break
        elif isinstance(place, slice) and place == slice(None):
            made.append(left.pop(0))
        elif place == 0 and left[0] == 1:
            left.pop(0)
        else:
            break
    else:
        return *made, *left
    raise NotRecordable(f"A network that is recorded takes {places} of an array of shape {shape}.")


def _address(array: NDArray[np.float32]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
