"""Short-time Fourier transform and its inverse, with the padding HTDemucs was trained with.

Source: ``_spec`` and ``_ispec`` of demucs/htdemucs.py. There ``torch.stft`` pads and centres the
signal, the caller pads it once more and then drops two frames at each end, so that ``length / hop``
frames remain; what those frames see is the signal reflected by ``1.5 hop`` at both ends, which is
all that is computed here. Windows are Hann, transforms are scaled by ``1 / sqrt(n_fft)``, and the
Nyquist bin is dropped.
"""

from __future__ import annotations

import numpy as np


def hann(n_fft: int) -> np.ndarray:
    """The periodic Hann window, float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def stft(x: np.ndarray, n_fft: int) -> np.ndarray:
    """Spectrogram with hop ``n_fft / 4``.

    Args:
        x: ``(channels, length)`` float32, longer than ``n_fft``.
        n_fft: a multiple of 8.

    Returns:
        ``(channels, n_fft / 2, ceil(length / hop))`` complex64.
    """
    hop = n_fft // 4
    frames = -(-x.shape[1] // hop)
    pad = _margin(n_fft)
    padded = np.pad(x, ((0, 0), (pad, pad + frames * hop - x.shape[1])), mode="reflect")
    # Not sliding_window_view: its windows at every sample are more than 32 bits can count (WASM).
    channel, sample = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded, (len(x), frames, n_fft), (channel, hop * sample, sample), writeable=False
    )
    spectrum = np.fft.rfft(windows * hann(n_fft), axis=2, norm="ortho")
    return np.ascontiguousarray(spectrum[:, :, :-1].swapaxes(1, 2))


def istft(z: np.ndarray, n_fft: int, length: int) -> np.ndarray:
    """The signal of a spectrogram made by :func:`stft`, by windowed overlap-add.

    Args:
        z: ``(channels, n_fft / 2, frames)`` complex64.
        length: of the signal, in samples.

    Returns:
        ``(channels, length)`` float32.
    """
    hop = n_fft // 4
    channels, bins, frames = z.shape
    spectrum = np.zeros((channels, frames, bins + 1), np.complex64)
    spectrum[:, :, :-1] = z.swapaxes(1, 2)
    windows = np.fft.irfft(spectrum, n_fft, axis=2, norm="ortho")
    # Four Hann windows overlap everywhere in the part that is kept: their squares sum to 3/2.
    windows *= hann(n_fft) / np.float32(1.5)
    out = np.zeros((channels, frames + 3, hop), np.float32)
    for quarter, part in enumerate(np.split(windows, 4, axis=2)):
        out[:, quarter : quarter + frames] += part
    pad = _margin(n_fft)
    return out.reshape(channels, -1)[:, pad : pad + length]


def _margin(n_fft: int) -> int:
    """Samples of reflection on either side: 1.5 hops."""
    return n_fft // 8 * 3
