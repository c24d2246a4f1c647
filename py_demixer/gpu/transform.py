"""Short-time Fourier transforms and their inverses, as in :mod:`py_demixer.ops.stft`."""

from __future__ import annotations

import functools
import math

import numpy as np

from py_demixer.ops.stft import margin
from py_demixer.program.program import Operation

from .dispatch import Dispatch, Scratch, Table
from .operands import array, grid, result

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
    x, y = array(operation.operands[0]), result(operation)
    n_fft = operation.options["n_fft"]
    channels, length = x.shape
    frames = y.shape[2]
    # As in stft(): a signal too short for its reflections is first padded with zeros.
    left = margin(n_fft)
    right = left + frames * (n_fft // 4) - length
    missing = max(0, max(left, right) + 1 - length)
    before = missing - min(right, missing)
    return [
        Dispatch(
            shader=("fourier", "analyse"),
            constants=_constants(n_fft, 1 / math.sqrt(n_fft)),
            sizes={
                "length": length,
                "left": left - before,
                "filled": length + missing,
                "before": before,
            },
            bindings=(x, Table(_circle(n_fft)), y),
            workgroups=(frames, channels, 1),
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
    x, y = array(operation.operands[0]), result(operation)
    n_fft, length = operation.options["n_fft"], operation.options["length"]
    channels, frames = x.shape[0] // 2, x.shape[2]
    some = min(channels, max(1, WINDOW_BYTES // (4 * frames * n_fft)))
    windows = Scratch(0, some * frames * n_fft)
    dispatches = []
    for first in range(0, channels, some):
        count = min(some, channels - first)
        dispatches += [
            Dispatch(
                shader=("fourier", "frames"),
                # Four Hann windows overlap everywhere; their squares sum to 3/2.
                constants=_constants(n_fft, 1 / (1.5 * math.sqrt(n_fft))),
                sizes={"first": first},
                bindings=(x, Table(_circle(n_fft)), windows),
                workgroups=(frames, count, 1),
                writes=(2,),
            ),
            Dispatch(
                shader=("elements", "overlap"),
                sizes={
                    "first": first,
                    "size": count * length,
                    "length": length,
                    "frames": frames,
                    "hop": n_fft // 4,
                    "margin": margin(n_fft),
                },
                bindings=(windows, y),
                workgroups=grid(count * length, INVOCATIONS),
                writes=(1,),
            ),
        ]
    return dispatches


def _constants(n_fft: int, scale: float) -> dict[str, int | float]:
    if n_fft > MOST_SAMPLES:
        raise ValueError(
            f"Frames have {n_fft} samples, and graphics cards are only guaranteed to take "
            f"{MOST_SAMPLES}: choose another backend."
        )
    return {"POINTS": n_fft // 2, "SCALE": scale}


@functools.cache
def _circle(n_fft: int) -> tuple[float, ...]:
    """``n_fft`` points on the unit circle, clockwise from 1: real and imaginary parts."""
    angles = np.arange(n_fft) * (-2 * np.pi / n_fft)
    return tuple(np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1).tolist())
