"""Normalisation. Statistics are gathered in two steps, so that many workgroups share a long row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from py_demixer.ops.norm import EPSILON
from py_demixer.program.program import Array, Operation

from .dispatch import Dispatch, Packed, Scratch, groups
from .operands import array, result, weights

PART = 2048
"""Numbers of a row that a workgroup takes at least: 32 for each invocation that sums them."""

MOST_PARTS = 256
"""Of a row; parts of long rows have more numbers."""

MOMENTS = 3
"""Numbers that are stored of a part: how many, their mean, their squared differences from it."""


@dataclass(frozen=True)
class Rows:
    """Numbers that are normalised row by row and group by group, and how a row is cut into parts.

    Attributes
    ----------
    channels
        Of a group.
    rows, positions
        The other axes.
    groups
        Of channels.
    """

    channels: int
    rows: int
    positions: int
    groups: int = 1

    @property
    def size(self) -> int:
        """Numbers of a row."""
        return self.channels * self.positions

    @property
    def part(self) -> int:
        """Numbers of a part; the last one may have less."""
        return groups(self.size, min(MOST_PARTS, groups(self.size, PART)))

    @property
    def parts(self) -> int:
        """Of a row."""
        return groups(self.size, self.part)

    @property
    def workgroups(self) -> tuple[int, int, int]:
        """One for each part."""
        return self.parts, self.rows, self.groups

    @property
    def sizes(self) -> dict[str, int]:
        """Of one part and all."""
        return {
            "channels": self.channels,
            "rows": self.rows,
            "positions": self.positions,
            "size": self.size,
            "part": self.part,
        }


def moments(x: Array | Scratch, rows: Rows, scratch: int) -> tuple[list[Dispatch], Scratch]:
    """The moments of all rows and groups of ``x``, and where they are.

    They take scratch of two numbers, ``scratch`` and the next.
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
    """The moments of rows from those of their parts, and where they are."""
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
    """``(channels, positions)``, normalised over the channels of each position."""
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


def group_norm(operation: Operation) -> list[Dispatch]:
    """``(channels, rows, positions)``, each row and group of channels on its own, in place.

    Raises
    ------
    ValueError
        An activation that halves the channels: it cannot be in place.
    """
    x = array(operation.operands[0])
    (weight, bias), half = weights(operation.operands[1:])
    activation, count = operation.options["activation"], operation.options["groups"]
    if activation not in (None, "gelu"):
        raise ValueError(f"A group norm cannot be followed by {activation!r} on graphics cards.")
    channels, rows, positions = x.shape
    cut = Rows(channels // count, rows, positions, count)
    return normalise(x, cut, (Packed(weight), Packed(bias)), half, gelu=activation == "gelu")


def normalise(
    x: Array | Scratch,
    rows: Rows,
    affine: tuple[Packed, Packed],
    half: bool,
    *,
    gelu: bool,
    scratch: int = 0,
) -> list[Dispatch]:
    """Group norm of ``x`` in place, with scratch of two numbers, ``scratch`` and the next."""
    sums, found = moments(x, rows, scratch)
    apply = Dispatch(
        shader=("activation", "weights", "moments_type", "rows", "group_norm"),
        constants={"EPSILON": EPSILON, "HALF": half, "GELU": gelu},
        sizes=rows.sizes,
        bindings=(x, found, *affine),
        workgroups=rows.workgroups,
        writes=(0,),
    )
    return [*sums, apply]


def standardise(operation: Operation) -> list[Dispatch]:
    """All numbers to mean 0 and standard deviation 1, in place; makes what they were."""
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
