"""Schedules: programs with all buffers, pipelines and dispatches that a graphics card needs.

Everything is decided here, before anything runs. The code that runs a schedule (:mod:`.native`, and
web/engine/gpu/ in the web page) only creates the listed buffers and pipelines and then executes
the dispatches. The memory that the schedule takes is known in advance, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.program.program import Array, Constant, Operation, Program

from .dispatch import Binding, Dispatch, Packed, Scratch, Table, source
from .lowering import lower

ALIGNMENT = 256
"""Alignment of every binding in bytes, which WebGPU guarantees to be sufficient on any card."""

BUFFER_BYTES, BINDING_BYTES = 256 << 20, 128 << 20
"""The largest buffer and the largest binding that WebGPU guarantees on any card."""

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Region:
    """A range of bytes in a buffer."""

    buffer: int
    start: int
    size: int


@dataclass(frozen=True)
class Run:
    """A dispatch with the places of everything that it needs.

    Attributes
    ----------
    pipeline
        Index of its shader.
    bindings
        The regions to bind, from binding 1 on.
    sizes
        Offset of its uniform in :attr:`Schedule.sizes`, in bytes; None if it has no uniform.
    workgroups
        Number of workgroups along each axis.
    """

    pipeline: int
    bindings: tuple[Region, ...]
    sizes: int | None
    workgroups: tuple[int, int, int]


@dataclass(frozen=True)
class Named:
    """A named step of the network: where its result is after the first ``after`` runs."""

    name: str
    after: int
    region: Region
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Everything to create once, and everything to run for each segment.

    Attributes
    ----------
    shaders
        WGSL sources; each becomes a pipeline with an automatic layout.
    buffers
        Size of each buffer in bytes: those for intermediate results, one for the constants, and
        those for the weights.
    computed
        Number of buffers for intermediate results, which networks can share.
    weights
        The weights, each with the buffer and the offset in bytes to write it to.
    constants
        Content of the buffer for the constants.
    sizes
        Content of the buffer for the uniforms.
    runs
        The dispatches, in order.
    input, output
        Where to write a segment, and where to read its stems.
    output_shape
        Shape of the stems.
    steps
        Named intermediate results.
    """

    shaders: tuple[str, ...]
    buffers: tuple[int, ...]
    computed: int
    weights: tuple[tuple[int, int, Packed], ...]
    constants: NDArray[np.float32]
    sizes: NDArray[np.uint32]
    runs: tuple[Run, ...]
    input: Region
    output: Region
    output_shape: tuple[int, ...]
    steps: tuple[Named, ...]

    @property
    def bytes(self) -> int:
        """The memory that it takes on the card, including the copy of the stems for reading."""
        return sum(self.buffers) + self.sizes.nbytes + self.output.size

    def described(self) -> dict[str, Any]:
        """A JSON-compatible description for the web page, which fetches the arrays separately."""
        return {
            "shaders": self.shaders,
            "buffers": self.buffers,
            "computed": self.computed,
            "weights": [[buffer, start] for buffer, start, _ in self.weights],
            "runs": [
                {
                    "pipeline": run.pipeline,
                    "bindings": [_told(region) for region in run.bindings],
                    "sizes": run.sizes,
                    "workgroups": run.workgroups,
                }
                for run in self.runs
            ],
            "input": _told(self.input),
            "output": _told(self.output),
            "bytes": self.bytes,
        }


