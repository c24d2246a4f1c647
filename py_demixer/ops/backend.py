"""The one place that multiplies matrices, and the choice of who does it.

Implementations, best first: ``kernels`` (C with SIMD, in Pyodide a hundred times faster than NumPy,
whose build there has no BLAS), ``scipy`` (BLAS ``sgemm``, there ten times faster than NumPy) and
``numpy``. Where NumPy has a BLAS of its own it is the fastest and is taken.
``PY_DEMIXER_BACKEND`` or :func:`use` decide otherwise.

Operations that the kernels do as a whole ask :func:`kernels` for them; there the NumPy code below
is what says what is computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .kernels import Kernels, load

Gemm = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class _Backend:
    gemm: Gemm
    kernels: Kernels | None = None


_in_use: tuple[str, _Backend] | None = None


def use(name: str | None = None) -> str:
    """Choose the backend for this process: ``"numpy"``, ``"scipy"``, ``"kernels"``
    or None for the best one.

    Returns:
        The name of the backend in use from now on.

    Raises:
        ValueError: there is no backend of that name.
        ImportError: the backend's library is not installed, or cannot run here.
    """
    global _in_use
    name = name or os.environ.get("PY_DEMIXER_BACKEND") or _best()
    if name not in _BACKENDS:
        raise ValueError(
            f"There is no backend named {name!r}: choose one of {', '.join(_BACKENDS)}."
        )
    _in_use = name, _BACKENDS[name]()
    return name


def current() -> str:
    """The name of the backend in use."""
    return _chosen()[0]


def gemm(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The matrix product ``a (m, k) @ b (k, n)``, float32; ``a`` may be float16, as weights are.

    ``a`` and ``b`` may be transposed views. ``out`` is a C-contiguous ``(m, n)`` array to write
    to; without it a new one is returned.
    """
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
    _chosen()[1].gemm(a, b, out)
    return out


def kernels() -> Kernels | None:
    """The kernels, where they are in use."""
    return _chosen()[1].kernels


def _chosen() -> tuple[str, _Backend]:
    if _in_use is None:
        use()
    assert _in_use is not None
    return _in_use


def _best() -> str:
    if _numpy_has_blas():
        return "numpy"
    for name in ("kernels", "scipy"):
        try:
            _BACKENDS[name]()
        except ImportError:
            continue
        return name
    return "numpy"


def _numpy_has_blas() -> bool:
    config: Any = np.show_config(mode="dicts")
    return bool(config.get("Build Dependencies", {}).get("blas", {}).get("found"))


def _kernels() -> _Backend:
    found = load()
    return _Backend(found.gemm, found)


def _numpy() -> _Backend:
    def gemm(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        np.matmul(_single(a), b, out=out)

    return _Backend(gemm)


def _scipy() -> _Backend:
    from scipy.linalg.blas import sgemm

    def gemm(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        # BLAS is column-major: out.T = b.T @ a.T, where a C-contiguous array's transpose is
        # already in Fortran order and no array is copied.
        (left, left_t), (right, right_t) = _fortran(b), _fortran(_single(a))
        sgemm(1.0, left, right, 0.0, out.T, left_t, right_t, overwrite_c=True)

    return _Backend(gemm)


def _single(a: np.ndarray) -> np.ndarray:
    return a.astype(np.float32, copy=False)


def _fortran(matrix: np.ndarray) -> tuple[np.ndarray, bool]:
    """``matrix.T`` as a Fortran-ordered array, and whether BLAS still has to transpose it."""
    if matrix.flags.f_contiguous and not matrix.flags.c_contiguous:
        return matrix, True
    return np.ascontiguousarray(matrix).T, False


_BACKENDS: dict[str, Callable[[], _Backend]] = {
    "kernels": _kernels,
    "numpy": _numpy,
    "scipy": _scipy,
}
