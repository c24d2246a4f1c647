"""Preparing a song for separation: its mix-down to stereo, its length and its level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .tasks import SongStatistics

MEASURE_BLOCK = 1 << 20  # samples; fixed, so that every caller gets bit-identical results


def downmix_matrix(channels: int) -> NDArray[np.float32]:
    """The matrix ``(2, channels)`` that mixes audio in WAV channel order down to stereo.

    Mono goes to both sides; more than two channels follow the W3C Web Audio rules (section
    "Down-mix"): centre and surrounds at -3 dB (quad: all at -6 dB), no low-frequency channel.

    Raises
    ------
    ValueError
        There are no channels, or more than eight.
    """
    if channels not in _LAYOUTS:
        raise ValueError(
            f"The audio has {channels} channels; between 1 and {max(_LAYOUTS)} can be mixed down "
            "to stereo: export it as stereo first."
        )
    return np.array([_SIDES[speaker] for speaker in _LAYOUTS[channels]], np.float32).T


_HALF_POWER = 0.5**0.5
_SIDES = {
    "mono": (1.0, 1.0),
    "left": (1.0, 0.0),
    "right": (0.0, 1.0),
    "centre": (_HALF_POWER, _HALF_POWER),
    "low": (0.0, 0.0),
    "surround left": (_HALF_POWER, 0.0),
    "surround right": (0.0, _HALF_POWER),
    "quad left": (0.5, 0.0),
    "quad right": (0.0, 0.5),
    "back": (0.5, 0.5),
}
_FRONT = ("left", "right", "centre")
_SURROUND = ("surround left", "surround right")
_LAYOUTS = {
    1: ("mono",),
    2: ("left", "right"),
    3: _FRONT,
    4: ("quad left", "quad right") * 2,
    5: (*_FRONT, *_SURROUND),
    6: (*_FRONT, "low", *_SURROUND),
    7: (*_FRONT, "low", "back", *_SURROUND),
    8: (*_FRONT, "low", *_SURROUND, *_SURROUND),
}


def check_finite(block: NDArray[np.floating], start: int, sample_rate: int) -> None:
    """Check ``block (..., samples)`` for NaN and infinite samples.

    Parameters
    ----------
    start
        Position of the block in the song, in samples.

    Raises
    ------
    ValueError
        A sample is not finite; the message gives the time of the first one.
    """
    finite = np.isfinite(block).all(axis=tuple(range(block.ndim - 1)))
    if not finite.all():
        seconds = (start + int(np.argmin(finite))) / sample_rate
        raise ValueError(
            f"The audio has a sample that is not a finite number at {seconds:.3f} s: "
            "repair or re-export the file."
        )


def as_samples(block: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert a caller's samples to this package's layout, without a copy where possible.

    Parameters
    ----------
    block
        ``(channels, samples)`` floats with full scale at +-1, or ``(samples,)`` for mono.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, samples)`` float32.

    Raises
    ------
    ValueError
        The samples are not floats (the full scale of integers is not 1), or the array does not
        have one or two axes.
    """
    block = np.asarray(block)
    if block.dtype.kind != "f":
        raise ValueError(
            f"Samples must be floats with full scale at 1, not {block.dtype}: divide whole numbers "
            "by their own full scale, int16 by 32768."
        )
    if block.ndim not in (1, 2):
        raise ValueError(f"Samples must have the shape (channels, samples), not {block.shape}.")
    return np.atleast_2d(block).astype(np.float32, copy=False)


def as_mixture(block: NDArray[np.floating], channels: int) -> NDArray[np.float32]:
    """Convert samples as :func:`as_samples` does, and copy mono to all the model's channels.

    Raises
    ------
    ValueError
        See :func:`as_samples`; or the number of channels is neither 1 nor the model's.
    """
    samples = as_samples(block)
    if len(samples) == 1:
        return samples.repeat(channels, axis=0)
    if len(samples) != channels:
        raise ValueError(
            f"The mixture must have the shape ({channels}, samples) or be mono, and not "
            f"{np.shape(block)}: downmix_matrix() helps with other numbers of channels."
        )
    return samples


def check_sample_rate(given: int | None, wanted: int) -> None:
    """Raise an error unless the audio has the model's sample rate.

    Parameters
    ----------
    given
        Sample rate of the audio in Hz; None if it is not known, which passes the check.
    wanted
        Sample rate of the model in Hz.

    Raises
    ------
    ValueError
        The sample rates differ.
    """
    if given is not None and given != wanted:
        raise ValueError(
            f"The audio has {given} samples a second, and the model takes {wanted}: resample it, "
            "or give the file to separate_file()."
        )


class Meter:
    """Computes the mean and standard deviation of a song's mono mix-down, block by block.

    Feed it consecutive blocks of ``MEASURE_BLOCK`` samples (the last one may be shorter). Sums are
    float64 and are combined as in Chan, Golub & LeVeque (1979).
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.length = 0
        self._mean = 0.0
        self._squares = 0.0

    def update(self, block: NDArray[np.float32]) -> None:
        """Take in the next block ``(channels, samples)``, float32.

        Raises
        ------
        ValueError
            A sample is infinite or NaN.
        """
        mono = block.mean(axis=0, dtype=np.float32)
        check_finite(mono, self.length, self.sample_rate)
        mean = float(mono.mean(dtype=np.float64))
        squares = float(np.square(mono - mean, dtype=np.float64).sum())
        total = self.length + mono.size
        self._squares += squares + (mean - self._mean) ** 2 * self.length * mono.size / total
        self._mean += (mean - self._mean) * mono.size / total
        self.length = total

    def finish(self) -> SongStatistics:
        """Return the statistics of all blocks so far.

        The standard deviation is the unbiased one plus 1e-8, so that silence can be divided by it.
        """
        std = (self._squares / max(1, self.length - 1)) ** 0.5 + 1e-8
        return SongStatistics(self.length, self._mean, std)


def measure(blocks: Iterable[NDArray[np.floating]], sample_rate: int) -> SongStatistics:
    """Measure a song that comes in blocks: see :class:`Meter`.

    Parameters
    ----------
    blocks
        Consecutive blocks: ``(channels, samples)`` floats with full scale at +-1, or ``(samples,)``
        for mono. Their lengths do not affect the result. They are not kept, so a buffer may be
        reused for the next block.
    sample_rate
        Sample rate in Hz.

    Raises
    ------
    ValueError
        A sample is infinite or NaN, or the samples are integers.
    """
    meter = Meter(sample_rate)
    for block in regular(map(as_samples, blocks), MEASURE_BLOCK):
        meter.update(block)
    return meter.finish()


def regular(blocks: Iterable[NDArray[np.float32]], length: int) -> Iterator[NDArray[np.float32]]:
    """Cut and join blocks ``(channels, samples)`` to one length; only the last may be shorter.

    A block that is yielded is valid only until the next one is requested.
    """
    pending: list[NDArray[np.float32]] = []
    have = 0
    for block in blocks:
        start = 0
        while have + block.shape[1] - start >= length:
            stop = start + length - have
            pending.append(block[:, start:stop])
            yield _joined(pending)
            pending, have, start = [], 0, stop
        if start < block.shape[1]:
            pending.append(block[:, start:].copy())  # the caller may reuse its buffer
            have += block.shape[1] - start
    if pending:
        yield _joined(pending)


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
