"""The one place that multiplies matrices, and who does it.

Implementations, best first: ``kernels`` (C with SIMD, in Pyodide a hundred times faster than NumPy,
whose build there has no BLAS), ``scipy`` (BLAS ``sgemm``, there ten times faster than NumPy) and
``numpy``. Where NumPy has a BLAS of its own it is the fastest and is taken.

A network has a backend of its own and computes with it (:func:`bound`); what is called outside of
a network uses :func:`current`'s, the best of these unless :func:`using` chooses another for a
stretch of code. The choice belongs to a thread, so that networks with different backends can run
side by side. Choosing one by its name, an argument or an environment variable is above all this:
see :mod:`py_demixer.backends`, which also knows the graphics card.

Operations that the kernels do as a whole ask :func:`kernels` for them; there the NumPy code below
is what says what is computed.
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
    """Makes of a network something that runs elsewhere."""

    @property
    def name(self) -> str:
        """Where, for people to recognise."""

    def compile(
        self, network: Network, shape: tuple[int, ...], tensors: Mapping[str, NDArray[Any]]
    ) -> Network:
        """What does the same as a network.

        Parameters
        ----------
        network
            Nothing but operations: see :func:`py_demixer.program.record.record`.
        shape
            Of what it takes.
        tensors
            Its weights, by name.

        Raises
        ------
        ValueError
            It does what cannot be done there.
        """


@dataclass(frozen=True)
class Backend:
    """Who computes.

    Attributes
    ----------
    name
        ``"numpy"``, ``"scipy"``, ``"kernels"`` or ``"webgpu"``.
    gemm
        Writes the product of the first two arrays to the third, see :func:`gemm`.
    kernels
        What does whole operations, where there is something.
    compiler
        What does whole networks, where there is something.
    reopen
        What opens it in another process, a function of a module; without it, it cannot go there.
    """

    name: str
    gemm: Gemm
    kernels: Kernels | None = None
    compiler: Compiler | None = None
    reopen: Callable[[], Backend] | None = None

    @property
    def build(self) -> str:
        """What decides the bits of its results, besides the versions of the packages."""
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
        One, or a key of :data:`ON_PROCESSOR`.

    Raises
    ------
    ImportError
        Its library is not installed, or cannot run here.
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
    """A network's method that computes with the network's own backend."""

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
    to; without it a new one is returned.
    """
    if out is None:
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
    current().gemm(a, b, out)
    return out


def kernels() -> Kernels | None:
    """The kernels, where they are in use."""
    return current().kernels


@functools.cache
def _default() -> Backend:
    return ON_PROCESSOR[best()]()


def best() -> str:
    """The fastest that can be opened here: a key of :data:`ON_PROCESSOR`."""
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
        np.matmul(_single(a), b, out=out)

    return Backend("numpy", gemm, reopen=_numpy)


def _scipy() -> Backend:
    sgemm = require("scipy.linalg.blas", "fast").sgemm

    def gemm(a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        # BLAS is column-major: out.T = b.T @ a.T, where a C-contiguous array's transpose is
        # already in Fortran order and no array is copied.
        (left, left_t), (right, right_t) = _fortran(b), _fortran(_single(a))
        sgemm(1.0, left, right, 0.0, out.T, left_t, right_t, overwrite_c=True)

    return Backend("scipy", gemm, reopen=_scipy)


def _single(a: NDArray[np.float32]) -> NDArray[np.float32]:
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
"""What opens each of them, by name; raises ImportError where that cannot be."""
