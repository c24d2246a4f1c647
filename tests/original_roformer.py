"""The original RoFormers, which are in no package: a checkout of the program that trains them.

That is https://github.com/ZFTurbo/Music-Source-Separation-Training. This module imports PyTorch, so
it is imported only where it is needed; the original also needs beartype, einops, librosa, packaging
and rotary-embedding-torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from py_demixer.evaluation.scnet import module
from py_demixer.models.roformer import Config


def network(
    original: Path, tensors: Mapping[str, NDArray[Any]], config: Config, **changes: Any
) -> Any:
    """Build the original network with these weights, in float32.

    Parameters
    ----------
    original
        The checkout.
    tensors
        PyTorch's names -> arrays, float16 or float32.
    config
        The dimensions.
    changes
        Arguments of the original that differ from :func:`arguments`.

    Raises
    ------
    ValueError
        The folder is not such a checkout.
    """
    kind = "bs" if config.sizes else "mel_band"
    found = module(original, f"models.bs_roformer.{kind}_roformer")
    original_class = found.BSRoformer if config.sizes else found.MelBandRoformer
    made = original_class(**arguments(config) | changes)
    state = made.state_dict()
    assert set(tensors) == {name for name in state if not name.endswith("rotary_embed.freqs")}
    made.load_state_dict(state | {n: torch.from_numpy(np.float32(x)) for n, x in tensors.items()})
    return made.eval()


def arguments(config: Config) -> dict[str, Any]:
    """The arguments with which the original is made, without flash attention."""
    bands = {"freqs_per_bands": config.sizes} if config.sizes else {"num_bands": config.mel_bands}
    return bands | {
        "dim": config.width,
        "depth": config.depth,
        "stereo": config.audio_channels == 2,
        "num_stems": config.estimated,
        "time_transformer_depth": config.depths[0],
        "freq_transformer_depth": config.depths[1],
        "dim_head": config.head_width,
        "heads": config.heads,
        "attn_dropout": 0.0,
        "ff_dropout": 0.0,
        "flash_attn": False,
        "stft_n_fft": config.n_fft,
        "stft_win_length": config.n_fft,
        "stft_hop_length": config.hop,
        "stft_normalized": config.scaled,
        "zero_dc": config.drops_dc,
        "skip_connection": config.skips,
        "mlp_expansion_factor": config.mask_width // config.width,
        "mask_estimator_depth": config.mask_depth + bool(config.sizes),
    }
