"""Fourier transforms: short-time ones and their inverses, and those of rows of features.

See :mod:`py_demixer.ops.stft` and :mod:`py_demixer.ops.fourier`.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from py_demixer.ops.stft import margin
from py_demixer.program.program import Array, Operation

from .dispatch import Dispatch, Scratch, Table
from .operands import MOST_FLOP, array, grid, result

MOST_SAMPLES = 4096
"""Maximum length of a frame: what 16 KiB of workgroup memory can hold."""

WINDOW_BYTES = 16 << 20
"""Limit for the windowed frames before overlap-add, unless a single channel needs more."""

INVOCATIONS = 256
"""Number of invocations per workgroup."""


def analyse(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.analyse`.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    length, n_fft = array(operation.operands[0]).shape[1], operation.options["n_fft"]
    frames = result(operation).shape[2]
    # As in stft(): a signal too short for its reflections is first padded with zeros.
    left = margin(n_fft)
    right = left + frames * (n_fft // 4) - length
    missing = max(0, max(left, right) + 1 - length)
    before = missing - min(right, missing)
    sizes = {"left": left - before, "filled": length + missing, "before": before}
    return _analysed(operation, sizes, rectangular=False)


def analyse_rectangular(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.analyse_rectangular`.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    length, n_fft = array(operation.operands[0]).shape[1], operation.options["n_fft"]
    sizes = {"left": n_fft // 2, "filled": length, "before": 0}
    return _analysed(operation, sizes, rectangular=True)


def _analysed(operation: Operation, sizes: dict[str, int], *, rectangular: bool) -> list[Dispatch]:
    x, y = array(operation.operands[0]), result(operation)
    channels, length = x.shape
    n_fft = operation.options["n_fft"]
    return [
        Dispatch(
            shader=("fourier", "real", "window", "analyse"),
            constants=_constants(n_fft, 1 / math.sqrt(n_fft)) | {"RECTANGULAR": rectangular},
            sizes={"length": length, **sizes},
            bindings=(x, Table(_circle(n_fft)), y),
            workgroups=(y.shape[2], channels, 1),
            writes=(2,),
        )
    ]


def synthesise(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.synthesise`: frames, then sums, some channels at a time.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    # Four Hann windows overlap everywhere; their squares sum to 3/2.
    n_fft = operation.options["n_fft"]
    return _synthesised(operation, margin(n_fft), 1.5, rectangular=False)


def synthesise_rectangular(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.synthesise_rectangular`, likewise.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    return _synthesised(operation, operation.options["n_fft"] // 2, 1.0, rectangular=True)


def _synthesised(
    operation: Operation, before: int, divisor: float, *, rectangular: bool
) -> list[Dispatch]:
    """Frames and their sums, without ``before`` samples at the start."""
    x, y = array(operation.operands[0]), result(operation)
    n_fft = operation.options["n_fft"]
    (channels, length), frames = y.shape, x.shape[2]
    some = min(channels, max(1, WINDOW_BYTES // (4 * frames * n_fft)))
    windows = Scratch(0, some * frames * n_fft)
    kind = {"RECTANGULAR": rectangular}
    dispatches = []
    for first in range(0, channels, some):
        count = min(some, channels - first)
        dispatches += [
            Dispatch(
                shader=("fourier", "real", "window", "frames"),
                constants=_constants(n_fft, 1 / (divisor * math.sqrt(n_fft))) | kind,
                sizes={"first": first},
                bindings=(x, Table(_circle(n_fft)), windows),
                workgroups=(frames, count, 1),
                writes=(2,),
            ),
            Dispatch(
                shader=("elements", "overlap"),
                constants=kind,
                sizes={
                    "first": first,
                    "size": count * length,
                    "length": length,
                    "frames": frames,
                    "hop": n_fft // 4,
                    "margin": before,
                },
                bindings=(windows, y),
                workgroups=grid(count * length, INVOCATIONS),
                writes=(1,),
            ),
        ]
    return dispatches


def row_spectra(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.fourier.row_spectra`.

    Raises
    ------
    ValueError
        The rows are too long.
    """
    return _rows(operation, "row_spectra", array(operation.operands[0]))


def row_signals(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.fourier.row_signals`.

    Raises
    ------
    ValueError
        The rows are too long.
    """
    return _rows(operation, "row_signals", result(operation))


def _rows(operation: Operation, shader: str, signals: Array) -> list[Dispatch]:
    """A workgroup for each row."""
    rows, positions = signals.shape[0] * signals.shape[1], signals.shape[2]
    constants = _constants(positions, 1 / math.sqrt(positions))
    some = max(1, MOST_FLOP // _flop(positions // 2))
    return [
        Dispatch(
            shader=("fourier", "real", shader),
            constants=constants,
            sizes={"rows": rows, "first": first, "stop": min(first + some, rows)},
            bindings=(
                array(operation.operands[0]),
                Table(_circle(positions)),
                result(operation),
            ),
            workgroups=grid(min(some, rows - first), 1),
            writes=(2,),
        )
        for first in range(0, rows, some)
    ]


def _flop(points: int) -> int:
    """Operations of a transform: many where ``points`` has a large prime factor."""
    factors, rest = 0, points
    while rest > 1:
        factor = 4 if rest % 4 == 0 else next(n for n in range(2, rest + 1) if rest % n == 0)
        factors, rest = factors + factor, rest // factor
    return 8 * points * max(1, factors)


def _constants(samples: int, scale: float) -> dict[str, bool | int | float]:
    if samples > MOST_SAMPLES:
        raise ValueError(
            f"Frames have {samples} samples, and graphics cards are only guaranteed to take "
            f"{MOST_SAMPLES}: choose another backend."
        )
    return {"POINTS": samples // 2, "SCALE": scale}


@functools.cache
def _circle(points: int) -> tuple[float, ...]:
    """Points on the unit circle, clockwise from 1: real and imaginary parts."""
    angles = np.arange(points) * (-2 * np.pi / points)
    return tuple(np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1).tolist())
