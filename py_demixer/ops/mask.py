"""Complex masks of spectrograms, and what the masked signals leave of the mixture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .operation import Shape, operation
from .subnormal import drop_subnormals


@operation()
def apply_masks(
    masks: NDArray[np.float32], spectrum: NDArray[np.float32], shares: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Multiply masks by a spectrogram, in place.

    Parameters
    ----------
    masks
        ``(signals frequencies channels 2, frames)`` float32.
    spectrum
        ``(frequencies channels 2, frames)`` float32, as from
        :func:`py_demixer.ops.stft.analyse_interleaved`.
    shares
        ``(frequencies,)`` float32: a factor for the masks of each frequency.

    Returns
    -------
    NDArray[np.float32]
        The masks, which are now the spectrograms of the signals.
    """
    frames = masks.shape[1]
    pairs = spectrum.reshape(len(shares), -1, 2, frames)
    for mask in masks.reshape(-1, *pairs.shape):
        mask *= shares[:, None, None, None]
        real, imaginary = mask[:, :, 0] * pairs[:, :, 1], mask[:, :, 1] * pairs[:, :, 1]
        mask *= pairs[:, :, :1]
        mask[:, :, 0] -= imaginary
        mask[:, :, 1] += real
    return drop_subnormals(masks)


def _with_one_more(signals: NDArray[np.float32], mixture: NDArray[np.float32]) -> Shape:
    """The shape of the result of :func:`append_remainder`."""
    return len(signals) + len(mixture), mixture.shape[1]


@operation(_with_one_more)
def append_remainder(
    signals: NDArray[np.float32], mixture: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The signals, followed by the mixture minus their sum.

    Parameters
    ----------
    signals
        ``(signals channels, length)`` float32.
    mixture
        ``(channels, length)`` float32.

    Returns
    -------
    NDArray[np.float32]
        ``((signals + 1) channels, length)`` float32.
    """
    remainder = mixture - signals.reshape(-1, *mixture.shape).sum(axis=0)
    return np.concatenate([signals, drop_subnormals(remainder)])
