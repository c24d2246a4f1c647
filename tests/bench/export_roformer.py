"""The part of the original Mel-Band RoFormer that export.py exports.

From the numbers of all bands to their masks: where the numbers come from and what the masks are
multiplied with is left out, in the rival's favour.
"""

from __future__ import annotations

from typing import Any

import torch

from py_demixer.models.roformer import Config


class Body(torch.nn.Module):
    """The layers of ``MelBandRoformer.forward`` of mel_band_roformer.py, without skips."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.network.band_split(x)[0]
        for along_time, along_bands in self.network.layers:
            x = along_bands(along_time(x.transpose(0, 1)).transpose(0, 1))
        return torch.stack([estimate(x[None]) for estimate in self.network.mask_estimators])


def body(network: Any, config: Config) -> tuple[torch.nn.Module, torch.Tensor]:
    """The graph's module, and an input for it."""
    frames = 1 + config.segment_length // config.hop
    numbers = sum(config.rows(band).stop - config.rows(band).start for band in config.bands)
    return Body(network), torch.zeros(1, frames, numbers)
