"""The original SCNet, which is in no package: a checkout of https://github.com/starrytong/SCNet.

A checkout of https://github.com/ZFTurbo/Music-Source-Separation-Training has a copy of the network,
without its standardisation. This module imports PyTorch, so it is imported only where it is needed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray

from py_demixer.models.scnet import Config

NETWORKS = {True: "scnet.SCNet", False: "models.scnet.scnet"}
"""The module with the network, for networks that standardise their spectrogram and others."""


def network(original: Path, tensors: Mapping[str, NDArray[np.float32]], config: Config) -> Any:
    """Build the original network with these weights, in float32.

    Parameters
    ----------
    original
        The checkout: of the authors' repository, or of the other one for a network that does not
        standardise its spectrogram.

    Raises
    ------
    ValueError
        The folder is not such a checkout.
    """
    made = module(original, NETWORKS[config.standardised]).SCNet(
        sources=list(config.sources),
        audio_channels=config.audio_channels,
        dims=list(config.widths),
        nfft=config.n_fft,
        hop_size=config.n_fft // 4,
        win_size=config.n_fft,
        band_SR=list(config.shares),
        band_stride=list(config.strides),
        band_kernel=list(config.kernels),
        conv_depths=list(config.depths),
        compress=config.compress,
        num_dplayer=config.layers,
    )
    state = {name: torch.tensor(np.float32(tensors[name])) for name in made.state_dict()}
    made.load_state_dict(state)
    return made.eval()


def separate(
    original: Path, model: Any, mixture: NDArray[np.float32], **options: float
) -> dict[str, NDArray[np.floating]]:
    """Separate a song as ``separate_music_file`` of scnet/inference.py does, without shifts.

    Parameters
    ----------
    original
        The checkout of the authors' repository.
    model
        From :func:`network`; in float64 after ``.double()``.
    mixture
        ``(2, samples)`` float32.
    options
        ``segment`` in seconds, ``overlap`` and ``transition_power``.
    """
    mix = torch.from_numpy(mixture).to(next(model.parameters()).dtype)
    mono = mix.mean(0)
    mean, std = mono.mean(), mono.std()
    with torch.no_grad(), in_its_precision():
        apply = module(original, "scnet.apply").apply_model
        stems = apply(model, ((mix - mean) / std)[None], shifts=0, **options)[0] * std + mean
    return dict(zip(model.sources, stems.numpy(), strict=True))


@contextmanager
def in_its_precision() -> Iterator[None]:
    """Keep ``FeatureConversion`` of scnet/separation.py from rounding float64 to float32."""
    with patch.object(torch.Tensor, "float", lambda self: self):
        yield


def module(original: Path, name: str) -> ModuleType:
    """Import a module of a checkout.

    Raises
    ------
    ValueError
        The checkout has no such module.
    """
    if not original.joinpath(*name.split(".")).with_suffix(".py").exists():
        raise ValueError(f"{original} is not a checkout of the original: it has no module {name}.")
    # scnet/apply.py uses this package only to find a device.
    sys.modules.setdefault("accelerate", ModuleType("accelerate"))
    accelerate: Any = sys.modules["accelerate"]
    if not hasattr(accelerate, "Accelerator"):
        accelerate.Accelerator = lambda: SimpleNamespace(
            device=torch.device("cpu"), unwrap_model=lambda model: model
        )
    sys.path.insert(0, str(original))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(original))
