"""Choose a backend: by name, by ``PY_DEMIXER_BACKEND``, or the best one available.

``webgpu``, the graphics card, is used only on request. It does not provide a faster GEMM: it runs
whole networks (:class:`py_demixer.ops.backend.Compiler`), and everything else is computed as by
``numpy``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from py_demixer.ops.backend import ON_PROCESSOR, Backend, best


@functools.cache  # one per process, because cards and drivers count open devices
def _webgpu() -> Backend:
    from py_demixer.gpu.native import Card  # not at the top, as wgpu is optional

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
        The backend's library is not installed, or cannot run on this machine.
    """
    name = name or os.environ.get("PY_DEMIXER_BACKEND") or best()
    if name not in BACKENDS:
        raise ValueError(
            f"There is no backend named {name!r}: choose one of {', '.join(BACKENDS)}."
        )
    return BACKENDS[name]()
