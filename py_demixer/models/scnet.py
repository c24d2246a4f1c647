"""SCNet, the sparse compression network (Tong, Zhu, Chen, Kang, Jiang, Li, Wu & Meng, ICASSP 2024).

An encoder, layers of LSTMs and a decoder work on the spectrogram. The encoder compresses high
frequencies, which carry little information, more than low ones: it splits the frequencies into
three bands, each with a stride and a depth of its own. The LSTMs run alternately along frequency
and along time, and every other layer sees the spectrum over time instead of time itself. Source:
scnet/SCNet.py and separation.py of https://github.com/starrytong/SCNet, at inference.

Arrays have no batch axis: ``(channels, frequencies, frames)``. Parameters are nested dicts under
PyTorch's names, passed as keyword arguments to the function that uses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops.conv import conv2d, conv_transpose2d
from py_demixer.ops.fourier import row_signals, row_spectra
from py_demixer.ops.layout import join_rows, take_rows, transpose
from py_demixer.ops.linear import linear
from py_demixer.ops.lstm import bidirectional_lstm
from py_demixer.ops.norm import group_norm, restore, standardise
from py_demixer.ops.residual import add, copy, gated_branch
from py_demixer.ops.stft import analyse_rectangular, synthesise_rectangular

from .network import Shapes, layer_shapes
from .segmented import Segmented

DIRECTIONS = ("l0", "l0_reverse")  # what PyTorch appends to the names of an LSTM's parameters
AROUND = ((1, 1), (1, 1))  # padding of the 3 x 3 convolutions

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """Dimensions that may differ between trained models; the defaults are those of SCNet.

    Attributes
    ----------
    widths
        Channels of the spectrogram, and of the output of each encoder. The first is twice the
        number of audio channels.
    shares
        The bands' shares of the frequencies, from the lowest band on.
    strides, kernels
        Stride and kernel of the convolution along frequency in each band.
    depths
        Number of residual branches in each band.
    compress
        By how much the residual branches reduce the number of channels.
    layers
        Number of layers of LSTMs, even.
    standardised
        Whether the network standardises its spectrogram. The authors' does since SCNet-large;
        models trained with copies of earlier versions do not.
    normalised
        See :attr:`py_demixer.models.bag.SegmentNetwork.normalises`.
    """

    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    sample_rate: int = 44100
    segment_length: int = 485100  # samples, 11 s
    audio_channels: int = 2
    n_fft: int = 4096
    widths: tuple[int, ...] = (4, 32, 64, 128)
    shares: tuple[float, float, float] = (0.175, 0.392, 0.433)
    strides: tuple[int, int, int] = (1, 4, 16)
    kernels: tuple[int, int, int] = (3, 4, 16)
    depths: tuple[int, int, int] = (3, 2, 1)
    compress: int = 4
    layers: int = 6
    standardised: bool = True
    normalised: bool = True

    def bands(self, frequencies: int) -> tuple[Band, ...]:
        """The three bands of a spectrum with this number of frequencies."""
        low, middle, _ = self.shares
        edges = (
            0,
            math.ceil(frequencies * low),
            math.ceil(frequencies * (low + middle)),
            frequencies,
        )
        sides = zip(edges[:-1], edges[1:], self.strides, self.kernels, strict=True)
        return tuple(Band(*side) for side in sides)


@dataclass(frozen=True)
class Band:
    """A band of a spectrum, and how it is compressed.

    Attributes
    ----------
    start, stop
        Its frequencies.
    stride, kernel
        Of the convolution along frequency.
    """

    start: int
    stop: int
    stride: int
    kernel: int

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros below and above it before the convolution (``SDlayer.forward``)."""
        size = self.stop - self.start
        total = self.kernel - 1 if self.stride == 1 else -size % self.stride
        return total // 2, total - total // 2

    @property
    def compressed(self) -> int:
        """Number of frequencies after the convolution."""
        size = self.stop - self.start + sum(self.padding)
        return (size - self.kernel) // self.stride + 1

    @property
    def crop(self) -> int:
        """Where it starts in the output of the transposed convolution (``SUlayer.forward``)."""
        whole = (self.compressed - 1) * self.stride + self.kernel
        return abs(self.stop - self.start - whole) // 2


