"""What an operation becomes on a graphics card: shaders, with what they read and write.

A shader is made of WGSL files of this folder, one after the other, behind declarations that are
written here: a ``const`` for each of its constants, and its sizes as a uniform::

    const GELU: bool = true;
    struct Sizes { rows: u32, columns: u32 }
    @group(0) @binding(0) var<uniform> sizes: Sizes;

The files declare the other bindings, ``@group(0) @binding(1)`` and on, in the order of
:attr:`Dispatch.bindings`, and ``@compute fn main``. What decides the shape of the code is a
constant, what differs between layers is a size: so a network needs few pipelines.

Everything works within WebGPU's default limits: 8 storage buffers, of 128 MiB each, 16 KiB of
workgroup memory, 256 invocations of a workgroup, 65535 workgroups along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from py_demixer.program.program import Array, Constant, Weight


@dataclass(frozen=True)
class Packed:
    """A weight in the order in which a shader reads it.

    Attributes
    ----------
    weight
        From where it is read.
    shape
        Its numbers as an array, before axes are put in another order; None is the weight's own.
    order
        Of the axes; empty leaves them as they are.
    row
        Of the last axis (after reordering), filled up with zeros to a multiple of so many numbers.
    """

    weight: Weight
    shape: tuple[int, ...] | None = None
    order: tuple[int, ...] = ()
    row: int = 1

    @property
    def packed_shape(self) -> tuple[int, ...]:
        """As the shader sees it: reordered and filled up."""
        shape = self.shape or self.weight.shape
        shape = tuple(shape[axis] for axis in self.order) if self.order else shape
        return *shape[:-1], -(-shape[-1] // self.row) * self.row


@dataclass(frozen=True)
class Scratch:
    """Numbers that only the dispatches of one operation need: float32.

    Attributes
    ----------
    number
        Which one, among those of the operation.
    size
        How many numbers.
    """

    number: int
    size: int


@dataclass(frozen=True)
class Table:
    """Numbers that a shader looks up instead of computing them: float32, known beforehand.

    Attributes
    ----------
    values
        The numbers.
    """

    values: tuple[float, ...]


Binding = Array | Packed | Constant | Scratch | Table


@dataclass(frozen=True)
class Dispatch:
    """One run of a shader.

    Attributes
    ----------
    shader
        The names of its WGSL files, without their ending.
    constants
        Declared before the source: bools, u32s (int) and f32s (float), by name.
    sizes
        The members of the uniform ``sizes``, u32s; none, and there is no binding 0.
    bindings
        What the storage buffers are, in the order of their numbers, from 1 on.
    workgroups
        How many along each axis.
    writes
        Which of the bindings (counted from 0) are declared ``read_write``; the others are
        ``read``. What is written must not lie in a buffer that is also bound to be read.
    """

    shader: tuple[str, ...]
    bindings: tuple[Binding, ...]
    workgroups: tuple[int, int, int]
    writes: tuple[int, ...]
    constants: Mapping[str, bool | int | float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


def source(dispatch: Dispatch) -> str:
    """The WGSL of a dispatch's shader."""
    lines = [f"const {name}: {_declared(value)};" for name, value in dispatch.constants.items()]
    if dispatch.sizes:
        members = ", ".join(f"{name}: u32" for name in dispatch.sizes)
        lines += [f"struct Sizes {{ {members} }}"]
        lines += ["@group(0) @binding(0) var<uniform> sizes: Sizes;"]
    return "\n".join([*lines, *(_file(name) for name in dispatch.shader)])


def groups(count: int, each: int) -> int:
    """How many groups of ``each`` cover ``count``."""
    return math.ceil(count / each)


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.wgsl").read_text(encoding="utf-8")


def _declared(value: bool | int | float) -> str:
    if isinstance(value, bool):
        return f"bool = {str(value).lower()}"
    return f"u32 = {value}u" if isinstance(value, int) else f"f32 = {value!r}f"
