"""Operations that can be recorded.

A network is a sequence of operations on arrays. Given something other than an array, an operation
does not compute: it tells that something which operation it is, and with what. So a network that
is run on :class:`py_demixer.program.record.Symbol`s writes itself down.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

Shape = tuple[int, ...]

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""All of them, by name; those of a module that was not imported are missing."""


def operation(
    result: Callable[..., Shape] | None = None,
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Make a function on arrays an operation, under its own name.

    Its arguments are arrays, the first of which decides whether it is computed or recorded, and
    options: numbers, strings, None and nested tuples of them.

    Parameters
    ----------
    result
        Called with the same arguments, it gives the shape of what the operation makes; None for an
        operation that works in place and returns its first argument.
    """

    def decorate(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        name, signature = function.__name__, inspect.signature(function)

        @functools.wraps(function)
        def run(*given: _Given.args, **named: _Given.kwargs) -> _Result:
            first: Any = given[0]
            if isinstance(first, np.ndarray):
                return function(*given, **named)
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            shape = result(*given, **named) if result else None
            made: _Result = first.record(name, bound.arguments, shape)
            return made

        OPERATIONS[name] = run
        return run

    return decorate


def same_shape(x: Any, *_: Any, **__: Any) -> Shape:
    """The shape of what an operation makes that is like its first argument."""
    shape: Shape = x.shape
    return shape
