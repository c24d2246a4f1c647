"""Run the kernels on arrays next to inaccessible memory: one byte too far is a crash.

python -m tests.guarded LIBRARY [--plain] [--beyond]

With --plain, arrays are allocated by NumPy, for an address sanitizer to guard. With --beyond, one
array is declared longer than it is, to prove that this is noticed.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from py_demixer.ops.kernels import Kernels
from py_demixer.ops.transformer import rotations

_kept: list[mmap.mmap] = []


def guarded(x: np.ndarray, at_end: bool) -> np.ndarray:
    """A copy of `x` whose last (or first) byte is next to an inaccessible page."""
    if "--plain" in sys.argv:
        return x.copy()
    pages = -(-x.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
    _kept.append(memory)
    whole = np.frombuffer(memory, np.uint8)
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for page in (0, pages + 1):
        no_access = 0
        address = whole.ctypes.data + page * mmap.PAGESIZE
        if protect(address, mmap.PAGESIZE, no_access) != 0:
            raise OSError("mprotect refuses")
    start = (pages + 1) * mmap.PAGESIZE - x.nbytes if at_end else mmap.PAGESIZE
    copy = whole[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return copy


class GuardedKernels(Kernels):
    """Scratch memory is no larger than requested, and guarded, too."""

    at_end = True

    def _borrow(self, count: int) -> np.ndarray:
        return guarded(np.empty(count, np.float32), self.at_end)


def cases(at_end: bool) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, dict]]:
    """Arguments for convolve(): matrix, x, out, options."""
    rng = np.random.default_rng(0)
    for rows, channels, height, width in ((1, 1, 1, 1), (7, 3, 5, 9), (12, 300, 1, 33)):
        for taps, stride in (
            ([(0, 0)], (1, 1)),
            ([(-1, 2), (0, -3), (2, 0)], (2, 3)),
            ([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)], (1, 1)),
        ):
            size = (-(-height // stride[0]), -(-width // stride[1]))
            matrix = rng.standard_normal((rows, channels * len(taps))).astype(np.float16)
            x = rng.standard_normal((channels, height, width)).astype(np.float32)
            out = np.empty((rows, *size), np.float32)
            arrays = (guarded(array, at_end) for array in (matrix, x, out))
            bias = guarded(rng.standard_normal(rows).astype(np.float32), at_end)
            yield *arrays, {"taps": taps, "size": size, "stride": stride, "bias": bias}


def check_others(kernels: Kernels, count: int, at_end: bool) -> None:
    """Run attention, rotations, norms and residual connections on `count` positions."""
    rng = np.random.default_rng(count)
    x, key, value, out = (
        guarded(rng.standard_normal((7, count)).astype(np.float32), at_end) for _ in range(4)
    )
    parameters = [guarded(np.ones(7, np.float32), at_end) for _ in range(2)]
    kernels.attention(*(a[:, None] for a in (x, key, value)), 1, out[:, None])
    assert np.isfinite(out).all()
    kernels.layer_norm(x, *parameters, 1e-5, out)
    kernels.rms_norm(x, parameters[0], 1e-12, key)
    kernels.rotate(key[:6, None], *(guarded(a, at_end) for a in rotations(2, count)))
    kernels.tanh(key)
    assert np.isfinite(key).all()
    kernels.add_scaled(out[:, None], x[:, None], parameters[0])
    for activation in (None, "gelu", "glu", "swish"):
        kernels.group_norm(out[:6, None], *parameters, 1e-5, activation)
    assert np.isfinite(out).all()


def check_lstm(kernels: Kernels, hidden: int, at_end: bool) -> None:
    """Run a few frames of an LSTM layer with this many hidden units, in both directions."""
    rng = np.random.default_rng(hidden)
    shapes = ((3, 4 * hidden), (4 * hidden, hidden), (2, hidden), (3, hidden))
    arrays = [guarded(rng.standard_normal(shape).astype(np.float32), at_end) for shape in shapes]
    gates, weight, state, out = arrays
    for reverse in (False, True):
        kernels.lstm(gates, weight, state, reverse, out)
    assert np.isfinite(out).all()


def check_sequences(kernels: Kernels, hidden: int, sequences: int, at_end: bool) -> None:
    """Run a few steps of an LSTM layer over many sequences, in both directions."""
    rng = np.random.default_rng(hidden)
    inputs, steps = 5, 3
    shapes = ((inputs, steps, sequences), (4 * hidden, inputs + hidden), (4 * hidden,))
    x, weight, bias, out = (
        guarded(rng.standard_normal(shape).astype(np.float32), at_end)
        for shape in (*shapes, (hidden, steps, sequences))
    )
    for reverse in (False, True):
        kernels.lstm_sequences(x, weight, bias, reverse, out)
    assert np.isfinite(out).all()


def main() -> None:
    """Run every kernel."""
    kernels = GuardedKernels(Path(sys.argv[1]))
    beyond = "--beyond" in sys.argv
    for at_end in (True, False):
        kernels.at_end = at_end
        for matrix, x, out, options in cases(at_end):
            kernels.convolve(matrix, x, out, **options, activation="gelu")
            assert np.isfinite(out).all()
        for count in range(1, 10):
            x = guarded(np.ones(count, np.float32), at_end)
            kernels.gelu(np.lib.stride_tricks.as_strided(x, (count + beyond,)))
            kernels.glu(x, x, guarded(x, at_end))
        for count in (*range(1, 20), 100, 1100):
            check_others(kernels, count, at_end)
        for hidden in (*range(1, 20), 100):
            check_lstm(kernels, hidden, at_end)
        for hidden, sequences in ((1, 1), (2, 7), (3, 8), (6, 9), (13, 64), (7, 65), (4, 140)):
            check_sequences(kernels, hidden, sequences, at_end)


if __name__ == "__main__":
    main()
