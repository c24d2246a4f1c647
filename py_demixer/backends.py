"""Choosing who computes: by name, by ``PY_DEMIXER_BACKEND``, or the best there is.

``webgpu``, the graphics card, is taken where it is asked for. It is no faster way to multiply: it
runs whole networks (:class:`py_demixer.ops.backend.Compiler`), and what is not a network is done as
by ``numpy``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from py_demixer.ops.backend import ON_PROCESSOR, Backend, best


@functools.cache  # one for the process: cards and drivers count who opens them
def _webgpu() -> Backend:
    from py_demixer.gpu.native import Card  # wgpu need not be there

    card = Card()
    card.check()
    return replace(ON_PROCESSOR["numpy"](), name="webgpu", reopen=_webgpu, compiler=card)


BACKENDS: Mapping[str, Callable[[], Backend]] = {**ON_PROCESSOR, "webgpu": _webgpu}


def find(name: str | None = None) -> Backend:
    """The backend of that name, or ``PY_DEMIXER_BACKEND``'s, or the best one.

    Raises
    ------
    ValueError
        There is no backend of that name.
    ImportError
        The backend's library is not installed, or cannot run here.
    """
    name = name or os.environ.get("PY_DEMIXER_BACKEND") or best()
    if name not in BACKENDS:
        raise ValueError(
            f"There is no backend named {name!r}: choose one of {', '.join(BACKENDS)}."
        )
    return BACKENDS[name]()
