"""Demucs v3: Hybrid Demucs (Defossez, ISMIR Workshop on Music Source Separation 2021, figure 1).

:mod:`py_demixer.models.hybrid` with two inner layers at the bottom. At the first, the spectrum has
shrunk to a single frequency, so both branches are sequences and are added; the second halves the
length. The residual branches of these layers see further than convolutions can: they have a
bidirectional LSTM and attention that decays with distance. Decoding starts from the output of the
innermost encoder alone. Source: demucs/hdemucs.py and demucs.py (BLSTM, LocalState) of
https://github.com/adefossez/demucs, at inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops.activation import gelu, glu, sigmoid
from py_demixer.ops.attention import local_attention
from py_demixer.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from py_demixer.ops.linear import linear
from py_demixer.ops.lstm import lstm
from py_demixer.ops.norm import group_norm
from py_demixer.ops.residual import add_scaled, conv_in, conv_out

from .hybrid import (
    CROP,
    KERNEL,
    OUTER,
    STRIDE,
    Hybrid,
    HybridConfig,
    Params,
    branch_shapes,
    flat,
    norm,
    outer_shapes,
)
from .network import Shapes, layer_shapes

INNER_KERNEL, INNER_STRIDE, INNER_CROP = 4, 2, 1  # of the innermost layer
GROUPS = 4  # of the group norms in the inner layers
HEADS, DECAYS = 4, 4  # of the attention
STEPS = 200
"""Window of the LSTM in frames; consecutive windows overlap by half."""


@dataclass(frozen=True)
class Config(HybridConfig):
    """Dimensions that may differ between trained models; the defaults are the released model's."""

    segment_length: int = 44 * 44100
    dconv_compress: int = 4


