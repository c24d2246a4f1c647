"""SIMD kernels in C for the hot operations, called through ctypes.

``tools/kernels.py`` compiles the C files of this folder into WebAssembly side modules for Pyodide,
one with relaxed SIMD (fused multiply-add) and one without. They are named ``.wasm`` and not ``.so``
because Pyodide opens every ``.so`` of a wheel when it installs the wheel, and the relaxed module
cannot be opened in a browser without relaxed SIMD. Arrays are passed as pointers into the heap that
NumPy allocates from; nothing is copied.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
MODULES = ("relaxed.wasm", "simd.wasm")
"""The compiled files, best first."""

PANEL = 8
"""Columns of a tile of the matrix product: the number of queries per softmax call."""

CEILING_FLOP = 96
"""Floating-point operations of a loop of ceiling.c."""

ACTIVATIONS = {None: 0, "gelu": 1, "glu": 2, "swish": 3}

_SIZE = ctypes.c_ssize_t
_POINTER = ctypes.c_void_p
_FLOAT_BYTES = 4
_SIGNATURES = {
    "multiply_scratch": (_SIZE, [_SIZE] * 3),
    "multiply": (
        None,
        [_SIZE, _POINTER, ctypes.c_int32, _SIZE, _SIZE, _POINTER, _SIZE, _POINTER, _POINTER],
    ),
    "winograd_scratch": (_SIZE, [_SIZE] * 3),
    "winograd": (
        None,
        [_SIZE, _POINTER, ctypes.c_int32, _SIZE, _SIZE, _POINTER, _SIZE, _POINTER, _POINTER],
    ),
    "attention_scratch": (_SIZE, [_SIZE] * 2),
    "attention": (
        None,
        [*[_SIZE] * 5, ctypes.c_float, *[_POINTER, _SIZE, _SIZE] * 4, _POINTER],
    ),
    "exponentiate": (None, [_POINTER, _SIZE, _POINTER]),
    "group_norm": (
        None,
        [_POINTER, *[_SIZE] * 5, _POINTER, _POINTER, ctypes.c_double, ctypes.c_int32],
    ),
    "layer_norm": (
        None,
        [_POINTER, *[_SIZE] * 3, _POINTER, _POINTER, ctypes.c_double, _POINTER],
    ),
    "rms_norm": (None, [_POINTER, *[_SIZE] * 3, _POINTER, ctypes.c_double, _POINTER]),
    "rotate": (None, [_POINTER, *[_SIZE] * 4, _POINTER, _POINTER]),
    "add_scaled": (
        None,
        [*[_SIZE] * 3, *[_POINTER, _SIZE, _SIZE] * 2, _POINTER],
    ),
    "lstm_packed": (_SIZE, [_SIZE]),
    "lstm_pack": (None, [_SIZE, _POINTER, _POINTER]),
    "lstm": (None, [*[_SIZE] * 3, *[_POINTER] * 5]),
    "lstm_sequences_scratch": (_SIZE, [_SIZE] * 3),
    "lstm_sequences": (
        None,
        [
            *([_SIZE] * 4 + [ctypes.c_int32, _POINTER, ctypes.c_int32, _POINTER]),
            *([_POINTER, _SIZE, _SIZE] * 2 + [_POINTER]),
        ],
    ),
    "multiply_add": (ctypes.c_float, [_SIZE]),
    "gelu_row": (None, [_POINTER, _POINTER, _SIZE]),
    "glu_row": (None, [_POINTER, _POINTER, _POINTER, _SIZE]),
    "tanh_row": (None, [_POINTER, _SIZE]),
}


class _Patches(ctypes.Structure):
    """The struct ``Patches`` in multiply.h."""

    _fields_ = (
        ("x", _POINTER),
        *((name, _SIZE) for name in ("channels", "height", "width")),
        *((f"{name}_stride", _SIZE) for name in ("channel", "row", "column")),
        ("taps", _SIZE),
        ("tap_rows", _POINTER),
        ("tap_columns", _POINTER),
        ("row_step", _SIZE),
        ("column_step", _SIZE),
        ("out_width", _SIZE),
    )

    @classmethod
    def of(
        cls,
        x: NDArray[np.float32],
        taps: NDArray[np.int32],
        stride: tuple[int, int],
        out_width: int,
    ) -> Self:
        """The patches of ``x`` at taps ``(2, count)`` int32 (rows, columns); keep both alive."""
        rows, columns = taps
        return cls(
            x.ctypes.data,
            *x.shape,
            *(step // _FLOAT_BYTES for step in x.strides),
            taps.shape[1],
            rows.ctypes.data,
            columns.ctypes.data,
            *stride,
            out_width,
        )


class _Result(ctypes.Structure):
    """The struct ``Result`` in multiply.h."""

    _fields_ = (
        ("out", _POINTER),
        ("stride", _SIZE),
        ("bias", _POINTER),
        ("activation", ctypes.c_int32),
    )


class _Scratch(threading.local):
    """Scratch memory per thread: other threads can run while ctypes calls a function."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.float32)


