"""Normalisation, with statistics in two steps, so that many workgroups can share a long row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from py_demixer.ops.norm import EPSILON, SMALLEST_LENGTH
from py_demixer.program.program import Array, Operation, Weight

from .dispatch import Binding, Dispatch, Packed, Scratch, groups
from .operands import aligned, array, result, weights

PART = 2048
"""Minimum number of elements of a row per workgroup: 32 for each invocation that sums them."""

MOST_PARTS = 256
"""Maximum number of parts of a row; long rows have larger parts."""

MOMENTS = 3
"""Values stored for a part: the count, the mean and the sum of squared deviations from it."""


@dataclass(frozen=True)
class Rows:
    """The layout of an array to normalise row by row and group by group, and its parts.

    Attributes
    ----------
    channels
        Number of channels in a group.
    rows, positions
        Lengths of the other axes.
    groups
        Number of groups of channels.
    """

    channels: int
    rows: int
    positions: int
    groups: int = 1

    @property
    def size(self) -> int:
        """Number of elements in a row of a group."""
        return self.channels * self.positions

    @property
    def part(self) -> int:
        """Number of elements in a part; the last part may have fewer."""
        return groups(self.size, min(MOST_PARTS, groups(self.size, PART)))

    @property
    def parts(self) -> int:
        """Number of parts of a row."""
        return groups(self.size, self.part)

    @property
    def workgroups(self) -> tuple[int, int, int]:
        """Numbers of workgroups: one for each part."""
        return self.parts, self.rows, self.groups

    @property
    def sizes(self) -> dict[str, int]:
        """The uniform of the shaders: the sizes of the whole array and of a part."""
        return {
            "channels": self.channels,
            "rows": self.rows,
            "positions": self.positions,
            "size": self.size,
            "part": self.part,
        }


def moments(x: Array | Scratch, rows: Rows, scratch: int) -> tuple[list[Dispatch], Scratch]:
    """Compute the moments of all rows and groups of ``x``; return the dispatches and the result.

    Uses the scratch arrays with the numbers ``scratch`` and ``scratch + 1``.
    """
    parts = Scratch(scratch, MOMENTS * math.prod(rows.workgroups))
    sums = Dispatch(
        shader=("moments_type", "moments", "rows", "row_moments"),
        sizes=rows.sizes | {"parts": rows.parts},
        bindings=(x, parts),
        workgroups=rows.workgroups,
        writes=(1,),
    )
    gather, whole = gathered(parts, rows.rows * rows.groups, scratch + 1)
    return [sums, *gather], whole


def gathered(parts: Scratch, rows: int, scratch: int) -> tuple[list[Dispatch], Scratch]:
    """Combine the moments of parts to those of rows; return the dispatches and the result."""
    each = parts.size // MOMENTS // rows
    if each == 1:
        return [], parts
    whole = Scratch(scratch, MOMENTS * rows)
    gather = Dispatch(
        shader=("moments_type", "moments", "gather_moments"),
        sizes={"parts": each},
        bindings=(parts, whole),
        workgroups=(rows, 1, 1),
        writes=(1,),
    )
    return [gather], whole


def layer_norm(operation: Operation) -> list[Dispatch]:
    """Normalise ``(channels, positions)`` over the channels of each position."""
    x = array(operation.operands[0])
    (weight, bias), half = weights(operation.operands[1:])
    channels, positions = x.shape
    return [
        Dispatch(
            shader=("weights", "moments_type", "moments", "layer_norm"),
            constants={"EPSILON": EPSILON, "HALF": half},
            sizes={"channels": channels, "positions": positions},
            bindings=(x, Packed(weight), Packed(bias), result(operation)),
            workgroups=(groups(positions, 16), 1, 1),
            writes=(3,),
        )
    ]


def rms_norm(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.norm.rms_norm`."""
    x = array(operation.operands[0])
    (weight,), half = weights(operation.operands[1:])
    whole, skipped = aligned(x)
    return [rms_normed(whole, (skipped, x.shape[1], x.shape[1]), weight, half, result(operation))]


def rms_normed(
    x: Array, part: tuple[int, int, int], weight: Weight, half: bool, y: Binding
) -> Dispatch:
    """RMS norm of some positions.

    Parameters
    ----------
    part
        The element of ``x`` that is the first channel of the first position, the number of
        positions, and the distance of the channels.
    y
        The result, ``(channels, positions)``.
    """
    first, positions, stride = part
    (channels,) = weight.shape
    sizes = {"channels": channels, "first": first, "positions": positions, "stride": stride}
    return Dispatch(
        shader=("weights", "rms_norm"),
        constants={"SMALLEST_LENGTH": SMALLEST_LENGTH, "HALF": half},
        sizes=sizes,
        bindings=(x, Packed(weight), y),
        workgroups=(groups(positions, 16), 1, 1),
        writes=(2,),
    )


def group_norm(operation: Operation) -> list[Dispatch]:
    """Normalise each row and group of channels of ``(channels, rows, positions)`` in place.

    Raises
    ------
    ValueError
        The activation halves the channels, which is not possible in place.
    """
    x = array(operation.operands[0])
    (weight, bias), half = weights(operation.operands[1:])
    activation, count = operation.options["activation"], operation.options["groups"]
    if activation == "glu":
        raise ValueError(f"A group norm cannot be followed by {activation!r} on graphics cards.")
    channels, rows, positions = x.shape
    cut = Rows(channels // count, rows, positions, count)
    return normalise(x, cut, (Packed(weight), Packed(bias)), half, activation)


def normalise(
    x: Array | Scratch,
    rows: Rows,
    affine: tuple[Packed, Packed],
    half: bool,
    activation: str | None,
    scratch: int = 0,
) -> list[Dispatch]:
    """Group norm of ``x`` in place, using scratch arrays ``scratch`` and ``scratch + 1``.

    ``activation`` is None, ``"gelu"`` or ``"swish"``.
    """
    sums, found = moments(x, rows, scratch)
    apply = Dispatch(
        shader=("activation", "weights", "moments_type", "rows", "group_norm"),
        constants={
            "EPSILON": EPSILON,
            "HALF": half,
            "GELU": activation == "gelu",
            "SWISH": activation == "swish",
        },
        sizes=rows.sizes,
        bindings=(x, found, *affine),
        workgroups=rows.workgroups,
        writes=(0,),
    )
    return [*sums, apply]


def standardise(operation: Operation) -> list[Dispatch]:
    """Normalise to mean 0 and standard deviation 1, in place; the result is the original two."""
    x = array(operation.operands[0])
    rows = Rows(1, 1, x.size)
    sums, found = moments(x, rows, 0)
    apply = Dispatch(
        shader=("moments_type", "standardise"),
        constants={"EPSILON": EPSILON},
        sizes=rows.sizes,
        bindings=(x, found, result(operation)),
        workgroups=rows.workgroups,
        writes=(0, 2),
    )
    return [*sums, apply]
