"""Normalisation. Statistics are gathered in two steps, so that many workgroups share a long row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...program.program import Array, Operation
from ..norm import EPSILON
from .dispatch import Binding, Dispatch, Packed, Scratch, groups
from .operands import array, result, weights

PART = 2048
"""Numbers of a row that a workgroup takes at least: eight for each invocation."""

MOST_PARTS = 256
"""Of a row: as many as a workgroup has invocations, which put the parts' moments together."""

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
        """What rows.wgsl and gathered.wgsl need."""
        return {
            "channels": self.channels,
            "rows": self.rows,
            "positions": self.positions,
            "size": self.size,
            "part": self.part,
            "parts": self.parts,
        }

    def moments(self, x: Binding, number: int = 0) -> tuple[Dispatch, Scratch]:
        """Gather the moments of all parts of ``x`` in scratch of that number."""
        parts = Scratch(number, MOMENTS * math.prod(self.workgroups))
        dispatch = Dispatch(
            shader=("moments", "rows", "row_moments"),
            sizes=self.sizes,
            bindings=(x, parts),
            workgroups=self.workgroups,
            writes=(1,),
        )
        return dispatch, parts


def layer_norm(operation: Operation) -> list[Dispatch]:
    """``(channels, positions)``, normalised over the channels of each position."""
    x = array(operation.operands[0])
    (weight, bias), half = weights(operation.operands[1:])
    channels, positions = x.shape
    return [
        Dispatch(
            shader=("weights", "moments", "layer_norm"),
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
    """Group norm of ``x`` in place, with its moments in scratch of that number."""
    gather, parts = rows.moments(x, scratch)
    apply = Dispatch(
        shader=("activation", "weights", "moments", "rows", "gathered", "group_norm"),
        constants={"EPSILON": EPSILON, "HALF": half, "GELU": gelu},
        sizes=rows.sizes,
        bindings=(x, parts, *affine),
        workgroups=rows.workgroups,
        writes=(0,),
    )
    return [gather, apply]


def standardise(operation: Operation) -> list[Dispatch]:
    """All numbers to mean 0 and standard deviation 1, in place; makes what they were."""
    x = array(operation.operands[0])
    rows = Rows(1, 1, x.size)
    gather, parts = rows.moments(x)
    apply = Dispatch(
        shader=("moments", "gathered", "standardise"),
        constants={"EPSILON": EPSILON},
        sizes=rows.sizes,
        bindings=(x, parts, result(operation)),
        workgroups=rows.workgroups,
        writes=(0, 2),
    )
    return [gather, apply]