class Kernels:
    """The functions of one compiled library; threads may share them.

    Parameters
    ----------
    path
        Path of the library.

    Raises
    ------
    OSError
        The library does not exist, or this machine cannot open it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            try:
                function = getattr(self._library, name)
            except AttributeError as error:
                # Emscripten remembers a library that it failed to open, and the next attempt
                # "succeeds" with an empty library.
                raise OSError(f"{path.name} has no function {name}") from error
            function.restype, function.argtypes = result, arguments
        self._scratch = _Scratch()

    def multiply_add(self, loops: int) -> None:
        """Do ``loops`` times :data:`CEILING_FLOP` operations, without touching memory."""
        self._library.multiply_add(loops)

    def gemm(
        self, a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]
    ) -> None:
        """``out = a @ b``: ``a (m, k)`` float16 or float32, ``b (k, n)`` and ``out`` float32.

        ``a`` and ``b`` may have any strides, ``out`` is C-contiguous.
        """
        self.convolve(a, b[:, None], out, taps=[(0, 0)], size=(1, b.shape[1]))

    def convolve(
        self,
        matrix: NDArray[np.float32],
        x: NDArray[np.float32],
        out: NDArray[np.float32],
        *,
        taps: Sequence[tuple[int, int]],
        size: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        bias: NDArray[np.float32] | None = None,
        activation: str | None = None,
    ) -> None:
        """``out = activation(matrix @ patches(x) + bias)``, without building the patch matrix.

        Parameters
        ----------
        matrix
            ``(rows, channels x taps)``, float16 or float32, any strides.
        x
            ``(channels, height, width)`` float32, any strides.
        out
            ``(rows, *size)`` float32, C-contiguous; half as many rows with ``"glu"``.
        taps
            Position (r, c) of the output sees the input at (r, c) * stride + tap, zero outside
            ``x``.
        bias
            ``(rows,)``.
        activation
            A key of :data:`ACTIVATIONS`.
        """
        if size[1] == 1 and x.shape[2] == 1:
            # Turn a column into a row, because the kernel reads along rows.
            x, size, stride = x.transpose(0, 2, 1), (1, size[0]), stride[::-1]
            taps = [(column, row) for row, column in taps]
        (rows, depth), columns = matrix.shape, size[0] * size[1]
        assert depth == len(x) * len(taps)
        assert out.flags.c_contiguous
        assert out.dtype == np.float32
        assert out.size == (rows // 2 if activation == "glu" else rows) * columns
        matrix = _readable(matrix if matrix.dtype == np.float16 else _single(matrix))
        x, tap_array = _readable(_single(x)), np.array(taps, np.int32).T.copy()
        bias = (
            np.zeros(rows, np.float32) if bias is None else np.ascontiguousarray(bias, np.float32)
        )
        patches = _Patches.of(x, tap_array, stride, size[1])
        result = _Result(out.ctypes.data, columns, bias.ctypes.data, ACTIVATIONS[activation])
        by_winograd = stride == (1, 1) and list(taps) == _square(*taps[0])
        if by_winograd:
            function, extent = self._library.winograd, size[0]
            needed = self._library.winograd_scratch(rows, len(x), size[1])
        else:
            function, extent = self._library.multiply, columns
            needed = self._library.multiply_scratch(rows, depth, columns)
        scratch = self._borrow(needed)
        function(
            rows,
            matrix.ctypes.data,
            matrix.dtype == np.float16,
            *(step // matrix.itemsize for step in matrix.strides),
            ctypes.addressof(patches),
            extent,
            ctypes.addressof(result),
            scratch.ctypes.data,
        )

    def attention(
        self,
        query: NDArray[np.float32],
        key: NDArray[np.float32],
        value: NDArray[np.float32],
        heads: int,
        out: NDArray[np.float32],
        scale: float | None = None,
    ) -> None:
        """``out = value @ softmax(key.T @ query * scale)`` over the keys, in each row of each head.

        Parameters
        ----------
        query, out
            ``(heads width, rows, queries)`` float32, positions contiguous.
        key, value
            ``(heads width, rows, keys)`` float32, positions contiguous.
        scale
            By default ``1 / sqrt(width)``.
        """
        (channels, rows, queries), keys, width = query.shape, key.shape[2], len(query) // heads
        scratch = self._borrow(self._library.attention_scratch(width, keys))
        arrays = (query, key, value, out)
        assert all(x.dtype == np.float32 for x in arrays)
        assert all(x.shape[2] == 1 or x.strides[2] == _FLOAT_BYTES for x in arrays)
        assert channels == heads * width
        self._library.attention(
            *(heads, width, rows, queries, keys, width**-0.5 if scale is None else scale),
            *(word for x in arrays for word in _addressed(x)),
            scratch.ctypes.data,
        )

    def exponentiate(self, scores: NDArray[np.float32], factors: NDArray[np.float32]) -> None:
        """The softmax in attention: ``scores (keys, 8)`` float32 of eight queries, in place.

        The softmax is ``scores * factors``; ``factors (8,)`` is an output.
        """
        assert scores.dtype == factors.dtype == np.float32
        assert scores.flags.c_contiguous
        assert scores.shape[1] == factors.size == PANEL
        self._library.exponentiate(scores.ctypes.data, len(scores), factors.ctypes.data)

    def group_norm(
        self,
        x: NDArray[np.float32],
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        epsilon: float,
        activation: str | None,
    ) -> None:
        """Normalise each row of ``x (channels, rows, positions)`` in place, then activate it.

        ``x`` is float32 with contiguous positions; ``"glu"`` leaves its result in the first half of
        the channels.
        """
        assert x.dtype == np.float32
        assert x.shape[2] == 1 or x.strides[2] == _FLOAT_BYTES
        weight, bias = (np.ascontiguousarray(p, np.float32) for p in (weight, bias))
        self._library.group_norm(
            x.ctypes.data,
            *x.shape,
            *(step // _FLOAT_BYTES for step in x.strides[:2]),
            *(weight.ctypes.data, bias.ctypes.data, epsilon, ACTIVATIONS[activation]),
        )

    def layer_norm(
        self,
        x: NDArray[np.float32],
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        epsilon: float,
        out: NDArray[np.float32],
    ) -> None:
        """Normalise each position of ``x (channels, positions)`` float32, with contiguous rows.

        ``out`` is float32 of the same shape, C-contiguous.
        """
        assert x.dtype == out.dtype == np.float32
        assert out.flags.c_contiguous
        assert x.shape[1] == 1 or x.strides[1] == _FLOAT_BYTES
        weight, bias = (np.ascontiguousarray(p, np.float32) for p in (weight, bias))
        parameters = weight.ctypes.data, bias.ctypes.data, epsilon
        row_stride = x.strides[0] // _FLOAT_BYTES
        self._library.layer_norm(x.ctypes.data, *x.shape, row_stride, *parameters, out.ctypes.data)

    def rms_norm(
        self,
        x: NDArray[np.float32],
        weight: NDArray[np.float32],
        smallest: float,
        out: NDArray[np.float32],
    ) -> None:
        """Divide each position of ``x (channels, positions)`` float32 by its root mean square.

        Rows are contiguous. ``smallest`` is the least length to divide by; ``out`` is float32 of
        the same shape, C-contiguous.
        """
        assert x.dtype == out.dtype == np.float32
        assert out.flags.c_contiguous
        assert x.shape[1] == 1 or x.strides[1] == _FLOAT_BYTES
        weight = np.ascontiguousarray(weight, np.float32)
        row_stride = x.strides[0] // _FLOAT_BYTES
        parameters = weight.ctypes.data, smallest
        self._library.rms_norm(x.ctypes.data, *x.shape, row_stride, *parameters, out.ctypes.data)

    def rotate(
        self, x: NDArray[np.float32], cosines: NDArray[np.float32], sines: NDArray[np.float32]
    ) -> None:
        """Rotate pairs of adjacent channels of ``x (heads width, rows, positions)``, in place.

        ``cosines`` and ``sines`` are ``(width / 2, positions)``; all three are float32 and
        C-contiguous.
        """
        (channels, rows, positions), pairs = x.shape, len(cosines)
        arrays = (x, cosines, sines)
        assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in arrays)
        assert cosines.shape == sines.shape == (pairs, positions)
        assert channels % (2 * pairs) == 0
        sizes = channels // (2 * pairs), pairs, rows, positions
        self._library.rotate(x.ctypes.data, *sizes, cosines.ctypes.data, sines.ctypes.data)

    def add_scaled(
        self, x: NDArray[np.float32], y: NDArray[np.float32], scale: NDArray[np.float32]
    ) -> None:
        """``x += scale * y``: ``(channels, rows, positions)`` float32, positions contiguous."""
        assert x.dtype == y.dtype == np.float32
        assert all(a.shape[2] == 1 or a.strides[2] == _FLOAT_BYTES for a in (x, y))
        scale = np.ascontiguousarray(scale, np.float32)
        words = (word for a in (x, y) for word in _addressed(a))
        self._library.add_scaled(*x.shape, *words, scale.ctypes.data)

    def lstm(
        self,
        gates: NDArray[np.float32],
        weight: NDArray[np.float32],
        state: NDArray[np.float32],
        reverse: bool,
        out: NDArray[np.float32],
    ) -> None:
        """The recurrent part of an LSTM layer; all arrays are float32 and C-contiguous.

        Parameters
        ----------
        gates
            The input's contribution to the gates, ``(frames, 4 hidden)``.
        weight
            ``(4 hidden, hidden)``.
        state
            Output and cell, ``(2, hidden)``; overwritten with the final state.
        reverse
            Go from the last frame to the first.
        out
            ``(frames, hidden)``.
        """
        frames, hidden = out.shape
        arrays = (gates, weight, state, out)
        assert all(x.dtype == np.float32 and x.flags.c_contiguous for x in arrays)
        assert (gates.shape, weight.shape) == ((frames, 4 * hidden), (4 * hidden, hidden))
        packed = self._borrow(self._library.lstm_packed(hidden))
        self._library.lstm_pack(hidden, weight.ctypes.data, packed.ctypes.data)
        first, step = (frames - 1, -1) if reverse else (0, 1)
        self._library.lstm(
            *(frames, hidden, step, packed.ctypes.data, gates[first].ctypes.data),
            *(state[0].ctypes.data, state[1].ctypes.data, out[first].ctypes.data),
        )
        state[0] = out[frames - 1 - first]

    def lstm_sequences(
        self,
        x: NDArray[np.float32],
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        reverse: bool,
        out: NDArray[np.float32],
    ) -> None:
        """One direction of an LSTM layer over many sequences, from zeros.

        Parameters
        ----------
        x
            ``(in, steps, sequences)`` float32, sequences contiguous.
        weight
            ``(4 hidden, in + hidden)``, float16 or float32: for the input and the last output.
        bias
            ``(4 hidden,)``.
        reverse
            Go from the last step to the first.
        out
            ``(hidden, steps, sequences)`` float32, sequences contiguous.
        """
        (inputs, steps, sequences), hidden = x.shape, len(out)
        assert x.dtype == out.dtype == np.float32
        assert all(sequences == 1 or a.strides[2] == _FLOAT_BYTES for a in (x, out))
        assert weight.shape == (4 * hidden, inputs + hidden)
        assert out.shape[1:] == (steps, sequences)
        weight = np.ascontiguousarray(weight if weight.dtype == np.float16 else _single(weight))
        bias = np.ascontiguousarray(bias, np.float32)
        scratch = self._borrow(self._library.lstm_sequences_scratch(sequences, inputs, hidden))
        self._library.lstm_sequences(
            *(steps, sequences, inputs, hidden, reverse),
            *(weight.ctypes.data, weight.dtype == np.float16, bias.ctypes.data),
            *(word for a in (x, out) for word in _addressed(a)),
            scratch.ctypes.data,
        )

    def gelu(self, x: NDArray[np.float32]) -> None:
        """The GELU, in place; ``x`` is float32 and C-contiguous."""
        self._library.gelu_row(x.ctypes.data, x.ctypes.data, x.size)

    def glu(
        self, values: NDArray[np.float32], gates: NDArray[np.float32], out: NDArray[np.float32]
    ) -> None:
        """``out = values * sigmoid(gates)``; all float32, C-contiguous and of the same shape.

        All three may be the same array.
        """
        self._library.glu_row(values.ctypes.data, gates.ctypes.data, out.ctypes.data, out.size)

    def tanh(self, x: NDArray[np.float32]) -> None:
        """The hyperbolic tangent, in place; ``x`` is float32 and C-contiguous."""
        assert x.dtype == np.float32
        assert x.flags.c_contiguous
        self._library.tanh_row(x.ctypes.data, x.size)

    def _borrow(self, count: int) -> NDArray[np.float32]:
        """Scratch memory for at least ``count`` floats; each thread reuses its own."""
        scratch = self._scratch
        if scratch.memory.size < count:
            scratch.memory = np.empty(0, np.float32)  # free the old memory before allocating more
            scratch.memory = np.empty(count, np.float32)
        return scratch.memory


@functools.cache
def load() -> Kernels:
    """Open the best kernels that this machine can run; later calls return the same ones.

    Raises
    ------
    ImportError
        There are none: outside a browser, in the pure wheel, or without WASM SIMD.
    """
    if platform.system() != "Emscripten":
        raise ImportError("The kernels are compiled for WebAssembly: NumPy is faster here.")
    reasons = []
    for name in MODULES:
        try:
            return Kernels(FOLDER / name)
        except OSError as error:
            reasons.append(f"{name}: {error}")
    raise ImportError(f"No kernels can be loaded here ({'; '.join(reasons)}).")


def _square(row: int, column: int) -> list[tuple[int, int]]:
    """The taps of a 3 x 3 filter with its first tap at (row, column)."""
    return [(row + i, column + j) for i in range(3) for j in range(3)]


def _addressed(x: NDArray[np.float32]) -> tuple[int, int, int]:
    """Where a float32 array with three axes is, and the strides of the first two in floats."""
    channel, row, _ = x.strides
    return x.ctypes.data, channel // _FLOAT_BYTES, row // _FLOAT_BYTES


def _single(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x if x.dtype == np.float32 else x.astype(np.float32)


def _readable(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x``, or a copy if its address or its strides are not multiples of the element size."""
    whole = all(step % x.itemsize == 0 for step in x.strides)
    return x if x.flags.aligned and whole else x.copy()
