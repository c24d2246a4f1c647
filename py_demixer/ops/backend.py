"""The one place that multiplies matrices, and the choice of who does it.

Implementations, best first: ``scipy`` (BLAS ``sgemm``; in Pyodide ten times faster than NumPy,
whose build there has no BLAS) and ``numpy``. Where NumPy has a BLAS of its own the two are the
same speed and ``numpy`` is taken. ``PY_DEMIXER_BACKEND`` or :func:`use` decide otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

Gemm = Callable[[np.ndarray, np.ndarray, np.ndarray], None]

_in_use: tuple[str, Gemm] | None = None


def use(name: str | None = None) -> str:
    """Choose the backend for this process: ``"numpy"``, ``"scipy"`` or None for the best one.

    Returns:
        The name of the backend in use from now on.

    Raises:
        ValueError: there is no backend of that name.
        ImportError: the backend's library is not installed.
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
    """The matrix product ``a (m, k) @ b (k, n)``, float32.

    ``a`` and ``b`` may be transposed views. ``out`` is a C-contiguous ``(m, n)`` array to write
    to; without it a new one is returned.
    """
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
    _chosen()[1](a, b, out)
    return out


def _chosen() -> tuple[str, Gemm]:
    if _in_use is None:
        use()
    assert _in_use is not None
    return _in_use


def _best() -> str:
    if _numpy_has_blas():
        return "numpy"
    try:
        _scipy_gemm()
    except ImportError:
        return "numpy"
    return "scipy"


def _numpy_has_blas() -> bool:
    config: Any = np.show_config(mode="dicts")
    return bool(config.get("Build Dependencies", {}).get("blas", {}).get("found"))


def _numpy_gemm() -> Gemm:
    def gemm(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        np.matmul(a, b, out=out)

    return gemm


def _scipy_gemm() -> Gemm:
    from scipy.linalg.blas import sgemm

    def gemm(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        # BLAS is column-major: out.T = b.T @ a.T, where a C-contiguous array's transpose is
        # already in Fortran order and no array is copied.
        (left, left_t), (right, right_t) = _fortran(b), _fortran(a)
        sgemm(1.0, left, right, 0.0, out.T, left_t, right_t, overwrite_c=True)

    return gemm


def _fortran(matrix: np.ndarray) -> tuple[np.ndarray, bool]:
    """``matrix.T`` as a Fortran-ordered array, and whether BLAS still has to transpose it."""
    if matrix.flags.f_contiguous and not matrix.flags.c_contiguous:
        return matrix, True
    return np.ascontiguousarray(matrix).T, False


_BACKENDS: dict[str, Callable[[], Gemm]] = {"numpy": _numpy_gemm, "scipy": _scipy_gemm}
