"""BS-RoFormer (Lu, Wang, Kong & Hung, ICASSP 2024) and Mel-Band RoFormer (Wang, Lu & Won, 2023).

The spectrogram is divided into bands of frequencies. Each band of a frame becomes a vector, and
transformers with rotary positions attend alternately along time and along the bands. From each
vector follows a complex mask for the frequencies of its band. The bands of a BS-RoFormer lie side
by side; those of a Mel-Band RoFormer are as wide as filters on the mel scale and overlap, and masks
of the same frequency are averaged. Source: models/bs_roformer/bs_roformer.py and
mel_band_roformer.py of https://github.com/ZFTurbo/Music-Source-Separation-Training, at inference.

Arrays have no batch axis: ``(channels, bands, frames)``. Parameters are nested dicts under
PyTorch's names, passed to the function that uses them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops.activation import tanh
from py_demixer.ops.layout import put_row, take_rows, transpose, zeros
from py_demixer.ops.linear import linear
from py_demixer.ops.mask import append_remainder, apply_masks
from py_demixer.ops.mel import mel_filters
from py_demixer.ops.norm import rms_norm
from py_demixer.ops.residual import add, copy
from py_demixer.ops.stft import analyse_interleaved, synthesise_interleaved
from py_demixer.ops.transformer import attention_branch, feed_forward_branch

from .network import Shapes, layer_shapes
from .segmented import Segmented

HIDDEN = 4  # width of the hidden layers of the transformers, relative to that of the vectors

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """Dimensions that differ between trained models; the defaults are those of common ones.

    Attributes
    ----------
    sources
        Names of the stems. With ``remainder``, the network makes all but the last.
    remainder
        Whether the last stem is what the others leave of the mixture.
    n_fft, hop, scaled
        See :func:`py_demixer.ops.stft.analyse_interleaved`.
    sizes
        The number of frequencies in each band, from the lowest band on; empty for mel bands.
    mel_bands
        The number of mel bands, if there are such.
    width
        Length of the vectors.
    depth
        Number of layers: pairs of transformers.
    depths
        Number of blocks of the transformers along time and along the bands.
    heads, head_width
        Number of attention heads, and the length of their queries, keys and values.
    mask_width, mask_depth
        Width and number of the hidden layers of the networks that estimate masks.
    skips
        Whether the input of a layer is the sum of the outputs of all layers before it.
    drops_dc
        Whether frequency 0 of the stems is set to zero.
    normalised
        See :attr:`py_demixer.models.bag.SegmentNetwork.normalises`.
    """

    sources: tuple[str, ...] = ("vocals", "instrumental")
    remainder: bool = True
    sample_rate: int = 44100
    segment_length: int = 352800  # samples, 8 s
    audio_channels: int = 2
    n_fft: int = 2048
    hop: int = 441
    scaled: bool = False
    sizes: tuple[int, ...] = ()
    mel_bands: int = 60
    width: int = 384
    depth: int = 6
    depths: tuple[int, int] = (1, 1)
    heads: int = 8
    head_width: int = 64
    mask_width: int = 1536
    mask_depth: int = 2
    skips: bool = False
    drops_dc: bool = True
    normalised: bool = False

    @property
    def estimated(self) -> int:
        """Number of stems for which masks are estimated."""
        return len(self.sources) - self.remainder

    @property
    def bands(self) -> tuple[tuple[int, int], ...]:
        """The first frequency of each band, and the first one above it."""
        if not self.sizes:
            return mel_bands(self.sample_rate, self.n_fft, self.mel_bands)
        edges = (0, *itertools.accumulate(self.sizes))
        return tuple(itertools.pairwise(edges))

    def rows(self, band: tuple[int, int]) -> slice:
        """Where the numbers of a band are in a frame of the spectrogram."""
        start, stop = band
        return slice(2 * self.audio_channels * start, 2 * self.audio_channels * stop)

    @property
    def shares(self) -> NDArray[np.float32]:
        """The share of each band's mask in the masks of the frequencies, ``(frequencies,)``."""
        counts = np.zeros(self.n_fft // 2 + 1, np.float32)
        for start, stop in self.bands:
            counts[start:stop] += 1
        shares = np.reciprocal(np.maximum(counts, 1))
        shares[0] *= not self.drops_dc
        return shares


def mel_bands(sample_rate: int, n_fft: int, count: int) -> tuple[tuple[int, int], ...]:
    """The first frequency in each mel filter, and the first one above it.

    As the original, this adds the lowest and the highest frequency, on which no filter depends.
    """
    inside = mel_filters(sample_rate, n_fft, count) > 0
    inside[0, 0] = inside[-1, -1] = True
    starts, after = inside.argmax(axis=1), inside.shape[1] - inside[:, ::-1].argmax(axis=1)
    return tuple((int(start), int(stop)) for start, stop in zip(starts, after, strict=True))


class RoFormer(Segmented):
    """The network: one segment of the mixture in, its stems out.

    Segments may have any length, but those of a song are as long as those that the network was
    trained with. See :class:`py_demixer.models.segmented.Segmented`.
    """

    architecture: ClassVar[str] = "roformer"
    pads_segments: ClassVar[bool] = True
    config: Config

    @classmethod
    def default_config(cls) -> Config:
        """The dimensions of common models."""
        return Config()

    @classmethod
    def shapes(cls, config: Config) -> Shapes:
        """PyTorch's names of all parameters, with their shapes.

        The angular frequencies that checkpoints have for each attention are not among them: they
        are always the same, see :func:`py_demixer.ops.transformer.rotations`.
        """
        shapes: Shapes = {}
        sizes = [config.rows(band).stop - config.rows(band).start for band in config.bands]
        for number, size in enumerate(sizes):
            name = f"band_split.to_features.{number}"
            shapes[f"{name}.0.gamma"] = (size,)
            shapes |= layer_shapes(f"{name}.1", (config.width, size))
        for layer, way in itertools.product(range(config.depth), (0, 1)):
            shapes |= _transformer_shapes(f"layers.{layer}.{way}", config, config.depths[way])
        if config.sizes:
            shapes["final_norm.gamma"] = (config.width,)
        inner = (config.width, *(config.mask_width,) * config.mask_depth)
        for stem, (number, size) in itertools.product(range(config.estimated), enumerate(sizes)):
            name = f"mask_estimators.{stem}.to_freqs.{number}.0"
            widths = (*inner, 2 * size)
            for place, (into, out) in enumerate(itertools.pairwise(widths)):
                shapes |= layer_shapes(f"{name}.{2 * place}", (out, into))
        return shapes

    def filled(self, length: int) -> int:
        """Segments that are too short to be reflected at their ends are padded with zeros."""
        return max(length, self.config.n_fft // 2 + 1)

    def input_for(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """The numbers of the spectrogram, and then the segment.

        The spectrogram belongs to the input because it needs float64, see
        :func:`py_demixer.ops.stft.analyse_interleaved`.
        """
        padded = super().input_for(mixture)
        out = np.zeros((self.input_rows, padded.shape[1]), np.float32)
        spectrum, whole = self._parted(out)
        whole[:] = padded
        n_fft, hop, scaled = self.config.n_fft, self.config.hop, self.config.scaled
        spectrum[:] = analyse_interleaved(padded, n_fft=n_fft, hop=hop, scaled=scaled)
        return out

    @property
    def input_rows(self) -> int:
        """The channels, and room for the spectrogram of a segment of any length."""
        each = self.config.rows((0, 1)).stop
        return self.channels + -(-self._numbers // self.config.hop) + each

    @property
    def _numbers(self) -> int:
        """Numbers in a frame of the spectrogram."""
        return self.config.rows((0, self.config.n_fft // 2 + 1)).stop

    def _parted(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Views of the network's input: the spectrogram and the mixture."""
        shape, rows = (self._numbers, 1 + x.shape[1] // self.config.hop), len(x) - self.channels
        return x[:rows].reshape(-1)[: math.prod(shape)].reshape(shape), x[rows:]

    def network(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`py_demixer.models.segmented.Segmented.network`."""
        config, length = self.config, x.shape[1]
        n_fft, hop, scaled = config.n_fft, config.hop, config.scaled
        spectrum, mixture = self._parted(x)
        trace.step("spectrum", spectrum)
        masks = self._masks(self._transform(self._split(spectrum)), spectrum)
        spectra = apply_masks(trace.step("mask_estimators", masks), spectrum, config.shares)
        out = synthesise_interleaved(
            spectra, n_fft=n_fft, hop=hop, scaled=scaled, channels=self.channels, length=length
        )
        if config.remainder:
            out = append_remainder(out, mixture)
        return trace.step("stems", out.reshape(len(self.sources), self.channels, length))

    def _split(self, spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
        """A vector for each band of each frame (``BandSplit``)."""
        bands, layers = self.config.bands, self.params["band_split"]["to_features"]
        shape = (self.config.width, len(bands), spectrum.shape[1])
        x = zeros(spectrum, shape=shape)
        for number, band in enumerate(bands):
            p = layers[str(number)]
            part = rms_norm(spectrum[self.config.rows(band)], p["0"]["gamma"])
            put_row(x, linear(part, **p["1"]), row=number)
        return trace.step("band_split", x)

    def _transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """All layers, each along time and then along the bands, and the last norm; overwrites x."""
        total = None
        for layer in range(self.config.depth):
            if total is not None:
                add(x, total)
            for way in (0, 1):
                name = f"layers.{layer}.{way}"
                x = trace.step(name, _transformer(x, self.params["layers"][str(layer)][str(way)]))
                x = transpose(x)
            if self.config.skips:
                total = copy(x) if total is None else add(total, x)
        return _normed(x, self.params["final_norm"]) if self.config.sizes else x

    def _masks(self, x: NDArray[np.float32], spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sums of the masks of all bands, for every stem (``MaskEstimator``)."""
        bands, (size, frames) = self.config.bands, spectrum.shape
        masks = zeros(spectrum, shape=(self.config.estimated * size, frames))
        for stem in range(self.config.estimated):
            layers = self.params["mask_estimators"][str(stem)]["to_freqs"]
            mask = masks[stem * size : (stem + 1) * size]
            for number, band in enumerate(bands):
                vectors = take_rows(x, start=number, stop=number + 1)[:, 0]
                add(mask[self.config.rows(band)], _estimated(vectors, layers[str(number)]["0"]))
        return masks


def _transformer(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    """Blocks of attention along the last axis and feed-forward layers (``Transformer``)."""
    for block in range(len(p["layers"])):
        attention, layers = p["layers"][str(block)]["0"], p["layers"][str(block)]["1"]["net"]
        attention_branch(
            x,
            attention["norm"]["gamma"],
            attention["to_qkv"]["weight"],
            attention["to_gates"]["weight"],
            attention["to_gates"]["bias"],
            attention["to_out"]["0"]["weight"],
        )
        into, out = ((layers[place]["weight"], layers[place]["bias"]) for place in ("1", "4"))
        feed_forward_branch(x, layers["0"]["gamma"], *into, *out)
    return _normed(x, p["norm"]) if "norm" in p else x


def _normed(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    return rms_norm(x.reshape(len(x), -1), p["gamma"], overwrite=True).reshape(x.shape)


def _estimated(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    """The masks of a band from its vectors: linear layers with tanh between and GLU at the end."""
    *hidden, last = sorted(p, key=int)
    for place in hidden:
        x = tanh(linear(x, **p[place]))
    return linear(x, **p[last], activation="glu")


# ---- shapes of parameters -----------------------------------------------------------------------


def _transformer_shapes(name: str, config: Config, depth: int) -> Shapes:
    width, inner = config.width, config.heads * config.head_width
    shapes: Shapes = {} if config.sizes else {f"{name}.norm.gamma": (width,)}
    for block in range(depth):
        attention, layers = f"{name}.layers.{block}.0", f"{name}.layers.{block}.1.net"
        shapes[f"{attention}.norm.gamma"] = (width,)
        shapes[f"{attention}.to_qkv.weight"] = (3 * inner, width)
        shapes |= layer_shapes(f"{attention}.to_gates", (config.heads, width))
        shapes[f"{attention}.to_out.0.weight"] = (width, inner)
        shapes[f"{layers}.0.gamma"] = (width,)
        shapes |= layer_shapes(f"{layers}.1", (HIDDEN * width, width))
        shapes |= layer_shapes(f"{layers}.4", (width, HIDDEN * width))
    return shapes
