"""Short-time Fourier transforms and their inverses, as the models were trained with them.

Windows overlap by three quarters, those of RoFormers by any share. They are Hann windows; only
SCNet's are rectangular. Demucs' transform (:func:`stft`, :func:`istft`), SCNet's
(:func:`analyse_rectangular`, :func:`synthesise_rectangular`) and that of RoFormers
(:func:`analyse_interleaved`, :func:`synthesise_interleaved`) take a segment as a whole;
Open-Unmix's (:class:`Centred`) takes any part of a song.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .operation import Shape, operation
from .subnormal import drop_subnormals


def hann(n_fft: int) -> NDArray[np.float32]:
    """The periodic Hann window, float32."""
    return _exact_hann(n_fft).astype(np.float32)


def _exact_hann(n_fft: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def stft(x: NDArray[np.float32], n_fft: int) -> NDArray[np.complex64]:
    """Hybrid Demucs' spectrogram with hop ``n_fft / 4``.

    Source: ``_spec`` of demucs/htdemucs.py and demucs/hdemucs.py. There, ``torch.stft`` pads and
    centres the signal, and the caller pads it once more and then drops two frames at each end, so
    that ``length / hop`` frames remain. Those frames see the signal reflected by ``1.5 hop`` at
    both ends, and only that is computed here. The result is scaled by ``1 / sqrt(n_fft)``, and the
    Nyquist bin is dropped.

    Parameters
    ----------
    x
        ``(channels, length)`` float32.
    n_fft
        Length of a frame in samples, a multiple of 8.

    Returns
    -------
    NDArray[np.complex64]
        ``(channels, n_fft / 2, ceil(length / hop))`` complex64.
    """
    hop = n_fft // 4
    frames = -(-x.shape[1] // hop)
    pad = margin(n_fft)
    padded = _reflected(x, pad, pad + frames * hop - x.shape[1])
    spectrum = _transformed(_windows(padded, frames, n_fft, hop), norm="ortho")
    return np.ascontiguousarray(spectrum[:, :, :-1].swapaxes(1, 2))


def istft(z: NDArray[np.complex64], n_fft: int, length: int) -> NDArray[np.float32]:
    """The signal of a spectrogram made by :func:`stft`: ``_ispec`` of demucs/htdemucs.py.

    Parameters
    ----------
    z
        ``(channels, n_fft / 2, frames)`` complex64.
    length
        Length of the signal in samples.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, length)`` float32.
    """
    channels, bins, frames = z.shape
    spectrum = np.zeros((channels, frames, bins + 1), np.complex64)
    spectrum[:, :, :-1] = z.swapaxes(1, 2)
    # Annotated because NumPy's stubs say float64, but the result has the precision of the input.
    windows: NDArray[Any] = np.fft.irfft(spectrum, n_fft, axis=2, norm="ortho")
    # In the part that is kept, four Hann windows overlap everywhere: their squares sum to 3/2.
    windows *= hann(n_fft) / np.float32(1.5)
    pad = margin(n_fft)
    return drop_subnormals(_overlap_add(windows, n_fft // 4)[:, pad : pad + length])


def _spectra(x: NDArray[np.float32], *, n_fft: int) -> Shape:
    """The shape of the result of :func:`analyse`."""
    return 2 * len(x), n_fft // 2, -(-x.shape[1] // (n_fft // 4))


@operation(_spectra)
def analyse(x: NDArray[np.float32], *, n_fft: int) -> NDArray[np.float32]:
    """:func:`stft` with real and imaginary parts as channels: ``_magnitude`` of demucs/htdemucs.py.

    Returns
    -------
    NDArray[np.float32]
        ``(2 channels, n_fft / 2, frames)`` float32: for each channel, real and imaginary parts.
    """
    z = stft(x, n_fft)
    return np.stack([z.real, z.imag], axis=1).reshape(-1, *z.shape[1:])


def _waveforms(x: NDArray[np.float32], *, n_fft: int, length: int) -> Shape:
    """The shape of the result of :func:`synthesise`."""
    return len(x) // 2, length


@operation(_waveforms)
def synthesise(x: NDArray[np.float32], *, n_fft: int, length: int) -> NDArray[np.float32]:
    """The inverse of :func:`analyse`: :func:`istft`, channel by channel.

    Parameters
    ----------
    x
        ``(2 channels, n_fft / 2, frames)`` float32.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, length)`` float32.
    """
    pairs = x.reshape(-1, 2, *x.shape[1:])
    out = np.empty((len(pairs), length), np.float32)
    spectrum = np.empty((1, *x.shape[1:]), np.complex64)
    for waveform, (real, imaginary) in zip(out, pairs, strict=True):
        spectrum.real, spectrum.imag = real, imaginary
        waveform[:] = istft(spectrum, n_fft, length)[0]
    return out


def _rectangular_spectra(x: NDArray[np.float32], *, n_fft: int) -> Shape:
    """The shape of the result of :func:`analyse_rectangular`."""
    return 2 * len(x), n_fft // 2 + 1, 1 + x.shape[1] // (n_fft // 4)


@operation(_rectangular_spectra)
def analyse_rectangular(x: NDArray[np.float32], *, n_fft: int) -> NDArray[np.float32]:
    """SCNet's spectrogram: rectangular windows with hop ``n_fft / 4``, scaled, all bins.

    Frame ``t`` is centred at sample ``t hop``; the signal is reflected at its ends. Source:
    ``forward`` of scnet/SCNet.py: ``torch.stft`` with ``normalized=True`` and without a window.

    Parameters
    ----------
    x
        ``(channels, length)`` float32, a multiple of the hop and longer than ``n_fft / 2``.
    n_fft
        Length of a frame in samples, a multiple of 4.

    Returns
    -------
    NDArray[np.float32]
        ``(2 channels, n_fft / 2 + 1, 1 + length / hop)`` float32: for each channel, real and
        imaginary parts.
    """
    _, bins, frames = shape = _rectangular_spectra(x, n_fft=n_fft)
    padded = np.pad(x, ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
    z = _transformed(_frames(padded, frames, n_fft, n_fft // 4), norm="ortho").swapaxes(1, 2)
    out = np.empty((len(x), 2, bins, frames), np.float32)
    out[:, 0], out[:, 1] = z.real, z.imag
    return out.reshape(shape)


def _rectangular_waveforms(x: NDArray[np.float32], *, n_fft: int) -> Shape:
    """The shape of the result of :func:`synthesise_rectangular`."""
    return len(x) // 2, (x.shape[2] - 1) * (n_fft // 4)


@operation(_rectangular_waveforms)
def synthesise_rectangular(x: NDArray[np.float32], *, n_fft: int) -> NDArray[np.float32]:
    """The inverse of :func:`analyse_rectangular`: ``torch.istft``.

    Parameters
    ----------
    x
        ``(2 channels, n_fft / 2 + 1, frames)`` float32.

    Returns
    -------
    NDArray[np.float32]
        ``(channels, (frames - 1) hop)`` float32.
    """
    pairs, frames = x.reshape(-1, 2, *x.shape[1:]), x.shape[2]
    out = np.empty(_rectangular_waveforms(x, n_fft=n_fft), np.float32)
    spectrum = np.empty((1, frames, x.shape[1]), np.complex64)
    centre = n_fft // 2
    ones = np.ones((1, frames, n_fft), np.float32)
    overlaps = _overlap_add(ones, n_fft // 4)[0, centre:-centre]
    for waveform, (real, imaginary) in zip(out, pairs, strict=True):
        spectrum.real, spectrum.imag = real.T, imaginary.T
        windows: NDArray[Any] = np.fft.irfft(spectrum, n_fft, axis=2, norm="ortho")
        np.divide(_overlap_add(windows, n_fft // 4)[0, centre:-centre], overlaps, out=waveform)
        drop_subnormals(waveform)
    return out


def analyse_interleaved(
    x: NDArray[np.float32], *, n_fft: int, hop: int, scaled: bool
) -> NDArray[np.float32]:
    """The spectrogram of RoFormers: the numbers of a frequency are side by side.

    Frame ``t`` is centred at sample ``t hop``; the signal is reflected at its ends. It is computed
    in float64: the network normalises each band of a frame by itself, so where a song has hardly
    anything, float32's rounding errors would become features. Source: ``forward`` of
    bs_roformer.py: ``torch.stft`` with a Hann window, then ``rearrange``.

    Parameters
    ----------
    x
        ``(channels, length)`` float32, longer than ``n_fft / 2``.
    n_fft
        Length of a frame in samples, even.
    hop
        Samples between frames.
    scaled
        Whether the result is divided by the square root of ``n_fft``.

    Returns
    -------
    NDArray[np.float32]
        ``((n_fft / 2 + 1) channels 2, 1 + length // hop)`` float32: for each frequency, real and
        imaginary part of every channel.
    """
    frames = 1 + x.shape[1] // hop
    padded = np.pad(x, ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
    parts = _frames(padded, frames, n_fft, hop)
    out = np.empty((n_fft // 2 + 1, len(x), 2, frames), np.float32)
    for channel, part in enumerate(parts):
        z = np.fft.rfft(part * _exact_hann(n_fft), axis=1, norm="ortho" if scaled else "backward").T
        out[:, channel, 0], out[:, channel, 1] = z.real, z.imag
    return drop_subnormals(out.reshape(-1, frames))


def _interleaved_waveforms(
    x: NDArray[np.float32], *, n_fft: int, hop: int, scaled: bool, channels: int, length: int
) -> Shape:
    """The shape of the result of :func:`synthesise_interleaved`."""
    return len(x) // (n_fft + 2), length


@operation(_interleaved_waveforms)
def synthesise_interleaved(
    x: NDArray[np.float32], *, n_fft: int, hop: int, scaled: bool, channels: int, length: int
) -> NDArray[np.float32]:
    """The inverse of :func:`analyse_interleaved`: ``torch.istft``, for several signals.

    Parameters
    ----------
    x
        ``(signals (n_fft / 2 + 1) channels 2, frames)`` float32.
    channels
        Number of channels of a signal.
    length
        Length of the signals in samples; ``frames`` is ``1 + length // hop``.

    Returns
    -------
    NDArray[np.float32]
        ``(signals channels, length)`` float32.
    """
    frames, kept = x.shape[1], slice(n_fft // 2, n_fft // 2 + length)
    parts = x.reshape(-1, n_fft // 2 + 1, channels, 2, frames)
    out = np.empty((len(parts), channels, length), np.float32)
    spectrum = np.empty((1, frames, n_fft // 2 + 1), np.complex64)
    window = hann(n_fft)
    overlaps = _overlap_add(np.tile(window**2, (1, frames, 1)), hop)[0, kept]
    for place in np.ndindex(out.shape[:2]):
        real, imaginary = parts[place[0], :, place[1]].transpose(1, 2, 0)
        spectrum.real, spectrum.imag = real, imaginary
        norm: Literal["backward", "ortho"] = "ortho" if scaled else "backward"
        windows: NDArray[Any] = np.fft.irfft(spectrum, n_fft, axis=2, norm=norm)
        windows *= window
        np.divide(_overlap_add(windows, hop)[0, kept], overlaps, out=out[place])
    return drop_subnormals(out.reshape(-1, length))


@dataclass(frozen=True)
class Centred:
    """Open-Unmix's transform of a song of ``length`` samples, some frames at a time.

    Frame ``t`` is centred at sample ``t hop``; the song is reflected at its ends. Source:
    ``TorchSTFT`` and ``TorchISTFT`` of openunmix/transforms.py: ``torch.stft`` with ``center=True``
    and no normalisation.
    """

    length: int
    n_fft: int

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return self.n_fft // 4

    @property
    def frames(self) -> int:
        """Number of frames of the whole song."""
        return 1 + self.length // self.hop

    def reach(self, first: int, count: int) -> tuple[int, int]:
        """The samples [start, stop) of the song from which ``count`` frames are computed."""
        begin, end = self._seen(first, count)
        beyond = max(0, end - self.length)
        start = min(begin, self.length - 1 - beyond)  # includes the samples reflected at the end
        return max(0, start), min(self.length, max(end, 1 - begin))

    def analyse(
        self, samples: NDArray[np.float32], first: int, count: int
    ) -> NDArray[np.complex64]:
        """The spectrogram of ``count`` frames.

        Parameters
        ----------
        samples
            ``(channels, stop - start)`` float32: the part of the song given by :meth:`reach`.
        first
            Index of the first frame.

        Returns
        -------
        NDArray[np.complex64]
            ``(channels, n_fft / 2 + 1, count)`` complex64.
        """
        start, _ = self.reach(first, count)
        begin, end = self._seen(first, count)
        before, after = max(0, -begin), max(0, end - self.length)
        # np.pad reflects a very short song as often as needed.
        padded = np.pad(samples, ((0, 0), (before, after)), mode="reflect")
        skipped = max(0, begin) - start
        seen = padded[:, skipped : skipped + end - begin]
        spectrum = _transformed(_windows(seen, count, self.n_fft, self.hop))
        return spectrum.swapaxes(1, 2)

    def synthesise(self, spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
        """The contribution of some frames to the song, to be added to that of their neighbours.

        Parameters
        ----------
        spectrum
            ``(channels, n_fft / 2 + 1, count)`` complex64.

        Returns
        -------
        NDArray[np.float32]
            ``(channels, (count + 3) hop)`` float32. The first sample is where the first frame
            begins, ``2 hop`` before its centre. The sum must be divided by :meth:`weight`.
        """
        windows: NDArray[Any] = np.fft.irfft(spectrum.swapaxes(1, 2), self.n_fft, axis=2)
        windows *= hann(self.n_fft)
        return _overlap_add(windows, self.hop)

    def weight(self, start: int, stop: int) -> NDArray[np.float32]:
        """The sum of the squared windows of all the song's frames at samples [start, stop)."""
        first = max(0, start // self.hop - 1)
        last = min(self.frames - 1, (stop - 1) // self.hop + 2)
        count = last + 1 - first
        squares = np.tile(hann(self.n_fft) ** 2, (1, count, 1))
        begin = start - self._seen(first, count)[0]
        return _overlap_add(squares, self.hop)[0, begin : begin + stop - start]

    def _seen(self, first: int, count: int) -> tuple[int, int]:
        """Start and stop of the samples covered by the frames, which may lie outside the song."""
        begin = first * self.hop - self.n_fft // 2
        return begin, begin + (count - 1) * self.hop + self.n_fft


def _reflected(x: NDArray[np.float32], left: int, right: int) -> NDArray[np.float32]:
    """Pad ``x`` with its reflections on both sides: ``pad1d`` of demucs/hdemucs.py.

    A signal too short for that is first padded with zeros: on the right, at most ``right`` of them,
    and the rest on the left.
    """
    missing = max(0, max(left, right) + 1 - x.shape[1])
    after = min(right, missing)
    before = missing - after
    filled = np.pad(x, ((0, 0), (before, after)))
    return np.pad(filled, ((0, 0), (left - before, right - after)), mode="reflect")


def _windows(x: NDArray[np.float32], frames: int, n_fft: int, hop: int) -> NDArray[np.float32]:
    """Windowed frames of ``x (channels, samples)``: ``(channels, frames, n_fft)``."""
    # C order even if channels are interleaved
    return np.multiply(_frames(x, frames, n_fft, hop), hann(n_fft), order="C")


def _frames(x: NDArray[np.float32], frames: int, n_fft: int, hop: int) -> NDArray[np.float32]:
    """Views of the frames of ``x (channels, samples)``: ``(channels, frames, n_fft)``."""
    # Not sliding_window_view: it has a window at every sample, and their size overflows 32 bits in
    # WASM.
    channel, sample = x.strides
    steps = (channel, hop * sample, sample)
    shape = (len(x), frames, n_fft)
    return np.lib.stride_tricks.as_strided(x, shape, steps, writeable=False)


def _transformed(
    windows: NDArray[np.float32], norm: Literal["backward", "ortho"] = "backward"
) -> NDArray[np.complex64]:
    """The Fourier transforms of windows, without the subnormal numbers of songs that fade out."""
    spectrum: NDArray[Any] = np.fft.rfft(windows, axis=2, norm=norm)
    drop_subnormals(spectrum.view(np.float32))
    return spectrum


def _overlap_add(windows: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Overlap-add: ``(channels, frames, n_fft)`` -> ``(channels, (frames - 1 + parts) hop)``.

    ``parts`` is the number of hops that a window covers, the last one perhaps not as a whole.
    """
    channels, frames, n_fft = windows.shape
    starts = range(0, n_fft, hop)
    out = np.zeros((channels, frames - 1 + len(starts), hop), np.float32)
    for first, start in enumerate(starts):
        part = windows[:, :, start : start + hop]
        out[:, first : first + frames, : part.shape[2]] += part
    return out.reshape(channels, -1)


def margin(n_fft: int) -> int:
    """Number of reflected samples on either side of a segment: 1.5 hops."""
    return n_fft // 8 * 3