class SCNet(Segmented):
    """The network: one segment of the mixture in, its stems out.

    Segments may have any length. See :class:`py_demixer.models.segmented.Segmented`.
    """

    architecture: ClassVar[str] = "scnet"
    pads_segments: ClassVar[bool] = False
    config: Config

    @classmethod
    def default_config(cls) -> Config:
        """The dimensions of SCNet."""
        return Config()

    @classmethod
    def shapes(cls, config: Config) -> Shapes:
        """PyTorch's names of all parameters, with their shapes."""
        shapes: Shapes = {}
        coders = len(config.widths) - 1
        bands = config.bands(config.n_fft // 2 + 1)
        for i, (outer, inner) in enumerate(zip(config.widths, config.widths[1:], strict=False)):
            encoder, decoder = f"encoder.{i}", f"decoder.{coders - 1 - i}"
            made = outer if i else outer * len(config.sources)
            for band, (of, depth) in enumerate(zip(bands, config.depths, strict=True)):
                kernel = of.kernel
                shapes |= layer_shapes(f"{encoder}.SDlayer.convs.{band}", (inner, outer, kernel, 1))
                for j in range(depth):
                    name = f"{encoder}.conv_modules.{band}.layers.{j}"
                    shapes |= _branch_shapes(name, inner, config)
                name = f"{decoder}.1.convtrs.{band}"
                shapes |= layer_shapes(name, (inner, made, kernel, 1), transposed=True)
            shapes |= layer_shapes(f"{encoder}.globalconv", (inner, inner, 3, 3))
            shapes |= layer_shapes(f"{decoder}.0.conv", (2 * inner, 2 * inner, 3, 3))
        for i in range(config.layers):
            shapes |= _dual_path_shapes(f"separation_net.dp_modules.{i}", config, i)
        return shapes

    @classmethod
    def prepared(cls, tensors: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Halve the work of the decoders, and add the two biases of the LSTMs, in float32.

        The 3 x 3 convolution of a decoder reads the same channels twice (``repeat`` in
        ``FusionLayer``). So it reads them once, with the sum of the two halves of its weights.
        """
        made = dict(tensors)
        for name, tensor in tensors.items():
            if name.startswith("decoder.") and ".0.conv." in name:
                whole = tensor.astype(np.float32)
                made[name] = np.add(*np.split(whole, 2, axis=1)) if whole.ndim > 1 else whole
            elif ".bias_ih_" in name:
                more = made.pop(name.replace("_ih_", "_hh_")).astype(np.float32)
                made[name.replace("_ih_", "_")] = made.pop(name) + more
        return made

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return self.config.n_fft // 4

    def filled(self, length: int) -> int:
        """The length to which a segment is padded with zeros: to an even number of frames.

        The original takes no segment that is too short to be reflected at its ends.
        """
        hops = length // self.hop + 1
        return self.hop * max(3, hops + (hops + 1) % 2)

    def network(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`py_demixer.models.segmented.Segmented.network`."""
        n_fft = self.config.n_fft
        x = trace.step("spectrum", analyse_rectangular(mixture, n_fft=n_fft))
        scale = standardise(x) if self.config.standardised else None
        skips: list[NDArray[np.float32]] = []
        heights: list[int] = []
        for i in range(len(self.params["encoder"])):
            heights.append(x.shape[1])
            skips.append(self._compress(x, f"encoder.{i}"))
            x = conv2d(skips[-1], **self._layer(f"encoder.{i}")["globalconv"], padding=AROUND)
            trace.step(f"encoder.{i}", x)
        x = self._separate(x)
        for i in range(len(self.params["decoder"])):
            x = self._fuse(x, skips.pop(), f"decoder.{i}")
            x = self._expand(x, heights.pop(), f"decoder.{i}")
        if scale is not None:
            restore(x, scale)
        out = synthesise_rectangular(x, n_fft=n_fft)
        return trace.step("stems", out.reshape(len(self.sources), self.channels, -1))

    def _compress(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        """An encoder before its last convolution (``SDblock``): band by band."""
        p, parts = self._layer(name), []
        for number, band in enumerate(self.config.bands(x.shape[1])):
            part = conv2d(
                take_rows(x, start=band.start, stop=band.stop),
                **p["SDlayer"]["convs"][str(number)],
                stride=(band.stride, 1),
                padding=(band.padding, (0, 0)),
            )
            trace.step(f"{name}.SDlayer.{number}", part)
            layers = p["conv_modules"][str(number)]["layers"]
            for depth in range(len(layers)):
                activation = "gelu" if depth == len(layers) - 1 else None
                gated_branch(part, *_branch(layers[str(depth)]), activation=activation)
            parts.append(part)
        return trace.step(f"{name}.skip", join_rows(*parts))

    def _separate(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """All layers of LSTMs; the odd ones see the spectrum over time (``SeparationNet``)."""
        for i in range(self.config.layers):
            name = f"separation_net.dp_modules.{i}"
            p = self.params["separation_net"]["dp_modules"][str(i)]
            add(x, _recurrent(x, p, "0"))
            trace.step(f"{name}.frequency", x)
            add(x, transpose(_recurrent(x, p, "1")))
            trace.step(name, x)
            x = row_signals(x) if i % 2 else row_spectra(x)
        return x

    def _fuse(
        self, x: NDArray[np.float32], skip: NDArray[np.float32], name: str
    ) -> NDArray[np.float32]:
        """The first part of a decoder (``FusionLayer``)."""
        conv = self._layer(name)["0"]["conv"]
        x = conv2d(add(x, skip), **conv, padding=AROUND, activation="glu")
        return trace.step(f"{name}.0", x)

    def _expand(self, x: NDArray[np.float32], height: int, name: str) -> NDArray[np.float32]:
        """The second part of a decoder (``SUlayer``): band by band, to ``height`` frequencies."""
        layers, parts, first = self._layer(name)["1"]["convtrs"], [], 0
        for number, band in enumerate(self.config.bands(height)):
            part = conv_transpose2d(
                take_rows(x, start=first, stop=first + band.compressed),
                **layers[str(number)],
                stride=band.stride,
                crop=band.crop,
                height=band.stop - band.start,
            )
            parts.append(part)
            first += band.compressed
        return trace.step(f"{name}.1", join_rows(*parts))

    def _layer(self, name: str) -> Params:
        kind, index = name.split(".")
        layer: Params = self.params[kind][index]
        return layer


def _recurrent(x: NDArray[np.float32], p: Params, path: str) -> NDArray[np.float32]:
    """Norm, LSTM in both directions and linear layer (``DualPathRNN``), without the residual.

    Path "0" runs along frequency, with the frames side by side; path "1" along time, with the
    frequencies side by side: it returns ``(channels, frames, frequencies)``.
    """
    channels, height, width = shape = x.shape
    y = group_norm(copy(x).reshape(channels, 1, -1), **p["norm_layers"][path]).reshape(shape)
    if path == "1":
        y, shape = transpose(y), (channels, width, height)
    weights = p["lstm_layers"][path]
    kinds = ("weight_ih", "weight_hh", "bias")
    y = bidirectional_lstm(y, *(weights[f"{kind}_{end}"] for end in DIRECTIONS for kind in kinds))
    y = linear(y.reshape(len(y), -1), **p["linear_layers"][path])
    return y.reshape(shape)


def _branch(layer: Params) -> list[NDArray[np.float32]]:
    """The weights of a residual branch, in the order of :func:`gated_branch`."""
    norm, into, taps, hidden_norm, out_of = (layer[name] for name in ("0", "1", "3", "4", "6"))
    return [
        *(norm["weight"], norm["bias"], into["weight"][:, :, None], into["bias"]),
        *(taps["weight"], taps["bias"], hidden_norm["weight"], hidden_norm["bias"]),
        *(out_of["weight"][:, :, None], out_of["bias"]),
    ]


# ---- shapes of parameters -----------------------------------------------------------------------


def _branch_shapes(name: str, channels: int, config: Config) -> Shapes:
    hidden = channels // config.compress
    return (
        layer_shapes(f"{name}.0", (channels,))
        | layer_shapes(f"{name}.1", (2 * hidden, channels, 3))
        | layer_shapes(f"{name}.3", (hidden, 1, 3))
        | layer_shapes(f"{name}.4", (hidden,))
        | layer_shapes(f"{name}.6", (channels, hidden, 1))
    )


def _dual_path_shapes(name: str, config: Config, index: int) -> Shapes:
    width = config.widths[-1] * (1 + index % 2)
    shapes: Shapes = {}
    for path in ("0", "1"):
        for end in DIRECTIONS:
            for kind in ("ih", "hh"):
                shapes[f"{name}.lstm_layers.{path}.weight_{kind}_{end}"] = (4 * width, width)
                shapes[f"{name}.lstm_layers.{path}.bias_{kind}_{end}"] = (4 * width,)
        shapes |= layer_shapes(f"{name}.linear_layers.{path}", (width, 2 * width))
        shapes |= layer_shapes(f"{name}.norm_layers.{path}", (width,))
    return shapes