def schedule(program: Program) -> Schedule:
    """Lower all operations of a program and assign buffers and offsets to all data.

    Raises
    ------
    UnsupportedOperation
        An operation has no shader, so the program cannot run on a card.
    ValueError
        Something exceeds the sizes that WebGPU guarantees.
    """
    lowered = [lower(operation) for operation in program.operations]
    dispatches = [(index, one) for index, many in enumerate(lowered) for one in many]
    slots = _plan_buffers(program, dispatches)
    constants = _Constants(slots.count, program.constants)
    weights = _Packing(slots.count + 1)
    uniforms, shaders = _Uniforms(), _Numbered()

    def place(binding: Binding, index: int) -> Region:
        if isinstance(binding, Packed):
            return weights.place(binding)
        if isinstance(binding, Constant | Table):
            return constants.place(binding)
        return slots.place(binding, index)

    runs = tuple(
        Run(
            pipeline=shaders.number(source(one)),
            bindings=tuple(_checked(place(binding, index)) for binding in one.bindings),
            sizes=uniforms.place(tuple(one.sizes.values())) if one.sizes else None,
            workgroups=one.workgroups,
        )
        for index, one in dispatches
    )
    done = np.cumsum([0, *map(len, lowered)])
    steps = tuple(
        Named(step.name, int(done[step.after]), slots.place(step.array, -1), step.array.shape)
        for step in program.steps
    )
    buffers = (*slots.bytes, max(ALIGNMENT, constants.bytes), *weights.bytes)
    if max(buffers) > BUFFER_BYTES:
        raise ValueError(
            f"This network needs a buffer of {max(buffers) >> 20} MiB, and graphics cards are "
            f"only guaranteed to have {BUFFER_BYTES >> 20} MiB: it runs on the processor."
        )
    return Schedule(
        shaders=shaders.items,
        buffers=buffers,
        computed=slots.count,
        weights=weights.items,
        constants=constants.content(),
        sizes=uniforms.content(),
        runs=runs,
        input=slots.place(program.input, -1),
        output=slots.place(program.output, -1),
        output_shape=program.output.shape,
        steps=steps,
    )


