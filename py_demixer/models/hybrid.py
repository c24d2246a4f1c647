"""Hybrid Demucs (Defossez, ISMIR Workshop on Music Source Separation 2021, figure 1).

Two U-Nets, one over the spectrogram and one over the waveform, meet at the bottom; the stems are
the sum of their outputs. The models differ in the layers at the bottom: see
:mod:`py_demixer.models.htdemucs` and :mod:`py_demixer.models.hdemucs`. Source: demucs/hdemucs.py
and demucs.py (DConv) of https://github.com/adefossez/demucs, at inference.

Arrays have no batch axis: ``(channels, frequencies, frames)`` in the spectral branch and
``(channels, samples)`` in the temporal one. Parameters are nested dicts under PyTorch's names,
passed as keyword arguments to the function that uses them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops import stft
from py_demixer.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from py_demixer.ops.norm import restore, standardise
from py_demixer.ops.residual import add, residual_branch

from .network import Shapes, layer_shapes
from .segmented import Segmented

KERNEL, STRIDE = 8, 4  # of every down- and up-sampling convolution in the outer layers
CROP = 2  # their padding: KERNEL // 4
OUTER = 4  # number of layers on either side of the bottom

Params = Mapping[str, Any]


@dataclass(frozen=True)
class HybridConfig:
    """Dimensions common to all hybrid models; the defaults are those of the released HTDemucs.

    ``normalised``: see :attr:`py_demixer.models.bag.SegmentNetwork.normalises`.
    """

    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    sample_rate: int = 44100
    segment_length: int = 343980  # samples, 7.8 s
    audio_channels: int = 2
    n_fft: int = 4096
    channels: int = 48
    dconv_compress: int = 8
    dconv_depth: int = 2
    freq_emb: float = 0.2
    emb_scale: float = 10.0
    normalised: bool = True


class Hybrid(Segmented):
    """What Demucs v3 and v4 have in common: everything but the layers at the bottom."""

    decoders: ClassVar[tuple[int, int]]
    """The indices of the first outer decoders after the bottom: spectral, temporal."""

    config: HybridConfig

    def network(self, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`py_demixer.models.segmented.Segmented.network`."""
        spectral = trace.step("spectrum", stft.analyse(mixture, n_fft=self.config.n_fft))
        spectral_scale, temporal_scale = standardise(spectral), standardise(mixture)
        spectral, temporal = self._u_nets(spectral, mixture)
        restore(spectral, spectral_scale)
        restore(temporal, temporal_scale)
        out = stft.synthesise(spectral, n_fft=self.config.n_fft, length=mixture.shape[1])
        add(out, temporal.reshape(out.shape))
        shape = len(self.sources), self.channels, out.shape[1]
        return trace.step("stems", out.reshape(shape))

    def _u_nets(
        self, x: NDArray[np.float32], xt: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run encoders, bottom and decoders; ``x`` is spectral and ``xt`` temporal."""
        skips: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        lengths: list[int] = []
        for i in range(OUTER):
            lengths.append(xt.shape[1])
            xt = self._encode_temporal(xt, f"tencoder.{i}")
            x = self._encode_spectral(x, f"encoder.{i}")
            if i == 0:
                self._add_frequency_embedding(x)
            skips.append((x, xt))
        x, xt = self._bottom(x, xt)
        first, first_t = self.decoders
        for i in range(OUTER):
            skip, skip_t = skips.pop()
            add(x, skip)
            add(xt, skip_t)
            del skip, skip_t
            activation = None if i == OUTER - 1 else "gelu"
            # In two steps, so that the input of the first is freed before the second allocates.
            x = self._rewrite_spectral(x, f"decoder.{first + i}")
            x = self._upsample_spectral(x, f"decoder.{first + i}", activation)
            xt = self._rewrite_temporal(xt, f"tdecoder.{first_t + i}")
            xt = self._upsample_temporal(xt, lengths.pop(), f"tdecoder.{first_t + i}", activation)
        return x, xt

    @abstractmethod
    def _bottom(
        self, x: NDArray[np.float32], xt: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the layers where the branches meet; returns new arrays shaped like the inputs."""

    # U-Net layers. The spectral layers convolve along frequency, and their residual branches run
    # along time; in the temporal layers everything runs along time.

    def _encode_spectral(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        p = self._layer(name)
        x = conv2d(
            x, **p["conv"], stride=(STRIDE, 1), padding=((CROP, CROP), (0, 0)), activation="gelu"
        )
        trace.step(f"{name}.conv", x)
        _dconv(x, p["dconv"]["layers"])
        trace.step(f"{name}.dconv", x)
        return trace.step(name, conv2d(x, **p["rewrite"], activation="glu"))

    def _encode_temporal(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        p = self._layer(name)
        x = self._downsample_temporal(x, name, "gelu")
        trace.step(f"{name}.conv", x)
        _dconv(x[:, None], p["dconv"]["layers"])
        trace.step(f"{name}.dconv", x)
        return trace.step(name, conv1d(x, **p["rewrite"], activation="glu"))

    def _downsample_temporal(
        self, x: NDArray[np.float32], name: str, activation: str | None
    ) -> NDArray[np.float32]:
        to_multiple = -x.shape[1] % STRIDE
        padding = (CROP, CROP + to_multiple)
        conv = self._layer(name)["conv"]
        return conv1d(x, **conv, stride=STRIDE, padding=padding, activation=activation)

    def _rewrite_spectral(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        p = self._layer(name)
        x = conv2d(x, **p["rewrite"], padding=((1, 1), (1, 1)), activation="glu")
        trace.step(f"{name}.rewrite", x)
        if "dconv" in p:
            _dconv(x, p["dconv"]["layers"])
            trace.step(f"{name}.dconv", x)
        return x

    def _upsample_spectral(
        self, x: NDArray[np.float32], name: str, activation: str | None
    ) -> NDArray[np.float32]:
        p, height = self._layer(name), x.shape[1] * STRIDE
        x = conv_transpose2d(
            x, **p["conv_tr"], stride=STRIDE, crop=CROP, height=height, activation=activation
        )
        return trace.step(name, x)

    def _rewrite_temporal(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        p = self._layer(name)
        x = conv1d(x, **p["rewrite"], padding=(1, 1), activation="glu")
        trace.step(f"{name}.rewrite", x)
        if "dconv" in p:
            _dconv(x[:, None], p["dconv"]["layers"])
            trace.step(f"{name}.dconv", x)
        return x

    def _upsample_temporal(
        self, x: NDArray[np.float32], length: int, name: str, activation: str | None
    ) -> NDArray[np.float32]:
        p = self._layer(name)
        x = conv_transpose1d(
            x, **p["conv_tr"], stride=STRIDE, crop=CROP, length=length, activation=activation
        )
        return trace.step(name, x)

    def _add_frequency_embedding(self, x: NDArray[np.float32]) -> None:
        """Add an embedding of the frequency to each position (Isik et al. 2020), in place."""
        embedding = self.params["freq_emb"]["embedding"]["weight"].astype(np.float32).T
        scaled = embedding * np.float32(self.config.emb_scale) * np.float32(self.config.freq_emb)
        trace.step("freq_emb", add(x, scaled[:, :, None]))

    def _layer(self, name: str) -> Params:
        kind, index = name.split(".")
        return self.params[kind][index]


def _dconv(x: NDArray[np.float32], layers: Params) -> None:
    """Residual branches of dilated convolutions along the last axis, in place."""
    for depth in range(len(layers)):
        layer = layers[str(depth)]
        way_in = (*flat(layer["0"]), *norm(layer["1"]))
        way_out = (*flat(layer["3"]), *norm(layer["4"]))
        residual_branch(x, *way_in, *way_out, layer["6"]["scale"], dilation=2**depth)


def flat(conv: Params) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of a 1-D convolution, reshaped to run along the width in 2-D."""
    return conv["weight"][:, :, None], conv["bias"]


def norm(p: Params) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of a norm."""
    return p["weight"], p["bias"]


# ---- shapes of parameters -----------------------------------------------------------------------


def outer_shapes(config: HybridConfig, decoders: tuple[int, int], *, residual: bool) -> Shapes:
    """Parameter shapes of the outer layers and the frequency embedding.

    Parameters
    ----------
    decoders
        See :attr:`Hybrid.decoders`.
    residual
        Whether the decoders have residual branches.
    """
    shapes: Shapes = {}
    sources, audio = len(config.sources), config.audio_channels
    branches = (("", 2, 2, decoders[0]), ("t", 1, 1, decoders[1]))
    for i in range(OUTER):
        outer, inner = config.channels * 2 ** (i - 1), config.channels * 2**i
        for branch, axes, per_channel, first in branches:
            kernel, context = (KERNEL, 1)[:axes], (3,) * axes
            into, out_of = (
                (audio * per_channel, sources * audio * per_channel) if i == 0 else (outer, outer)
            )
            encoder, decoder = f"{branch}encoder.{i}", f"{branch}decoder.{first + OUTER - 1 - i}"
            shapes |= layer_shapes(f"{encoder}.conv", (inner, into, *kernel))
            shapes |= layer_shapes(f"{encoder}.rewrite", (2 * inner, inner, *(1,) * axes))
            shapes |= layer_shapes(f"{decoder}.conv_tr", (inner, out_of, *kernel), transposed=True)
            shapes |= layer_shapes(f"{decoder}.rewrite", (2 * inner, inner, *context))
            for layer in (encoder, decoder) if residual else (encoder,):
                shapes |= _dconv_shapes(f"{layer}.dconv.layers", inner, config)
    shapes["freq_emb.embedding.weight"] = (config.n_fft // 2 // STRIDE, config.channels)
    return shapes


def _dconv_shapes(name: str, channels: int, config: HybridConfig) -> Shapes:
    shapes: Shapes = {}
    for i in range(config.dconv_depth):
        shapes |= branch_shapes(f"{name}.{i}", channels, config, ("3", "4", "6"))
    return shapes


def branch_shapes(
    name: str, channels: int, config: HybridConfig, way_out: tuple[str, str, str]
) -> Shapes:
    """Parameter shapes of a residual branch.

    ``way_out`` are the names of its last convolution, norm and scale.
    """
    hidden = channels // config.dconv_compress
    conv, norm, scale = way_out
    return (
        layer_shapes(f"{name}.0", (hidden, channels, 3))
        | layer_shapes(f"{name}.1", (hidden,))
        | layer_shapes(f"{name}.{conv}", (2 * channels, hidden, 1))
        | layer_shapes(f"{name}.{norm}", (2 * channels,))
        | {f"{name}.{scale}.scale": (channels,)}
    )
