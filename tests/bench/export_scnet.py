"""The part of the original SCNet that export.py exports.

The transforms over time between its layers are matrix products, since ONNX Runtime has no
WebAssembly kernels for complex numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from py_demixer.models.scnet import Config


class Transform(torch.nn.Module):
    """``FeatureConversion`` of scnet/separation.py as a product with the last axis."""

    def __init__(self, frames: int, inverse: bool) -> None:
        super().__init__()
        spectra = np.fft.rfft(np.eye(frames), norm="ortho")  # (frames, bins)
        self.inverse, bins = inverse, spectra.shape[1]
        if inverse:
            unit = np.eye(bins)
            real, imaginary = (np.fft.irfft(part * unit, frames, norm="ortho") for part in (1, 1j))
        else:
            real, imaginary = spectra.real, spectra.imag
        self.real, self.imaginary = (
            torch.nn.Parameter(torch.tensor(x, dtype=torch.float32)) for x in (real, imaginary)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.inverse:
            return torch.cat([x @ self.real, x @ self.imaginary], dim=1)
        real, imaginary = x.chunk(2, dim=1)
        return real @ self.real + imaginary @ self.imaginary


class Body(torch.nn.Module):
    """``SCNet.forward`` of scnet/SCNet.py between the transforms."""

    def __init__(self, network: Any, frames: int) -> None:
        super().__init__()
        self.network = network
        for index, conversion in enumerate(network.separation_net.feature_conversion):
            changed = Transform(frames, conversion.inverse)
            network.separation_net.feature_conversion[index] = changed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        std = x.std(dim=(1, 2, 3), keepdim=True)
        x = (x - mean) / (1e-5 + std)
        skips = []
        for layer in self.network.encoder:
            x, *skip = layer(x)
            skips.append(skip)
        x = self.network.separation_net(x)
        for fuse, expand in self.network.decoder:
            skip, lengths, original_lengths = skips.pop()
            x = expand(fuse(x, skip), lengths, original_lengths)
        return x * std + mean


def body(network: Any, config: Config) -> tuple[torch.nn.Module, torch.Tensor]:
    """The graph's module, and an input for it."""
    x = torch.zeros(1, config.widths[0], config.n_fft // 2 + 1, _frames(config))
    return Body(network, x.shape[3]), x


def _frames(config: Config) -> int:
    hop = config.n_fft // 4
    hops = config.segment_length // hop + 1
    return hops + (hops + 1) % 2 + 1
