"""Fourier transforms: short-time ones and their inverses, and those of rows of features.

See :mod:`py_demixer.ops.stft` and :mod:`py_demixer.ops.fourier`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from py_demixer.ops.stft import margin
from py_demixer.program.program import Array, Operation

from .dispatch import Dispatch, Scratch, Table, groups
from .operands import MOST_FLOP, array, grid, result

MOST_SAMPLES = 4096
"""Maximum length of a frame: what 16 KiB of workgroup memory can hold."""

WINDOW_BYTES = 16 << 20
"""Limit for the windowed frames before overlap-add, unless a single channel needs more."""

INVOCATIONS = 256
"""Number of invocations per workgroup."""


@dataclass(frozen=True)
class Cut:
    """How a short-time transform cuts signals into frames.

    Attributes
    ----------
    n_fft, hop
        Length of a frame, and samples between frames.
    before
        Samples before the first one of the signal that the first frame sees.
    scale
        Factor of the spectrum.
    rectangular
        Whether frames are not windowed; otherwise they have a Hann window.
    all_bins
        Whether spectra have the highest frequency.
    """

    n_fft: int
    hop: int
    before: int
    scale: float
    rectangular: bool
    all_bins: bool

    def constants(self, scale: float) -> dict[str, bool | int | float]:
        """The constants of the shaders, of which all but that factor depend on the cut alone."""
        kind = {"RECTANGULAR": self.rectangular, "ALL_BINS": self.all_bins}
        return _constants(self.n_fft, scale) | kind


def analyse(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.analyse`.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    cut = _of_demucs(operation)
    length = array(operation.operands[0]).shape[1]
    # As in stft(): a signal too short for its reflections is first padded with zeros.
    right = cut.before + result(operation).shape[2] * cut.hop - length
    missing = max(0, max(cut.before, right) + 1 - length)
    return _analysed(operation, cut, missing, missing - min(right, missing))


def analyse_rectangular(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.analyse_rectangular`.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    return _analysed(operation, _of_scnet(operation))


def _analysed(operation: Operation, cut: Cut, missing: int = 0, zeros: int = 0) -> list[Dispatch]:
    """A workgroup for each frame; signals get ``missing`` zeros, of which ``zeros`` in front."""
    x, y = array(operation.operands[0]), result(operation)
    channels, length = x.shape
    sizes = {
        "left": cut.before - zeros,
        "length": length,
        "filled": length + missing,
        "before": zeros,
    }
    return [
        Dispatch(
            shader=("fourier", "real", "window", "analyse"),
            constants=cut.constants(cut.scale),
            sizes=sizes,
            bindings=(x, Table(_circle(cut.n_fft)), y),
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
    return _synthesised(operation, _of_demucs(operation), divisor=1.5)


def synthesise_rectangular(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.synthesise_rectangular`, likewise.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    return _synthesised(operation, _of_scnet(operation))


def synthesise_interleaved(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.stft.synthesise_interleaved`, likewise.

    Raises
    ------
    ValueError
        The frames are too long.
    """
    channels = operation.options["channels"]
    return _synthesised(operation, _of_roformer(operation), channels_inside=channels)


def _synthesised(
    operation: Operation, cut: Cut, *, divisor: float = 0.0, channels_inside: int = 0
) -> list[Dispatch]:
    """Frames and their sums, divided by ``divisor`` or, if it is 0, by the windows' squares."""
    x, y = array(operation.operands[0]), result(operation)
    (channels, length), frames = y.shape, x.shape[-1]
    some = min(channels, max(1, WINDOW_BYTES // (4 * frames * cut.n_fft)))
    windows, circle = Scratch(0, some * frames * cut.n_fft), Table(_circle(cut.n_fft))
    scale = 1 / (cut.scale * cut.n_fft * (divisor or 1.0))
    strides = {"channels": channels_inside or channels} | _strides(cut, frames, channels_inside)
    dispatches = []
    for first in range(0, channels, some):
        count = min(some, channels - first)
        dispatches += [
            Dispatch(
                shader=("fourier", "real", "window", "frames"),
                constants=cut.constants(scale),
                sizes={"first": first} | strides,
                bindings=(x, circle, windows),
                workgroups=(frames, count, 1),
                writes=(2,),
            ),
            Dispatch(
                shader=("elements", "window", "overlap"),
                constants={
                    "POINTS": cut.n_fft // 2,
                    "ALL_BINS": cut.all_bins,
                    "RECTANGULAR": cut.rectangular,
                    "DIVIDES": not divisor,
                },
                sizes={
                    "first": first,
                    "size": count * length,
                    "length": length,
                    "frames": frames,
                    "hop": cut.hop,
                    "together": groups(cut.n_fft, cut.hop),
                    "margin": cut.before,
                },
                bindings=(windows, circle, y),
                workgroups=grid(count * length, INVOCATIONS),
                writes=(2,),
            ),
        ]
    return dispatches


def _of_demucs(operation: Operation) -> Cut:
    n_fft = operation.options["n_fft"]
    return Cut(n_fft, n_fft // 4, margin(n_fft), 1 / math.sqrt(n_fft), False, False)


def _of_scnet(operation: Operation) -> Cut:
    n_fft = operation.options["n_fft"]
    return Cut(n_fft, n_fft // 4, n_fft // 2, 1 / math.sqrt(n_fft), True, True)


def _of_roformer(operation: Operation) -> Cut:
    n_fft, hop, scaled = (operation.options[name] for name in ("n_fft", "hop", "scaled"))
    return Cut(n_fft, hop, n_fft // 2, 1 / math.sqrt(n_fft) if scaled else 1.0, False, True)


def _strides(cut: Cut, frames: int, channels_inside: int) -> dict[str, int]:
    """Distances in a spectrogram: a channel is ``(2, bins, frames)``.

    With ``channels_inside``, a signal is ``(bins, channels_inside, 2, frames)``.
    """
    bins = cut.n_fft // 2 + cut.all_bins
    if channels_inside:
        part, channel, bin_ = frames, 2 * frames, 2 * channels_inside * frames
    else:
        part, channel, bin_ = bins * frames, 2 * bins * frames, frames
    signal = 2 * bins * channels_inside * frames
    return {
        "part_stride": part,
        "channel_stride": channel,
        "bin_stride": bin_,
        "signal_stride": signal,
    }


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
