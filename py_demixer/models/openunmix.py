"""Open-Unmix (Stöter, Uhlich, Liutkus & Mitsufuji, JOSS 2019): UMXHQ, UMXL and similar models.

There is one network per source. It reduces the magnitudes of the mixture's spectrogram to a few
hundred values per frame, runs a bidirectional LSTM over the whole song, and makes a mask from the
LSTM's outputs and the reduced frames. Source: openunmix/model.py of
https://github.com/sigsep/open-unmix-pytorch, at inference.

The network is split into steps, each of which works on any run of frames, so that a song of any
length can be processed block by block: see :mod:`py_demixer.separation.recurrent`. Arrays have no
batch axis: ``(width, frames)``, and ``(channels, bins, frames)`` for spectrograms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.ops.backend import Backend, bound
from py_demixer.ops.linear import linear
from py_demixer.ops.lstm import lstm
from py_demixer.ops.norm import EPSILON

from . import parameters
from .network import Network, Shapes

DIRECTIONS = ("", "_reverse")  # what PyTorch appends to the names of an LSTM's parameters


@dataclass(frozen=True)
class Config:
    """Dimensions that may differ between trained models; the defaults are UMXHQ's.

    ``bandwidth`` is the number of frequency bins that the network uses, from the lowest on: those
    up to 16 kHz.
    """

    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    sample_rate: int = 44100
    audio_channels: int = 2
    n_fft: int = 4096
    bandwidth: int = 1487
    hidden: int = 512
    layers: int = 3

    @property
    def bins(self) -> int:
        """Number of frequency bins of a spectrogram."""
        return self.n_fft // 2 + 1


class OpenUnmix(Network):
    """The networks of all sources.

    Parameters
    ----------
    tensors
        ``source.`` plus PyTorch's name -> arrays (see :meth:`shapes`). Matrices may be float16, or
        uint8 as read by :func:`py_demixer.models.parameters.widen`. They are converted to float32
        only when they are used: UMXL would take 450 MB as float32.
    config
        The model's dimensions; None for UMXHQ's.
    backend
        The backend to compute with; None for the current one.

    Raises
    ------
    ValueError
        A tensor is missing or has the wrong shape, or the backend is a graphics card.
    """

    architecture: ClassVar[str] = "openunmix"
    config: Config

    def __init__(
        self,
        tensors: Mapping[str, NDArray[Any]],
        config: Config | None = None,
        backend: Backend | None = None,
    ) -> None:
        super().__init__(tensors, config, backend)
        if self.backend.compiler is not None:
            raise ValueError(
                "Open-Unmix carries a state through the whole song, which does not suit graphics "
                "cards: choose another backend."
            )
        self.tensors = tensors

    @classmethod
    def default_config(cls) -> Config:
        """The released model's dimensions."""
        return Config()

    @classmethod
    def shapes(cls, config: Config) -> Shapes:
        """Names and shapes of all parameters."""
        one = network_shapes(config)
        return {f"{source}.{name}": one[name] for source in config.sources for name in one}

    @bound
    def encode(self, source: str, magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reduce frames of the spectrogram to ``hidden`` values each.

        Parameters
        ----------
        magnitudes
            Magnitudes of the mixture's spectrogram, ``(channels, bins, frames)`` float32.

        Returns
        -------
        NDArray[np.float32]
            ``(hidden, frames)`` float32.
        """
        x = magnitudes[:, : self.config.bandwidth] + self._tensor(source, "input_mean")[:, None]
        x *= self._tensor(source, "input_scale")[:, None]
        x = self._dense(source, 1, x.reshape(-1, x.shape[2]))
        return trace.step(f"{source}.fc1", np.tanh(x, out=x))

    @bound
    def lstm_pass(
        self,
        source: str,
        layer: int,
        reverse: bool,
        x: NDArray[np.float32],
        state: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run one layer of the LSTM in one direction.

        Parameters
        ----------
        x
            ``(hidden, frames)`` float32: encoded frames, or the outputs of both directions of the
            layer below, forward first.
        state
            ``(2, hidden / 2)`` float32, initially zeros.

        Returns
        -------
        tuple[NDArray[np.float32], NDArray[np.float32]]
            Outputs ``(hidden / 2, frames)`` and the state for the next block of frames.
        """
        end = f"l{layer}{DIRECTIONS[reverse]}"
        bias = self._tensor(source, f"lstm.bias_ih_{end}") + self._tensor(
            source, f"lstm.bias_hh_{end}"
        )
        weight_ih, weight_hh = (
            self._tensor(source, f"lstm.weight_{kind}_{end}") for kind in ("ih", "hh")
        )
        out, state = lstm(x, weight_ih, weight_hh, bias, state, reverse=reverse)
        return trace.step(f"{source}.lstm.{end}", out), state

    @bound
    def merge(self, source: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combine the encoded frames with the outputs of the LSTM.

        Parameters
        ----------
        x
            ``(2 hidden, frames)`` float32: encoded frames, then both directions of the last layer.

        Returns
        -------
        NDArray[np.float32]
            ``(hidden, frames)`` float32.
        """
        x = self._dense(source, 2, x)
        return trace.step(f"{source}.fc2", np.maximum(x, 0, out=x))

    @bound
    def mask(self, source: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the mask: the source's share of the mixture's magnitudes.

        Parameters
        ----------
        x
            Merged frames, ``(hidden, frames)`` float32.

        Returns
        -------
        NDArray[np.float32]
            ``(channels, bins, frames)`` float32, not negative.
        """
        x = self._dense(source, 3, x).reshape(self.channels, self.config.bins, -1)
        x *= self._tensor(source, "output_scale")[:, None]
        x += self._tensor(source, "output_mean")[:, None]
        return trace.step(f"{source}.mask", np.maximum(x, 0, out=x))

    def _dense(self, source: str, number: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """A linear layer and its batch norm, which at inference is a factor and a bias."""
        scale, bias, mean, variance = (
            self._tensor(source, f"bn{number}.{name}")
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + np.float32(EPSILON))
        weight = self._tensor(source, f"fc{number}.weight") * factor[:, None]
        return linear(x, weight, bias - mean * factor)

    def _tensor(self, source: str, name: str) -> NDArray[np.float32]:
        return parameters.widen(self.tensors, f"{source}.{name}")


def network_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """PyTorch's names of the parameters of one source's network, with their shapes."""
    hidden, half = config.hidden, config.hidden // 2
    seen, made = (config.audio_channels * bins for bins in (config.bandwidth, config.bins))
    shapes: dict[str, tuple[int, ...]] = {
        "input_mean": (config.bandwidth,),
        "input_scale": (config.bandwidth,),
        "output_mean": (config.bins,),
        "output_scale": (config.bins,),
        "fc1.weight": (hidden, seen),
        "fc2.weight": (hidden, 2 * hidden),
        "fc3.weight": (made, hidden),
    }
    for number, width in enumerate((hidden, hidden, made), start=1):
        for name in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"bn{number}.{name}"] = (width,)
    for layer in range(config.layers):
        for direction in DIRECTIONS:
            for kind, width in (("ih", hidden), ("hh", half)):
                shapes[f"lstm.weight_{kind}_l{layer}{direction}"] = (4 * half, width)
                shapes[f"lstm.bias_{kind}_l{layer}{direction}"] = (4 * half,)
    return shapes
