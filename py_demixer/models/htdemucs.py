"""Demucs v4: the Hybrid Transformer Demucs (Rouard, Massa & Defossez, ICASSP 2023, figure 1).

Two U-Nets, one over the spectrogram and one over the waveform, that meet in a cross-domain
transformer; the sum of what they decode are the stems. Source: demucs/htdemucs.py, hdemucs.py,
demucs.py (DConv) and transformer.py of https://github.com/adefossez/demucs, at inference.

Arrays have no batch axis: ``(channels, frequencies, frames)`` in the spectral branch and
``(channels, samples)`` in the temporal one. Parameters are nested dicts under PyTorch's names and
are splatted into the function that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import stft, trace
from ..ops.attention import attention
from ..ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from ..ops.linear import linear
from ..ops.norm import group_norm, layer_norm
from ..ops.residual import add_scaled
from . import parameters

KERNEL, STRIDE = 8, 4  # of every down- and up-sampling convolution
CROP = 2  # what their padding adds: KERNEL // 4
DCONV_BYTES = 8 << 20  # of activations in flight in the residual branches of the spectral U-Net

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """What may differ between trained HTDemucs models; the defaults are the released one's."""

    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    sample_rate: int = 44100
    segment_length: int = 343980  # samples, 7.8 s
    audio_channels: int = 2
    n_fft: int = 4096
    channels: int = 48
    depth: int = 4
    dconv_compress: int = 8
    dconv_depth: int = 2
    bottom_channels: int = 512
    t_layers: int = 5
    t_heads: int = 8
    t_hidden_scale: int = 4
    freq_emb: float = 0.2
    emb_scale: float = 10.0


