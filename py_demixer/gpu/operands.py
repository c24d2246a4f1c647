"""What a lowering takes from its operation, and how it spreads work."""

from __future__ import annotations

from collections.abc import Sequence

from py_demixer.program.program import Array, Operand, Operation, Weight

from .dispatch import groups

MOST_FLOP = 4_000_000_000
"""Of one dispatch: a weak card takes a tenth of a second, and browsers reset one that hangs."""

ALIGNED = 64
"""Numbers: what is bound starts at a multiple of 256 bytes."""

MOST_GROUPS = 65535
"""Workgroups along an axis."""


def array(operand: Operand) -> Array:
    """An operand that must be one that the program computes."""
    assert isinstance(operand, Array)
    return operand


def aligned(x: Array) -> tuple[Array, int]:
    """An array that starts where it can be bound, and how many of its numbers are before ``x``."""
    skipped = x.start % ALIGNED
    return Array(x.buffer, (x.size + skipped,), x.start - skipped), skipped


def weights(operands: Sequence[Operand]) -> tuple[list[Weight], bool]:
    """Operands that must be weights, and whether they are float16.

    Raises
    ------
    ValueError
        Some are and some are not: a shader reads all of its weights in one way.
    """
    found = [operand for operand in operands if isinstance(operand, Weight)]
    assert len(found) == len(operands)
    if len({weight.dtype for weight in found}) > 1:
        names = ", ".join(f"{weight.name} ({weight.dtype})" for weight in found)
        raise ValueError(f"Weights of one operation must be of one type, not {names}.")
    return found, found[0].dtype == "float16"


def result(operation: Operation) -> Array:
    """What an operation makes, which must not be in place."""
    assert operation.result is not None
    return operation.result


def grid(count: int, each: int) -> tuple[int, int, int]:
    """Workgroups for ``count`` numbers, along two axes where one does not have enough."""
    needed = groups(count, each)
    rows = groups(needed, MOST_GROUPS)
    return groups(needed, rows), rows, 1
