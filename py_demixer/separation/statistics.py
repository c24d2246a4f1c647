"""What is known of a song before it is separated: its mix-down to stereo, its length and level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .tasks import SongStatistics

MEASURE_BLOCK = 1 << 20  # samples; fixed, so that every caller gets the same bits


def downmix_matrix(channels: int) -> NDArray[np.float32]:
    """The matrix ``(2, channels)`` that mixes audio in WAV channel order down to stereo.

    Mono goes to both sides; more than two channels follow the W3C Web Audio rules (section
    "Down-mix"): centre and surrounds at -3 dB (quad: all at -6 dB), no low-frequency channel.

    Raises
    ------
    ValueError
        There are no channels or more than eight.
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
    """Look for samples that are no numbers in ``block (..., samples)``.

    Parameters
    ----------
    start
        Where in the song it begins.

    Raises
    ------
    ValueError
        There is one; the message tells the time of the first.
    """
    finite = np.isfinite(block).all(axis=tuple(range(block.ndim - 1)))
    if not finite.all():
        seconds = (start + int(np.argmin(finite))) / sample_rate
        raise ValueError(
            f"The audio has a sample that is not a finite number at {seconds:.3f} s: "
            "repair or re-export the file."
        )


def as_samples(block: NDArray[np.floating]) -> NDArray[np.float32]:
    """A caller's samples as this package has them; not copied where they are so already.

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
        They are no floats: full scale of whole numbers is not 1. Or there are more axes.
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
    """The same for a model of so many channels, to all of which mono goes.

    Raises
    ------
    ValueError
        See :func:`as_samples`; or there is another number of channels.
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
    """Refuse a sample rate that is not the model's.

    Parameters
    ----------
    given
        Of the audio, in Hz; None: not known, and taken for right.
    wanted
        The model's, in Hz.

    Raises
    ------
    ValueError
        They differ.
    """
    if given is not None and given != wanted:
        raise ValueError(
            f"The audio has {given} samples a second, and the model takes {wanted}: resample it, "
            "or give the file to separate_file()."
        )


class Meter:
    """Mean and standard deviation of a song's mono mix-down, block by block.

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
            A sample is infinite or not a number.
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
        """The song that was fed.

        Its standard deviation is the unbiased one plus 1e-8, so that silence can be divided by it.
        """
        std = (self._squares / max(1, self.length - 1)) ** 0.5 + 1e-8
        return SongStatistics(self.length, self._mean, std)


def measure(blocks: Iterable[NDArray[np.floating]], sample_rate: int) -> SongStatistics:
    """Measure a song that comes in blocks: see :class:`Meter`.

    Parameters
    ----------
    blocks
        ``(channels, samples)`` floats with full scale at +-1, or ``(samples,)`` for mono, one
        after the other, of any lengths: they do not change what comes out. They are not kept, so a
        buffer may be filled again for the next one.
    sample_rate
        In Hz.

    Raises
    ------
    ValueError
        A sample is infinite or not a number, or samples are whole numbers.
    """
    meter = Meter(sample_rate)
    for block in regular(map(as_samples, blocks), MEASURE_BLOCK):
        meter.update(block)
    return meter.finish()


def regular(blocks: Iterable[NDArray[np.float32]], length: int) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(channels, samples)`` cut and joined to one length; only the last may be shorter.

    What comes out holds until the next one is asked for.
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
            pending.append(block[:, start:].copy())  # the caller may use its buffer again
            have += block.shape[1] - start
    if pending:
        yield _joined(pending)


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
