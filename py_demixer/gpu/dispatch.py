"""Dispatches: runs of shaders, with the data that they read and write.

A shader is a concatenation of WGSL files of this folder, preceded by generated declarations: a
``const`` for each of its constants, and its sizes as a uniform::

    const GELU: bool = true;
    struct Sizes { rows: u32, columns: u32 }
    @group(0) @binding(0) var<uniform> sizes: Sizes;

The files declare the other bindings, ``@group(0) @binding(1)`` and following, in the order of
:attr:`Dispatch.bindings`, and ``@compute fn main``. Values that change the generated code are
constants; values that differ between layers are sizes. So a network needs few pipelines.

Everything stays within WebGPU's default limits: 8 storage buffers of 128 MiB each, 16 KiB of
workgroup memory, 256 invocations per workgroup, 65535 workgroups along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from py_demixer.program.program import Array, Constant, Weight


@dataclass(frozen=True)
class Packed:
    """A weight, rearranged for the shader that reads it.

    Attributes
    ----------
    weight
        The original weight.
    shape
        Shape to which it is reshaped before its axes are reordered; None for the weight's own.
    order
        New order of the axes; empty to keep them as they are.
    row
        The last axis (after reordering) is padded with zeros to a multiple of this.
    """

    weight: Weight
    shape: tuple[int, ...] | None = None
    order: tuple[int, ...] = ()
    row: int = 1

    @property
    def packed_shape(self) -> tuple[int, ...]:
        """The shape that the shader sees: reordered and padded."""
        shape = self.shape or self.weight.shape
        shape = tuple(shape[axis] for axis in self.order) if self.order else shape
        return *shape[:-1], -(-shape[-1] // self.row) * self.row


@dataclass(frozen=True)
class Scratch:
    """A float32 scratch array, used only by the dispatches of one operation.

    Attributes
    ----------
    number
        Its index among the scratch arrays of the operation.
    size
        Number of values.
    """

    number: int
    size: int


@dataclass(frozen=True)
class Table:
    """A float32 lookup table with values that a shader need not compute.

    Attributes
    ----------
    values
        The values.
    """

    values: tuple[float, ...]


Binding = Array | Packed | Constant | Scratch | Table


@dataclass(frozen=True)
class Dispatch:
    """One run of a shader.

    Attributes
    ----------
    shader
        The names of its WGSL files, without the extension.
    constants
        Constants declared before the source, by name: bool, u32 (int) or f32 (float).
    sizes
        The members of the uniform ``sizes``, all u32; if empty, there is no binding 0.
    bindings
        The contents of the storage buffers, in the order of their binding numbers, from 1 on.
    workgroups
        Number of workgroups along each axis.
    writes
        Indices (from 0) of the bindings that are declared ``read_write``; the others are ``read``.
        A written binding must not be in a buffer that is also bound for reading.
    """

    shader: tuple[str, ...]
    bindings: tuple[Binding, ...]
    workgroups: tuple[int, int, int]
    writes: tuple[int, ...]
    constants: Mapping[str, bool | int | float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


def source(dispatch: Dispatch) -> str:
    """The WGSL source of a dispatch's shader."""
    lines = [f"const {name}: {_declared(value)};" for name, value in dispatch.constants.items()]
    if dispatch.sizes:
        members = ", ".join(f"{name}: u32" for name in dispatch.sizes)
        lines += [f"struct Sizes {{ {members} }}"]
        lines += ["@group(0) @binding(0) var<uniform> sizes: Sizes;"]
    return "\n".join([*lines, *(_file(name) for name in dispatch.shader)])


def groups(count: int, each: int) -> int:
    """Number of groups of ``each`` elements that cover ``count`` elements."""
    return math.ceil(count / each)


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.wgsl").read_text(encoding="utf-8")


def _declared(value: bool | int | float) -> str:
    if isinstance(value, bool):
        return f"bool = {str(value).lower()}"
    return f"u32 = {value}u" if isinstance(value, int) else f"f32 = {value!r}f"