class HDemucs(Hybrid):
    """The network: one segment of the mixture in, its stems out.

    Segments may have any length. See :class:`py_demixer.models.segmented.Segmented`.
    """

    architecture: ClassVar[str] = "hdemucs"
    pads_segments: ClassVar[bool] = False
    decoders: ClassVar[tuple[int, int]] = (2, 1)
    config: Config

    @classmethod
    def default_config(cls) -> Config:
        """The released model's dimensions."""
        return Config()

    @classmethod
    def shapes(cls, config: Config) -> Shapes:
        """PyTorch's names of all parameters, with their shapes."""
        top, middle, bottom = (config.channels * 2**i for i in range(OUTER - 1, OUTER + 2))
        shapes = outer_shapes(config, cls.decoders, residual=False)
        shapes |= _inner_shapes("encoder.4", middle, (middle, top, KERNEL, 1), (1, 1), config)
        shapes |= layer_shapes("tencoder.4.conv", (middle, top, KERNEL))
        shapes |= _inner_shapes("encoder.5", bottom, (bottom, middle, INNER_KERNEL), (1,), config)
        for name, kernel, into, out_of, context in (
            ("decoder.0", (INNER_KERNEL,), bottom, middle, (3,)),
            ("decoder.1", (KERNEL, 1), middle, top, (3, 3)),
        ):
            shapes |= layer_shapes(f"{name}.rewrite", (2 * into, into, *context))
            shapes |= layer_shapes(f"{name}.norm1", (2 * into,))
            shapes |= layer_shapes(f"{name}.conv_tr", (into, out_of, *kernel), transposed=True)
            shapes |= layer_shapes(f"{name}.norm2", (out_of,))
        shapes |= layer_shapes("tdecoder.0.conv_tr", (middle, top, KERNEL), transposed=True)
        shapes |= layer_shapes("tdecoder.0.norm2", (top,))
        return shapes

    def _bottom(
        self, x: NDArray[np.float32], xt: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the inner layers: down to a sequence ``(channels, frames)`` and up again."""
        merged = self._merge(x, xt)
        deepest = self._encode(
            conv1d(
                merged,
                **self._layer("encoder.5")["conv"],
                stride=INNER_STRIDE,
                padding=(INNER_CROP, INNER_CROP + merged.shape[1] % INNER_STRIDE),
            ),
            "encoder.5",
        )
        y = self._decode(deepest, merged.shape[1])
        y += merged
        return self._split(y, xt.shape[1])

    def _merge(self, x: NDArray[np.float32], xt: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the first inner encoder, which reduces the spectrum to one frequency."""
        y = conv2d(x, **self._layer("encoder.4")["conv"], stride=(STRIDE, 1))[:, 0]
        y += trace.step("tencoder.4", self._downsample_temporal(xt, "tencoder.4", None))
        return self._encode(y, "encoder.4")

    def _encode(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        """Run an inner encoder after its convolution; ``x`` is overwritten."""
        p = self._layer(name)
        x = gelu(_normed(x, p["norm1"]))
        trace.step(f"{name}.conv", x)
        for depth in range(self.config.dconv_depth):
            branch = f"{name}.dconv.layers.{depth}"
            layer = p["dconv"]["layers"][str(depth)]
            add_scaled(x, _branch(x, layer, depth, branch), layer["8"]["scale"])
        trace.step(f"{name}.dconv", x)
        x = conv1d(x, p["rewrite"]["weight"].reshape(2 * len(x), -1, 1), p["rewrite"]["bias"])
        return trace.step(name, glu(_normed(x, p["norm2"])))

    def _decode(self, x: NDArray[np.float32], length: int) -> NDArray[np.float32]:
        """Run the innermost decoder."""
        p = self._layer("decoder.0")
        x = glu(_normed(conv1d(x, **p["rewrite"], padding=(1, 1)), p["norm1"]))
        trace.step("decoder.0.rewrite", x)
        # The norm needs the whole length, of which only a part is kept.
        whole = (x.shape[1] - 1) * INNER_STRIDE + INNER_KERNEL
        x = conv_transpose1d(x, **p["conv_tr"], stride=INNER_STRIDE, crop=0, length=whole)
        x = gelu(_normed(x, p["norm2"]))
        return trace.step("decoder.0", x[:, INNER_CROP : INNER_CROP + length].copy())

    def _split(
        self, x: NDArray[np.float32], length: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the other inner decoder, which splits the sequence into the two branches again."""
        p, pt = self._layer("decoder.1"), self._layer("tdecoder.0")
        x = conv2d(x[:, None], **p["rewrite"], padding=((1, 1), (1, 1)))
        x = glu(_normed(x, p["norm1"]))
        trace.step("decoder.1.rewrite", x)
        whole = (x.shape[2] - 1) * STRIDE + KERNEL
        xt = conv_transpose1d(x[:, 0], **pt["conv_tr"], stride=STRIDE, crop=0, length=whole)
        xt = gelu(_normed(xt, pt["norm2"]))[:, CROP : CROP + length].copy()
        x = conv_transpose2d(x, **p["conv_tr"], stride=STRIDE, crop=0, height=KERNEL)
        x = gelu(_normed(x, p["norm2"]))
        return trace.step("decoder.1", x), trace.step("tdecoder.0", xt)


def _normed(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    return group_norm(x.reshape(len(x), 1, -1), **p, groups=GROUPS).reshape(x.shape)


def _branch(x: NDArray[np.float32], p: Params, depth: int, name: str) -> NDArray[np.float32]:
    """A residual branch of an inner encoder, ``x (channels, positions)``."""
    y = conv_in(x[:, None], *flat(p["0"]), *norm(p["1"]), 2**depth)[:, 0]
    y = trace.step(f"{name}.3", _look_around(y, p["3"]))
    y = trace.step(f"{name}.4", _attend(y, p["4"]))
    return conv_out(y[:, None], *flat(p["5"]), *norm(p["6"]))[:, 0]


def _look_around(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    """A bidirectional two-layer LSTM with a residual connection (BLSTM of demucs.py).

    A long sequence is cut into windows that overlap by half; the middle of each window is kept.
    """
    frames, half = x.shape[1], STEPS // 2
    if frames <= STEPS:
        return x + _both_ways(x, p)
    out = x.copy()
    for start in range(0, frames, half):
        window = x[:, start : start + STEPS]
        window = np.pad(window, ((0, 0), (0, STEPS - window.shape[1])))
        first = half // 2 if start > 0 else 0
        stop = STEPS - half // 2 if start + half < frames else STEPS
        kept = out[:, start + first : start + stop]
        kept += _both_ways(window, p)[:, first : first + kept.shape[1]]
    return out


def _both_ways(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    weights, nothing = p["lstm"], np.zeros((2, len(x)), np.float32)
    y = x
    for layer in range(2):
        ways = []
        for reverse, end in ((False, f"l{layer}"), (True, f"l{layer}_reverse")):
            bias, more = (weights[f"bias_{kind}_{end}"].astype(np.float32) for kind in ("ih", "hh"))
            into, around = (weights[f"weight_{kind}_{end}"] for kind in ("ih", "hh"))
            ways.append(lstm(y, into, around, bias + more, nothing, reverse=reverse)[0])
        y = np.concatenate(ways)
    return linear(y, **p["linear"])


def _attend(x: NDArray[np.float32], p: Params) -> NDArray[np.float32]:
    """Attention that decays with distance, with a residual connection (LocalState of demucs.py).

    The rate of decay is a combination of ``DECAYS`` fixed rates, with weights from each query.
    """
    query, key, content = (conv1d(x, **p[name]) for name in ("query", "key", "content"))
    with np.errstate(over="ignore"):  # exp overflows to infinity, and the sigmoid is 0 there
        shares = sigmoid(conv1d(x, **p["query_decay"])).reshape(HEADS, DECAYS, -1)
    paces = np.arange(1, DECAYS + 1, dtype=np.float32) / np.float32(2 * DECAYS**0.5)
    decay = np.einsum("f,hfs->hs", paces, shares)
    return x + conv1d(local_attention(query, key, content, decay), **p["proj"])


# ---- shapes of parameters -----------------------------------------------------------------------


def _inner_shapes(
    name: str, channels: int, conv: tuple[int, ...], kernel: tuple[int, ...], config: Config
) -> Shapes:
    """Parameter shapes of an inner encoder; ``kernel`` is the kernel of its last convolution."""
    shapes = layer_shapes(f"{name}.conv", conv) | layer_shapes(f"{name}.norm1", (channels,))
    shapes |= layer_shapes(f"{name}.rewrite", (2 * channels, channels, *kernel))
    shapes |= layer_shapes(f"{name}.norm2", (2 * channels,))
    hidden = channels // config.dconv_compress
    for i in range(config.dconv_depth):
        branch = f"{name}.dconv.layers.{i}"
        shapes |= branch_shapes(branch, channels, config, ("5", "6", "8"))
        for layer, width in enumerate((hidden, 2 * hidden)):
            for way in ("", "_reverse"):
                end = f"l{layer}{way}"
                shapes[f"{branch}.3.lstm.weight_ih_{end}"] = (4 * hidden, width)
                shapes[f"{branch}.3.lstm.weight_hh_{end}"] = (4 * hidden, hidden)
                shapes[f"{branch}.3.lstm.bias_ih_{end}"] = (4 * hidden,)
                shapes[f"{branch}.3.lstm.bias_hh_{end}"] = (4 * hidden,)
        shapes |= layer_shapes(f"{branch}.3.linear", (hidden, 2 * hidden))
        for projection in ("content", "query", "key", "proj"):
            shapes |= layer_shapes(f"{branch}.4.{projection}", (hidden, hidden, 1))
        shapes |= layer_shapes(f"{branch}.4.query_decay", (HEADS * DECAYS, hidden, 1))
    return shapes
