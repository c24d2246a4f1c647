"""Element-wise operations."""

from __future__ import annotations

import math
from collections.abc import Mapping

from py_demixer.program.program import Array, Constant, Operation

from .dispatch import Binding, Dispatch, Packed, Scratch
from .operands import aligned, array, grid, result, weights

INVOCATIONS = 256
"""Number of invocations per workgroup, each for one element."""


def add(operation: Operation) -> list[Dispatch]:
    """``x += y`` in place; an axis of ``y`` with length 1 is broadcast with stride 0."""
    x, y = operation.operands
    assert isinstance(y, Array | Constant)
    shape, given = ((1,) * (3 - len(a.shape)) + a.shape for a in (x, y))
    strides = [
        math.prod(given[axis + 1 :]) if given[axis] == shape[axis] else 0 for axis in range(3)
    ]
    names = "plane_stride", "row_stride", "column_stride"
    sizes = {"rows": shape[1], "columns": shape[2]} | dict(zip(names, strides, strict=True))
    x, skipped = aligned(array(x))
    sizes |= {"skipped": skipped, "size": x.size - skipped}
    return [each("add", x, (y,), sizes)]


def add_scaled(operation: Operation) -> list[Dispatch]:
    """``x += scale * y`` in place, with a scale for each channel."""
    x, y = map(array, operation.operands[:2])
    (scale,), half = weights(operation.operands[2:])
    sizes = {"each": x.size // x.shape[0]}
    return [each("add_scaled", x, (y, Packed(scale)), sizes, {"HALF": half}, ("weights",))]


def restore(operation: Operation) -> list[Dispatch]:
    """``x * std + mean`` in place."""
    x, scale = map(array, operation.operands)
    return [each("restore", x, (scale,))]


def copy(operation: Operation) -> list[Dispatch]:
    """Copy an array."""
    return [each("copy", array(operation.operands[0]), (result(operation),), writes=1)]


def tanh(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.activation.tanh`, in place."""
    return [each("tanh", array(operation.operands[0]), (), includes=("activation",))]


def zeros(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.layout.zeros`."""
    return [each("zeros", result(operation), ())]


def apply_masks(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.mask.apply_masks`, in place."""
    masks, spectrum, shares = operation.operands
    assert isinstance(shares, Constant)
    (x, y), (frequencies,) = map(array, (masks, spectrum)), shares.shape
    frames = y.shape[1]
    pairs = {
        "frames": frames,
        "each": y.size // 2,
        "frequency": y.size // 2 // frequencies,
    }
    return [each("apply_masks", x, (y, shares), {"size": x.size // 2} | pairs)]


def append_remainder(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.mask.append_remainder`."""
    signals, mixture = map(array, operation.operands)
    whole, skipped = aligned(mixture)
    sizes = {"signals": signals.size, "each": mixture.size, "skipped": skipped}
    return [each("append_remainder", result(operation), (signals, whole), sizes)]


def each(
    name: str,
    x: Array | Scratch,
    others: tuple[Binding, ...],
    sizes: Mapping[str, int] | None = None,
    constants: Mapping[str, bool | int | float] | None = None,
    includes: tuple[str, ...] = (),
    writes: int = 0,
) -> Dispatch:
    """A dispatch with one invocation for each element: ``sizes["size"]``, or the size of ``x``."""
    sizes = {"size": x.size, **(sizes or {})}
    return Dispatch(
        shader=(*includes, "elements", name),
        constants=constants or {},
        sizes=sizes,
        bindings=(x, *others),
        workgroups=grid(sizes["size"], INVOCATIONS),
        writes=(writes,),
    )