def packed(weight: Packed, tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The values of a weight as a shader reads them, flat, padded to whole 32-bit words."""
    part = weight.weight
    flat = tensors[part.name].reshape(-1)[part.start : part.start + part.size]
    values = flat.reshape(weight.shape or part.shape)
    values = values.transpose(weight.order) if weight.order else values
    missing = weight.packed_shape[-1] - values.shape[-1]
    values = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)]).reshape(-1)
    return np.pad(values, (0, -values.size * values.itemsize % 4 // values.itemsize))


class _Slots:
    """The places on the card of a program's buffers and of its operations' scratch arrays."""

    def __init__(self, bytes_: tuple[int, ...], where: Mapping[Any, int]) -> None:
        self.bytes, self._where = bytes_, where

    @property
    def count(self) -> int:
        return len(self.bytes)

    def place(self, binding: Array | Scratch, index: int) -> Region:
        if isinstance(binding, Scratch):
            return Region(self._where[index, binding.number], 0, binding.size * FLOAT_BYTES)
        return Region(
            self._where[binding.buffer],
            binding.start * FLOAT_BYTES,
            binding.size * FLOAT_BYTES,
        )


def _plan_buffers(program: Program, dispatches: Iterable[tuple[int, Dispatch]]) -> _Slots:
    """Let data that are not needed at the same time share a buffer.

    Source: "Greedy by Size for Shared Objects" of Pisarchyk & Lee, Efficient Memory Management for
    Deep Neural Net Inference (2020): the largest first, each in the buffer that fits it best.
    """
    sizes, used = _lifetimes(program, dispatches)
    slots: list[tuple[int, list[tuple[int, int]]]] = []
    where: dict[Any, int] = {}
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        first, last = used[key]
        free = [
            number
            for number, (_, taken) in enumerate(slots)
            if all(last < begin or end < first for begin, end in taken)
        ]
        if not free:
            slots.append((sizes[key], []))
            free = [len(slots) - 1]
        # Buffers are sorted by size, largest first, so the last free one fits best.
        where[key] = free[-1]
        slots[free[-1]][1].append((first, last))
    return _Slots(tuple(size for size, _ in slots), where)


def _lifetimes(
    program: Program, dispatches: Iterable[tuple[int, Dispatch]]
) -> tuple[dict[Any, int], dict[Any, tuple[int, int]]]:
    """The sizes in bytes of all buffers and scratch arrays, and the first and last use of each.

    Uses are indices of operations.
    """
    sizes: dict[Any, int] = {}
    used: dict[Any, tuple[int, int]] = {}

    def touch(key: Any, size: int, index: int) -> None:
        first, last = used.get(key, (index, index))
        used[key] = min(first, index), max(last, index)
        sizes[key] = max(sizes.get(key, 0), -(-size * FLOAT_BYTES // ALIGNMENT) * ALIGNMENT)

    touch(program.input.buffer, program.buffers[program.input.buffer], -1)
    for index, operation in enumerate(program.operations):
        for array in _arrays(operation):
            touch(array.buffer, program.buffers[array.buffer], index)
    touch(program.output.buffer, program.buffers[program.output.buffer], len(program.operations))
    for index, one in dispatches:
        for binding in one.bindings:
            if isinstance(binding, Scratch):
                touch((index, binding.number), binding.size, index)
    return sizes, used


def _arrays(operation: Operation) -> list[Array]:
    found = [operand for operand in operation.operands if isinstance(operand, Array)]
    return [*found, operation.result] if operation.result else found


class _Packing:
    """The layout of the weight buffers: each weight once, one after the other."""

    def __init__(self, buffer: int) -> None:
        self._first, self._placed = buffer, dict[Packed, Region]()
        self.bytes = [0]

    def place(self, weight: Packed) -> Region:
        if weight not in self._placed:
            each = np.dtype(weight.weight.dtype).itemsize
            size = -(-int(np.prod(weight.packed_shape)) * each // 4) * 4
            room = -(-size // ALIGNMENT) * ALIGNMENT
            if self.bytes[-1] + room > BUFFER_BYTES:
                self.bytes.append(0)
            buffer = self._first + len(self.bytes) - 1
            self._placed[weight] = Region(buffer, self.bytes[-1], size)
            self.bytes[-1] += room
        return self._placed[weight]

    @property
    def items(self) -> tuple[tuple[int, int, Packed], ...]:
        return tuple((at.buffer, at.start, weight) for weight, at in self._placed.items())


class _Constants:
    """The layout of the constant buffer: the program's constants and the shaders' tables."""

    def __init__(self, buffer: int, arrays: Sequence[NDArray[np.float32]]) -> None:
        self._buffer, self._arrays = buffer, list(arrays)
        self._starts, self.bytes = list[int](), 0
        self._tables: dict[Table, int] = {}
        for array in arrays:
            self._add(array)

    def place(self, constant: Constant | Table) -> Region:
        number = self._number(constant)
        return Region(self._buffer, self._starts[number], self._arrays[number].size * FLOAT_BYTES)

    def content(self) -> NDArray[np.float32]:
        out = np.zeros(self.bytes // FLOAT_BYTES, np.float32)
        for start, array in zip(self._starts, self._arrays, strict=True):
            out[start // FLOAT_BYTES :][: array.size] = array.reshape(-1)
        return out

    def _number(self, constant: Constant | Table) -> int:
        if isinstance(constant, Constant):
            return constant.number
        if constant not in self._tables:
            self._tables[constant] = len(self._arrays)
            self._arrays.append(np.array(constant.values, np.float32))
            self._add(self._arrays[-1])
        return self._tables[constant]

    def _add(self, array: NDArray[np.float32]) -> None:
        self._starts.append(self.bytes)
        self.bytes += -(-array.size * FLOAT_BYTES // ALIGNMENT) * ALIGNMENT


class _Uniforms:
    """The sizes of all dispatches in one buffer; equal ones are stored once."""

    def __init__(self) -> None:
        self._starts, self._parts = dict[tuple[int, ...], int](), list[NDArray[np.uint32]]()
        self._end = 0

    def place(self, sizes: tuple[int, ...]) -> int:
        if sizes not in self._starts:
            room = -(-len(sizes) * 4 // ALIGNMENT) * ALIGNMENT
            self._starts[sizes] = self._end
            self._parts.append(np.zeros(room // 4, np.uint32))
            self._parts[-1][: len(sizes)] = sizes
            self._end += room
        return self._starts[sizes]

    def content(self) -> NDArray[np.uint32]:
        return np.concatenate([*self._parts, np.zeros(ALIGNMENT // 4, np.uint32)])


class _Numbered:
    """Distinct texts, numbered in the order in which they first appear."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(self._numbers)


def _checked(region: Region) -> Region:
    if region.start % ALIGNMENT:
        raise ValueError(
            f"This network needs a part of an array that starts at byte {region.start}, and "
            f"graphics cards only bind multiples of {ALIGNMENT}: it runs on the processor."
        )
    # Shaders may read it as vectors of four; buffers have room up to the next 256 bytes.
    region = Region(region.buffer, region.start, -(-region.size // 16) * 16)
    if region.size > BINDING_BYTES:
        raise ValueError(
            f"This network needs {region.size >> 20} MiB at once, and graphics cards are only "
            f"guaranteed to have {BINDING_BYTES >> 20} MiB: it runs on the processor."
        )
    return region


def _told(region: Region) -> list[int]:
    return [region.buffer, region.start, region.size]
