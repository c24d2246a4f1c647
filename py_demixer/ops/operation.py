"""Operations that can be recorded.

A network is a sequence of operations on arrays. If the first argument of an operation is not an
array, the operation is not computed: it is recorded, with its arguments, by that argument's
``record`` method. A network is recorded by running it on
:class:`py_demixer.program.record.Symbol` objects.
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
"""All operations by name, except those of modules that have not been imported."""


def operation(
    result: Callable[..., Shape] | None = None,
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Turn a function on arrays into an operation with the function's name.

    Its arguments are arrays and options. The first array decides whether it is computed or
    recorded; options are numbers, strings, None and nested tuples of these.

    Parameters
    ----------
    result
        Called with the same arguments, returns the shape of the operation's result; None for an
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
    """The result's shape for operations that keep the shape of their first argument."""
    shape: Shape = x.shape
    return shape
