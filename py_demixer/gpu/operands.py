"""Helpers for lowerings: access to operands, and distribution of work."""

from __future__ import annotations

from collections.abc import Sequence

from py_demixer.program.program import Array, Operand, Operation, Weight

from .dispatch import groups

MOST_FLOP = 4_000_000_000
"""Limit for one dispatch: a tenth of a second on a weak card; browsers reset a card that hangs."""

ALIGNED = 64
"""Alignment of bindings in elements: they start at a multiple of 256 bytes."""

MOST_GROUPS = 65535
"""Maximum number of workgroups along an axis."""


def array(operand: Operand) -> Array:
    """Return an operand that must be an array of the program."""
    assert isinstance(operand, Array)
    return operand


def aligned(x: Array) -> tuple[Array, int]:
    """Extend ``x`` to the left until it can be bound; also return how many elements that adds."""
    skipped = x.start % ALIGNED
    return Array(x.buffer, (x.size + skipped,), x.start - skipped), skipped


def weights(operands: Sequence[Operand]) -> tuple[list[Weight], bool]:
    """Return operands that must be weights, and whether they are float16.

    Raises
    ------
    ValueError
        The dtypes differ: a shader reads all of its weights in the same way.
    """
    found = [operand for operand in operands if isinstance(operand, Weight)]
    assert len(found) == len(operands)
    if len({weight.dtype for weight in found}) > 1:
        names = ", ".join(f"{weight.name} ({weight.dtype})" for weight in found)
        raise ValueError(f"Weights of one operation must be of one type, not {names}.")
    return found, found[0].dtype == "float16"


def result(operation: Operation) -> Array:
    """The result of an operation, which must not work in place."""
    assert operation.result is not None
    return operation.result


def grid(count: int, each: int) -> tuple[int, int, int]:
    """Numbers of workgroups for ``count`` elements, along two axes if one is too short."""
    needed = groups(count, each)
    rows = groups(needed, MOST_GROUPS)
    return groups(needed, rows), rows, 1
