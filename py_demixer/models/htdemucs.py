"""Demucs v4: the Hybrid Transformer Demucs (Rouard, Massa & Defossez, ICASSP 2023, figure 1).

:mod:`py_demixer.models.hybrid` with a cross-domain transformer at the bottom. Source:
demucs/htdemucs.py and transformer.py of https://github.com/adefossez/demucs, at inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops.attention import attention
from py_demixer.ops.conv import conv1d
from py_demixer.ops.linear import linear
from py_demixer.ops.norm import group_norm, layer_norm
from py_demixer.ops.residual import add, add_scaled, copy

from .hybrid import OUTER, Hybrid, HybridConfig, Params, outer_shapes
from .network import Shapes, layer_shapes


@dataclass(frozen=True)
class Config(HybridConfig):
    """Dimensions that may differ between trained models; the defaults are the released model's.

    ``bottom_channels`` is the width of the transformer if convolutions before and after it change
    the number of channels. With 0 there are none, and it is as wide as the last encoder.
    """

    bottom_channels: int = 512
    t_layers: int = 5
    t_heads: int = 8
    t_hidden_scale: int = 4

    @property
    def width(self) -> int:
        """Width of the transformer, in channels."""
        return self.bottom_channels or self.channels * 2 ** (OUTER - 1)


class HTDemucs(Hybrid):
    """The network: one segment of the mixture in, its stems out.

    All segments have the length that the network was trained with; shorter ones are padded with
    zeros at the end. See :class:`py_demixer.models.segmented.Segmented`.
    """

    architecture: ClassVar[str] = "htdemucs"
    pads_segments: ClassVar[bool] = True
    decoders: ClassVar[tuple[int, int]] = (0, 0)
    config: Config

    @classmethod
    def default_config(cls) -> Config:
        """The released model's dimensions."""
        return Config()

    @classmethod
    def shapes(cls, config: Config) -> Shapes:
        """PyTorch's names of all parameters, with their shapes."""
        shapes = outer_shapes(config, cls.decoders, residual=True)
        top = config.channels * 2 ** (OUTER - 1)
        for branch in ("", "_t"):
            if config.bottom_channels:
                shapes |= layer_shapes(f"channel_upsampler{branch}", (config.width, top, 1))
                shapes |= layer_shapes(f"channel_downsampler{branch}", (top, config.width, 1))
            shapes |= _transformer_shapes(branch, config)
        return shapes

    def filled(self, length: int) -> int:
        """The fixed segment length, the only one that the network was trained with."""
        if length > self.segment_length:
            raise ValueError(
                f"A segment has at most {self.segment_length} samples, this one has {length}: "
                "use separate() for whole songs."
            )
        return self.segment_length

    def _bottom(
        self, x: NDArray[np.float32], xt: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the cross-domain transformer, changing the number of channels before and after."""
        shape = x.shape
        x, xt = self._resample_channels("up", x.reshape(len(x), -1), xt)
        p, heads = self.params["crosstransformer"], self.config.t_heads
        x, xt = _cross_transformer(x, xt, shape[1:], p, heads)
        x, xt = self._resample_channels("down", x, xt)
        return x.reshape(shape), xt

    def _resample_channels(
        self, way: str, x: NDArray[np.float32], xt: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Change the number of channels to the transformer's width, or back."""
        if not self.config.bottom_channels:
            return x, xt
        name = f"channel_{way}sampler"
        x = trace.step(name, conv1d(x, **self.params[name]))
        xt = trace.step(f"{name}_t", conv1d(xt, **self.params[f"{name}_t"]))
        return x, xt


def _cross_transformer(
    x: NDArray[np.float32], xt: NDArray[np.float32], size: tuple[int, ...], p: Params, heads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Layers of self-attention in each domain, alternating with attention to the other domain.

    Tokens stay in array order, frequency by frequency, whereas the original sorts them by time.
    Attention depends only on their positional embeddings, not on their order.
    """
    channels = len(x)
    x = layer_norm(x, **p["norm_in"])
    across, down = sinusoids_2d(channels, *size)
    half, whole = len(across), x.reshape(channels, *size)
    add(whole[:half], across)
    add(whole[half:], down)
    xt = layer_norm(xt, **p["norm_in_t"])
    add(xt, sinusoids_1d(channels, xt.shape[1]))
    for i in range(len(p["layers"])):
        layer, layer_t = p["layers"][str(i)], p["layers_t"][str(i)]
        if i % 2 == 0:
            x, xt = _self_layer(x, layer, heads), _self_layer(xt, layer_t, heads)
        else:
            x, xt = _cross_layer(x, xt, layer, heads), _cross_layer(xt, x, layer_t, heads)
        trace.step(f"crosstransformer.layers.{i}", x)
        trace.step(f"crosstransformer.layers_t.{i}", xt)
    return x, xt


def _self_layer(x: NDArray[np.float32], p: Params, heads: int) -> NDArray[np.float32]:
    normed = layer_norm(x, **p["norm1"])
    x = add_scaled(copy(x), _attend(normed, normed, p["self_attn"], heads), **p["gamma_1"])
    add_scaled(x, _feed_forward(layer_norm(x, **p["norm2"]), p), **p["gamma_2"])
    return group_norm(x[:, None], **p["norm_out"])[:, 0]


def _cross_layer(
    x: NDArray[np.float32], other: NDArray[np.float32], p: Params, heads: int
) -> NDArray[np.float32]:
    query, context = layer_norm(x, **p["norm1"]), layer_norm(other, **p["norm2"])
    x = add_scaled(copy(x), _attend(query, context, p["cross_attn"], heads), **p["gamma_1"])
    add_scaled(x, _feed_forward(layer_norm(x, **p["norm3"]), p), **p["gamma_2"])
    return group_norm(x[:, None], **p["norm_out"])[:, 0]


def _attend(
    x: NDArray[np.float32], context: NDArray[np.float32], p: Params, heads: int
) -> NDArray[np.float32]:
    """Multi-head attention of ``x`` to ``context``, with its projections."""
    weights = np.split(p["in_proj_weight"], 3)
    biases = np.split(p["in_proj_bias"], 3)
    query, key, value = map(linear, (x, context, context), weights, biases)
    return linear(attention(query, key, value, heads), **p["out_proj"])


def _feed_forward(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    return linear(linear(x, **p["linear1"], activation="gelu"), **p["linear2"])


def sinusoids_1d(channels: int, length: int) -> NDArray[np.float32]:
    """Positional embedding ``(channels, length)``: cosines, then sines.

    Phases are rounded to float32 where the original rounds them, because the network was trained
    with the resulting errors at large positions.
    """
    half = channels // 2
    exponent = np.arange(half, dtype=np.float32) / np.float32(half - 1)
    period = (10000.0 ** exponent.astype(np.float64)).astype(np.float32)
    phase = np.arange(length, dtype=np.float32) / period[:, None]
    return np.concatenate([np.cos(phase), np.sin(phase)])


def sinusoids_2d(
    channels: int, height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positional embedding ``(channels, height, width)`` in two halves, rounded as in the original.

    The first half of the channels encodes the position along the width, the second half along the
    height, each with alternating sines and cosines.

    Returns
    -------
    tuple[NDArray[np.float32], NDArray[np.float32]]
        ``(channels / 2, 1, width)`` and ``(channels / 2, height, 1)`` float32.
    """
    half = channels // 2
    exponent = np.arange(0, half, 2, dtype=np.float32) * np.float32(-np.log(10000.0) / half)
    rate = np.exp(exponent.astype(np.float64)).astype(np.float32)[:, None]
    across, down = np.empty((half, 1, width), np.float32), np.empty((half, height, 1), np.float32)
    for out, count in ((across, width), (down, height)):
        phases = (np.arange(count, dtype=np.float32) * rate).reshape(out[::2].shape)
        out[::2], out[1::2] = np.sin(phases), np.cos(phases)
    return across, down


def _transformer_shapes(branch: str, config: Config) -> Shapes:
    width = config.width
    hidden = width * config.t_hidden_scale
    shapes = layer_shapes(f"crosstransformer.norm_in{branch}", (width,))
    for i in range(config.t_layers):
        name = f"crosstransformer.layers{branch}.{i}"
        attention_name, norms = ("self_attn", 2) if i % 2 == 0 else ("cross_attn", 3)
        shapes[f"{name}.{attention_name}.in_proj_weight"] = (3 * width, width)
        shapes[f"{name}.{attention_name}.in_proj_bias"] = (3 * width,)
        shapes |= layer_shapes(f"{name}.{attention_name}.out_proj", (width, width))
        shapes |= layer_shapes(f"{name}.linear1", (hidden, width))
        shapes |= layer_shapes(f"{name}.linear2", (width, hidden))
        for norm in (*(f"norm{k + 1}" for k in range(norms)), "norm_out"):
            shapes |= layer_shapes(f"{name}.{norm}", (width,))
        for gamma in ("gamma_1", "gamma_2"):
            shapes[f"{name}.{gamma}.scale"] = (width,)
    return shapes
