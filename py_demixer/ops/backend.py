"""The compute backends: GEMM implementations, kernels and compilers.

Implementations, best first: ``kernels`` (C with SIMD; in Pyodide, whose NumPy has no BLAS, a
hundred times faster than NumPy), ``scipy`` (BLAS ``sgemm``; in Pyodide ten times faster than NumPy)
and ``numpy``. Where NumPy has its own BLAS it is the fastest, and is used.

A network has a backend of its own and computes with it (:func:`bound`). Code outside a network uses
:func:`current`: the best of these backends, unless :func:`using` selects another for a block of
code. The selection is per thread, so that networks with different backends can run side by side.
Selecting a backend by name, argument or environment variable is the job of
:mod:`py_demixer.backends`, which also handles the graphics card.

Operations that a kernel can compute as a whole get it from :func:`kernels`; their NumPy code is
the reference for what the kernel computes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from py_demixer.extras import require

from .kernels import Kernels, load

Gemm = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], None]


Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Compiler(Protocol):
    """Compiles networks to run elsewhere, such as on a graphics card."""

    @property
    def name(self) -> str:
        """Human-readable name of the place where compiled networks run."""

    def compile(
        self, network: Network, shape: tuple[int, ...], tensors: Mapping[str, NDArray[Any]]
    ) -> Network:
        """Compile a network to a function that computes the same.

        Parameters
        ----------
        network
            Consists only of operations: see :func:`py_demixer.program.record.record`.
        shape
            Shape of its input.
        tensors
            Its weights, by name.

        Raises
        ------
        ValueError
            The network does something that the compiler does not support.
        """


@dataclass(frozen=True)
class Backend:
    """An implementation of the computations.

    Attributes
    ----------
    name
        ``"numpy"``, ``"scipy"``, ``"kernels"`` or ``"webgpu"``.
    gemm
        Writes the product of the first two arrays to the third, see :func:`gemm`.
    kernels
        Kernels for whole operations, if any.
    compiler
        Compiler for whole networks, if any.
    reopen
        Module-level function that opens the backend in another process; without it, the backend
        cannot be pickled.
    """

    name: str
    gemm: Gemm
    kernels: Kernels | None = None
    compiler: Compiler | None = None
    reopen: Callable[[], Backend] | None = None

    @property
    def build(self) -> str:
        """What the exact bits of the results depend on, besides the package versions."""
        if self.compiler:
            return f"{self.name} {self.compiler.name}"
        return self.kernels.path.name if self.kernels else self.name

    def __reduce__(self) -> tuple[Callable[[], Backend], tuple[()]]:
        if self.reopen is None:
            raise TypeError(f"The backend {self.name} cannot go to another process.")
        return self.reopen, ()


_chosen: ContextVar[Backend | None] = ContextVar("backend", default=None)


def current() -> Backend:
    """The backend that operations use now, in this thread."""
    return _chosen.get() or _default()


@contextmanager
def using(backend: Backend | str) -> Iterator[Backend]:
    """Use a backend inside the ``with`` block, in this thread.

    Parameters
    ----------
    backend
        A backend, or a key of :data:`ON_PROCESSOR`.

    Raises
    ------
    ImportError
        Its library is not installed, or cannot run on this machine.
    """
    backend = ON_PROCESSOR[backend]() if isinstance(backend, str) else backend
    token = _chosen.set(backend)
    try:
        yield backend
    finally:
        _chosen.reset(token)


class _HasBackend(Protocol):
    @property
    def backend(self) -> Backend: ...


_Owner = TypeVar("_Owner", bound=_HasBackend)
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def bound(
    method: Callable[Concatenate[_Owner, _Given], _Result],
) -> Callable[Concatenate[_Owner, _Given], _Result]:
    """Decorate a network's method to compute with the network's own backend."""

    @functools.wraps(method)
    def run(self: _Owner, /, *given: _Given.args, **named: _Given.kwargs) -> _Result:
        with using(self.backend):
            return method(self, *given, **named)

    return run


def gemm(
    a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The matrix product ``a (m, k) @ b (k, n)``, float32; ``a`` may be float16, as weights are.

    ``a`` and ``b`` may be transposed views. ``out`` is a C-contiguous ``(m, n)`` array to write
    to; if it is None, a new one is returned.
    """
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
    current().gemm(a, b, out)
    return out


def kernels() -> Kernels | None:
    """The kernels of the current backend, or None if it has none."""
    return current().kernels


@functools.cache
def _default() -> Backend:
    return ON_PROCESSOR[best()]()


def best() -> str:
    """The fastest backend that can be opened on this machine: a key of :data:`ON_PROCESSOR`."""
    if _numpy_has_blas():
        return "numpy"
    for name in ("kernels", "scipy"):
        try:
            ON_PROCESSOR[name]()
        except ImportError:
            continue
        return name
    return "numpy"


def _numpy_has_blas() -> bool:
    config: Any = np.show_config(mode="dicts")
    return bool(config.get("Build Dependencies", {}).get("blas", {}).get("found"))


def _kernels() -> Backend:
    found = load()
    return Backend("kernels", found.gemm, found, reopen=_kernels)


def _numpy() -> Backend:
    def gemm(a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        np.matmul(single(a), b, out=out)

    return Backend("numpy", gemm, reopen=_numpy)


def _scipy() -> Backend:
    sgemm = require("scipy.linalg.blas", "fast").sgemm

    def gemm(a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        # BLAS is column-major: compute out.T = b.T @ a.T. The transpose of a C-contiguous array is
        # already in Fortran order, so no array is copied.
        (left, left_t), (right, right_t) = _fortran(b), _fortran(single(a))
        sgemm(1.0, left, right, 0.0, out.T, left_t, right_t, overwrite_c=True)

    return Backend("scipy", gemm, reopen=_scipy)


def single(a: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights as float32: themselves, or a copy if they are stored in fewer bits."""
    return a.astype(np.float32, copy=False)


def _fortran(matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """``matrix.T`` as a Fortran-ordered array, and whether BLAS still has to transpose it."""
    if matrix.flags.f_contiguous and not matrix.flags.c_contiguous:
        return matrix, True
    return np.ascontiguousarray(matrix).T, False


ON_PROCESSOR: Mapping[str, Callable[[], Backend]] = {
    "kernels": _kernels,
    "numpy": _numpy,
    "scipy": _scipy,
}
"""Functions that open each backend, by name; they raise ImportError if that is not possible."""