class HTDemucs:
    """The network: one segment of the mixture in, its stems out.

    Args:
        tensors: PyTorch's names -> arrays, float16 or float32 (see :func:`parameter_shapes`).
        config: the model's dimensions.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], config: Config | None = None) -> None:
        self.config = config or Config()
        parameters.check(tensors, parameter_shapes(self.config))
        self.params = parameters.nest(tensors)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the output."""
        return self.config.sources

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.config.sample_rate

    @property
    def channels(self) -> int:
        """Of the mixture and of each stem."""
        return self.config.audio_channels

    @property
    def segment_length(self) -> int:
        """Samples of a segment: the length the network was trained with."""
        return self.config.segment_length

    def __call__(self, mixture: np.ndarray) -> np.ndarray:
        """Separate one segment.

        Args:
            mixture: ``(channels, length)`` float32, normalised as the whole song is. A segment
                shorter than ``segment_length`` is padded with zeros at its end.

        Returns:
            ``(sources, channels, length)`` float32.

        Raises:
            ValueError: the segment is longer than the network was trained for.
        """
        length = mixture.shape[1]
        if length > self.segment_length:
            raise ValueError(
                f"A segment has at most {self.segment_length} samples, this one has {length}: "
                "use separate() for whole songs."
            )
        mixture = np.pad(mixture, ((0, 0), (0, self.segment_length - length)))
        spectral = _complex_as_channels(stft.stft(mixture, self.config.n_fft))
        spectral_scale = _standardise(trace.step("spectrum", spectral))
        temporal_scale = _standardise(mixture)
        spectral, temporal = self._network(spectral, mixture)
        out = self._synthesise(_restore(spectral, spectral_scale))
        temporal = _restore(temporal, temporal_scale)
        out += temporal.reshape(out.shape)
        return trace.step("stems", out)[..., :length]

    def _network(self, x: np.ndarray, xt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encoders, transformer, decoders; ``x`` is spectral and ``xt`` temporal."""
        depth = self.config.depth
        skips: list[tuple[np.ndarray, np.ndarray]] = []
        lengths: list[int] = []
        for i in range(depth):
            lengths.append(xt.shape[1])
            xt = self._encode_temporal(xt, f"tencoder.{i}")
            x = self._encode_spectral(x, f"encoder.{i}")
            if i == 0:
                self._add_frequency_embedding(x)
            skips.append((x, xt))
        x, xt = self._bottleneck(x, xt)
        for i in range(depth):
            skip, skip_t = skips.pop()
            x += skip
            xt += skip_t
            del skip, skip_t
            activation = None if i == depth - 1 else "gelu"
            # In two steps, for what the first has read is let go before the second needs its room.
            x = self._rewrite_spectral(x, f"decoder.{i}")
            x = self._upsample_spectral(x, f"decoder.{i}", activation)
            xt = self._rewrite_temporal(xt, f"tdecoder.{i}")
            xt = self._upsample_temporal(xt, lengths.pop(), f"tdecoder.{i}", activation)
        return x, xt

    # U-Net layers. The spectral ones convolve along the frequency axis and have their residual
    # branches along time; the temporal ones have everything along time.

    def _encode_spectral(self, x: np.ndarray, name: str) -> np.ndarray:
        p = self._layer(name)
        x = conv2d(
            x, **p["conv"], stride=(STRIDE, 1), padding=((CROP, CROP), (0, 0)), activation="gelu"
        )
        trace.step(f"{name}.conv", x)
        _dconv(x, p["dconv"]["layers"])
        trace.step(f"{name}.dconv", x)
        return trace.step(name, conv2d(x, **p["rewrite"], activation="glu"))

    def _encode_temporal(self, x: np.ndarray, name: str) -> np.ndarray:
        p = self._layer(name)
        to_multiple = -x.shape[1] % STRIDE
        x = conv1d(
            x, **p["conv"], stride=STRIDE, padding=(CROP, CROP + to_multiple), activation="gelu"
        )
        trace.step(f"{name}.conv", x)
        _dconv(x[:, None], p["dconv"]["layers"])
        trace.step(f"{name}.dconv", x)
        return trace.step(name, conv1d(x, **p["rewrite"], activation="glu"))

    def _rewrite_spectral(self, x: np.ndarray, name: str) -> np.ndarray:
        p = self._layer(name)
        x = conv2d(x, **p["rewrite"], padding=((1, 1), (1, 1)), activation="glu")
        trace.step(f"{name}.rewrite", x)
        _dconv(x, p["dconv"]["layers"])
        return trace.step(f"{name}.dconv", x)

    def _upsample_spectral(self, x: np.ndarray, name: str, activation: str | None) -> np.ndarray:
        p, height = self._layer(name), x.shape[1] * STRIDE
        x = conv_transpose2d(
            x, **p["conv_tr"], stride=STRIDE, crop=CROP, height=height, activation=activation
        )
        return trace.step(name, x)

    def _rewrite_temporal(self, x: np.ndarray, name: str) -> np.ndarray:
        p = self._layer(name)
        x = conv1d(x, **p["rewrite"], padding=(1, 1), activation="glu")
        trace.step(f"{name}.rewrite", x)
        _dconv(x[:, None], p["dconv"]["layers"])
        return trace.step(f"{name}.dconv", x)

    def _upsample_temporal(
        self, x: np.ndarray, length: int, name: str, activation: str | None
    ) -> np.ndarray:
        p = self._layer(name)
        x = conv_transpose1d(
            x, **p["conv_tr"], stride=STRIDE, crop=CROP, length=length, activation=activation
        )
        return trace.step(name, x)

    def _add_frequency_embedding(self, x: np.ndarray) -> None:
        """Tell the convolutions which frequency they are at (Isik et al. 2020), in place."""
        embedding = self.params["freq_emb"]["embedding"]["weight"].astype(np.float32).T
        scaled = embedding * np.float32(self.config.emb_scale) * np.float32(self.config.freq_emb)
        x += scaled[:, :, None]
        trace.step("freq_emb", x)

    def _bottleneck(self, x: np.ndarray, xt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cross-domain transformer between two changes of the number of channels."""
        p, shape = self.params, x.shape
        x = conv1d(x.reshape(len(x), -1), **p["channel_upsampler"])
        xt = conv1d(xt, **p["channel_upsampler_t"])
        trace.step("channel_upsampler", x)
        trace.step("channel_upsampler_t", xt)
        x, xt = _cross_transformer(x, xt, shape[1:], p["crosstransformer"], self.config.t_heads)
        x = conv1d(x, **p["channel_downsampler"]).reshape(shape)
        xt = conv1d(xt, **p["channel_downsampler_t"])
        trace.step("channel_downsampler", x)
        trace.step("channel_downsampler_t", xt)
        return x, xt

    def _synthesise(self, x: np.ndarray) -> np.ndarray:
        """Spectra as channels -> waveforms ``(sources, channels, segment_length)``."""
        pairs = x.reshape(-1, 2, *x.shape[1:])
        out = np.empty((len(pairs), self.segment_length), np.float32)
        spectrum = np.empty((1, *x.shape[1:]), np.complex64)
        for waveform, (real, imaginary) in zip(out, pairs, strict=True):
            spectrum.real, spectrum.imag = real, imaginary
            waveform[:] = stft.istft(spectrum, self.config.n_fft, self.segment_length)[0]
        return out.reshape(len(self.sources), self.channels, self.segment_length)

    def _layer(self, name: str) -> Params:
        kind, index = name.split(".")
        return self.params[kind][index]


def _dconv(x: np.ndarray, layers: Params) -> None:
    """Residual branches of dilated convolutions along the last axis, in place.

    ``x (channels, rows, positions)``; rows are independent of each other, so a few at a time keep
    the intermediate results small.
    """
    rows = max(1, DCONV_BYTES // (4 * 2 * x.shape[0] * x.shape[2]))
    for start in range(0, x.shape[1], rows):
        strip = x[:, start : start + rows]
        for depth in range(len(layers)):
            layer = layers[str(depth)]
            add_scaled(strip, _dconv_branch(strip, layer, 2**depth), layer["6"]["scale"])


def _dconv_branch(x: np.ndarray, p: Params, dilation: int) -> np.ndarray:
    squeeze, expand = _as_2d(p["0"]), _as_2d(p["3"])
    y = conv2d(x, **squeeze, padding=((0, 0), (dilation, dilation)), dilation=(1, dilation))
    y = group_norm(y, **p["1"], activation="gelu")
    y = conv2d(y, **expand)
    return group_norm(y, **p["4"], activation="glu")


def _cross_transformer(
    x: np.ndarray, xt: np.ndarray, size: tuple[int, ...], p: Params, heads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Layers of self-attention in each domain, alternating with attention to the other domain.

    Tokens stay in the order of the array, frequency by frequency, where the original sorts them
    by time: attention does not see the order of tokens, only their positional embeddings.
    """
    channels = len(x)
    x = layer_norm(x, **p["norm_in"])
    x += sinusoids_2d(channels, *size).reshape(x.shape)
    xt = layer_norm(xt, **p["norm_in_t"])
    xt += sinusoids_1d(channels, xt.shape[1])
    for i in range(len(p["layers"])):
        layer, layer_t = p["layers"][str(i)], p["layers_t"][str(i)]
        if i % 2 == 0:
            x, xt = _self_layer(x, layer, heads), _self_layer(xt, layer_t, heads)
        else:
            x, xt = _cross_layer(x, xt, layer, heads), _cross_layer(xt, x, layer_t, heads)
        trace.step(f"crosstransformer.layers.{i}", x)
        trace.step(f"crosstransformer.layers_t.{i}", xt)
    return x, xt


def _self_layer(x: np.ndarray, p: Params, heads: int) -> np.ndarray:
    normed = layer_norm(x, **p["norm1"])
    x = add_scaled(x.copy(), _attend(normed, normed, p["self_attn"], heads), **p["gamma_1"])
    add_scaled(x, _feed_forward(layer_norm(x, **p["norm2"]), p), **p["gamma_2"])
    return group_norm(x[:, None], **p["norm_out"])[:, 0]


def _cross_layer(x: np.ndarray, other: np.ndarray, p: Params, heads: int) -> np.ndarray:
    query, context = layer_norm(x, **p["norm1"]), layer_norm(other, **p["norm2"])
    x = add_scaled(x.copy(), _attend(query, context, p["cross_attn"], heads), **p["gamma_1"])
    add_scaled(x, _feed_forward(layer_norm(x, **p["norm3"]), p), **p["gamma_2"])
    return group_norm(x[:, None], **p["norm_out"])[:, 0]


def _attend(x: np.ndarray, context: np.ndarray, p: Params, heads: int) -> np.ndarray:
    """Multi-head attention of ``x`` to ``context``, with its projections."""
    weights = np.split(p["in_proj_weight"], 3)
    biases = np.split(p["in_proj_bias"], 3)
    query, key, value = map(linear, (x, context, context), weights, biases)
    return linear(attention(query, key, value, heads), **p["out_proj"])


def _feed_forward(x: np.ndarray, p: Params) -> np.ndarray:
    return linear(linear(x, **p["linear1"], activation="gelu"), **p["linear2"])


def sinusoids_1d(channels: int, length: int) -> np.ndarray:
    """Positional embedding ``(channels, length)``: cosines, then sines.

    Phases are rounded to float32 where the original rounds them: the network was trained with
    what that makes of far positions.
    """
    half = channels // 2
    exponent = np.arange(half, dtype=np.float32) / np.float32(half - 1)
    period = (10000.0 ** exponent.astype(np.float64)).astype(np.float32)
    phase = np.arange(length, dtype=np.float32) / period[:, None]
    return np.concatenate([np.cos(phase), np.sin(phase)])


def sinusoids_2d(channels: int, height: int, width: int) -> np.ndarray:
    """Positional embedding ``(channels, height, width)``, rounded as the original's.

    The first half of the channels tells the place in the width, the second half in the height,
    each with sines and cosines in turn.
    """
    half = channels // 2
    exponent = np.arange(0, half, 2, dtype=np.float32) * np.float32(-np.log(10000.0) / half)
    rate = np.exp(exponent.astype(np.float64)).astype(np.float32)[:, None]
    across = np.arange(width, dtype=np.float32) * rate
    down = np.arange(height, dtype=np.float32) * rate
    out = np.empty((channels, height, width), np.float32)
    out[0:half:2], out[1:half:2] = np.sin(across)[:, None], np.cos(across)[:, None]
    out[half::2], out[half + 1 :: 2] = np.sin(down)[:, :, None], np.cos(down)[:, :, None]
    return out


def _complex_as_channels(z: np.ndarray) -> np.ndarray:
    """``(channels, ...)`` complex -> ``(2 channels, ...)``: real and imaginary parts in turn."""
    return np.stack([z.real, z.imag], axis=1).reshape(-1, *z.shape[1:])


def _standardise(x: np.ndarray) -> tuple[np.float32, np.float32]:
    """In place; returns the mean and the standard deviation there were."""
    mean = np.float32(x.mean(dtype=np.float64))
    std = np.float32(x.std(dtype=np.float64, ddof=1))
    x -= mean
    x /= np.float32(1e-5) + std
    return mean, std


def _restore(x: np.ndarray, scale: tuple[np.float32, np.float32]) -> np.ndarray:
    mean, std = scale
    x *= std
    x += mean
    return x


def _as_2d(p: Params) -> Params:
    """The parameters of a 1-D convolution for use along the width of a 2-D one."""
    return {"weight": p["weight"][:, :, None], "bias": p["bias"]}


def parameter_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """PyTorch's names and shapes of all parameters."""
    shapes: dict[str, tuple[int, ...]] = {}
    sources, audio = len(config.sources), config.audio_channels
    for i in range(config.depth):
        outer, inner = config.channels * 2 ** (i - 1), config.channels * 2**i
        for branch, axes, per_channel in (("", 2, 2), ("t", 1, 1)):
            kernel, context = (KERNEL, 1)[:axes], (3,) * axes
            into, out_of = (
                (audio * per_channel, sources * audio * per_channel) if i == 0 else (outer, outer)
            )
            encoder, decoder = f"{branch}encoder.{i}", f"{branch}decoder.{config.depth - 1 - i}"
            shapes |= _layer_shapes(f"{encoder}.conv", (inner, into, *kernel))
            shapes |= _layer_shapes(f"{encoder}.rewrite", (2 * inner, inner, *(1,) * axes))
            shapes |= _layer_shapes(f"{decoder}.conv_tr", (inner, out_of, *kernel), transposed=True)
            shapes |= _layer_shapes(f"{decoder}.rewrite", (2 * inner, inner, *context))
            for layer in (encoder, decoder):
                shapes |= _dconv_shapes(f"{layer}.dconv.layers", inner, config)
    first_bins = config.n_fft // 2 // STRIDE
    shapes["freq_emb.embedding.weight"] = (first_bins, config.channels)
    bottom, top = config.bottom_channels, config.channels * 2 ** (config.depth - 1)
    for branch in ("", "_t"):
        shapes |= _layer_shapes(f"channel_upsampler{branch}", (bottom, top, 1))
        shapes |= _layer_shapes(f"channel_downsampler{branch}", (top, bottom, 1))
        shapes |= _transformer_shapes(branch, config)
    return shapes


def _layer_shapes(
    name: str, weight: tuple[int, ...], transposed: bool = False
) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": weight, f"{name}.bias": (weight[1 if transposed else 0],)}


def _dconv_shapes(name: str, channels: int, config: Config) -> dict[str, tuple[int, ...]]:
    hidden = channels // config.dconv_compress
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(config.dconv_depth):
        shapes |= _layer_shapes(f"{name}.{i}.0", (hidden, channels, 3))
        shapes |= _layer_shapes(f"{name}.{i}.1", (hidden,))
        shapes |= _layer_shapes(f"{name}.{i}.3", (2 * channels, hidden, 1))
        shapes |= _layer_shapes(f"{name}.{i}.4", (2 * channels,))
        shapes[f"{name}.{i}.6.scale"] = (channels,)
    return shapes


def _transformer_shapes(branch: str, config: Config) -> dict[str, tuple[int, ...]]:
    width = config.bottom_channels
    hidden = width * config.t_hidden_scale
    shapes = _layer_shapes(f"crosstransformer.norm_in{branch}", (width,))
    for i in range(config.t_layers):
        name = f"crosstransformer.layers{branch}.{i}"
        attention_name, norms = ("self_attn", 2) if i % 2 == 0 else ("cross_attn", 3)
        shapes[f"{name}.{attention_name}.in_proj_weight"] = (3 * width, width)
        shapes[f"{name}.{attention_name}.in_proj_bias"] = (3 * width,)
        shapes |= _layer_shapes(f"{name}.{attention_name}.out_proj", (width, width))
        shapes |= _layer_shapes(f"{name}.linear1", (hidden, width))
        shapes |= _layer_shapes(f"{name}.linear2", (width, hidden))
        for norm in (*(f"norm{k + 1}" for k in range(norms)), "norm_out"):
            shapes |= _layer_shapes(f"{name}.{norm}", (width,))
        for gamma in ("gamma_1", "gamma_2"):
            shapes[f"{name}.{gamma}.scale"] = (width,)
    return shapes
