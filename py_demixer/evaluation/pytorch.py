"""The PyTorch originals with the weights of a weight file: demucs 4.1.0 and openunmix 1.3.0.

Their float64 results are the reference; their float32 results are what their users get. This module
imports both packages, so it is imported only where they are needed.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from demucs import transformer
from demucs.apply import BagOfModels, apply_model
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray

from py_demixer.errors import EvaluationError
from py_demixer.models import hdemucs, htdemucs, openunmix
from py_demixer.models.parameters import widen
from py_demixer.separation import planning
from py_demixer.separation.segments import DemucsOptions
from py_demixer.weights import networks
from py_demixer.weights.checkpoint import Checkpoint

from . import scnet

# openunmix imports torchaudio to read files; a version that fits torch is not always available.
sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))
from openunmix.model import OpenUnmix, Separator  # noqa: E402

Tensors = Mapping[str, NDArray[np.float32]]

_COUNTER = "num_batches_tracked"
"""A buffer of batch norms that has no effect and is in no weight file."""


def separate(
    mixture: NDArray[np.float32],
    weights: Checkpoint,
    options: planning.Options,
    *,
    double: bool,
    original: Path | None = None,
) -> dict[str, NDArray[np.floating]]:
    """Separate a song with the original.

    Parameters
    ----------
    mixture
        ``(2, samples)`` float32.
    weights
        The weight file of a model of this package.
    options
        Options for that model.
    double
        Compute in float64 instead of float32.
    original
        A checkout of the original, for SCNet, which is in no package.

    Returns
    -------
    dict[str, NDArray[np.floating]]
        The stems that the options ask for by name, ``(2, samples)``.

    Raises
    ------
    EvaluationError
        The original is needed and not there, or cannot do what the options ask for.
    """
    held = networks.read_networks(weights)
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    stems = values.pop("stems") or held.config.sources
    with torch.no_grad():
        if held.architecture == "scnet":
            made = _separate_by_scnet(original, held, mixture, double, values)
            return {name: stem for name, stem in made.items() if name in stems}
        if isinstance(options, DemucsOptions):
            model: Any = demucs(held)
            made = separate_by_demucs(model.double() if double else model, mixture, **values)
            return {name: stem for name, stem in made.items() if name in stems}
        del values["block"]  # openunmix processes the song as a whole
        model = open_unmix(held.tensors[0], held.config, stems, **values)
        return separate_by_open_unmix(model.double() if double else model, mixture)


def _separate_by_scnet(
    original: Path | None,
    held: networks.Networks,
    mixture: NDArray[np.float32],
    double: bool,
    values: Mapping[str, Any],
) -> dict[str, NDArray[np.floating]]:
    if original is None:
        raise EvaluationError(
            "SCNet's original is in no package: name a checkout of "
            "https://github.com/starrytong/SCNet with --original."
        )
    if values["shifts"]:
        raise EvaluationError(
            "SCNet's original shifts every segment on its own, and here the song is shifted: "
            "compare without --shifts."
        )
    try:
        model = scnet.network(original, held.tensors[0], held.config)
        segment = values["segment"] or held.config.segment_length / held.config.sample_rate
        return scnet.separate(
            original,
            model.double() if double else model,
            mixture,
            segment=segment,
            overlap=values["overlap"],
            transition_power=values["transition_power"],
        )
    except (ImportError, ValueError) as error:
        raise EvaluationError(str(error)) from error


# ---- Demucs -------------------------------------------------------------------------------------


def demucs(held: networks.Networks) -> HTDemucs | HDemucs | BagOfModels:
    """Build the original of the networks in a weight file, in float32."""
    members = [demucs_network(tensors, held.config) for tensors in held.tensors]
    return BagOfModels(members, [list(row) for row in held.bag]) if held.bag else members[0]


def demucs_network(
    tensors: Tensors, config: htdemucs.Config | hdemucs.Config
) -> HTDemucs | HDemucs:
    """Build one of the original networks with these weights, in float32."""
    dimensions: dict[str, Any] = {
        "channels": config.channels,
        "dconv_comp": config.dconv_compress,
        "segment": Fraction(config.segment_length, config.sample_rate),
    }
    if isinstance(config, htdemucs.Config):
        network = HTDemucs(
            list(config.sources),
            **dimensions,
            dconv_mode=3,
            bottom_channels=config.bottom_channels,
            t_layers=config.t_layers,
            t_heads=config.t_heads,
        )
    else:
        network = HDemucs(list(config.sources), **dimensions)
    return _filled(network, tensors)


def separate_by_demucs(
    model: Any, mixture: NDArray[np.float32], seed: int = 0, **options: Any
) -> dict[str, NDArray[np.floating]]:
    """Separate a song as ``demucs.api.Separator`` does; the seed is for the random shifts."""
    # The network draws a shift of 0 for each segment; give it its own random generator, so that it
    # does not take numbers from the one for the time shifts.
    transformer.random = random.Random()
    random.seed(seed)
    mix = torch.from_numpy(mixture).to(next(model.parameters()).dtype)
    mono = mix.mean(0)
    mean, std = mono.mean(), mono.std() + 1e-8
    given = {"shifts": 0, "overlap": 0.25} | options
    stems = apply_model(model, ((mix - mean) / std)[None], **given)[0] * std + mean
    return dict(zip(model.sources, stems.numpy(), strict=True))


# ---- Open-Unmix ---------------------------------------------------------------------------------


def open_unmix(
    tensors: Tensors, config: openunmix.Config, stems: Sequence[str] = (), **options: Any
) -> Separator:
    """Build the original separator for some stems, in float32."""
    networks = {
        name: _open_unmix_network(tensors, config, name)
        for name in config.sources
        if name in (stems or config.sources)
    }
    if len(networks) == 1 and not options.get("residual"):
        options["niter"] = 0  # a single stem cannot be refined, and openunmix raises an error
    return Separator(networks, **options).eval()


def _open_unmix_network(tensors: Tensors, config: openunmix.Config, source: str) -> OpenUnmix:
    network = OpenUnmix(
        nb_bins=config.bins,
        nb_channels=config.audio_channels,
        hidden_size=config.hidden,
        max_bin=config.bandwidth,
    )
    prefix = f"{source}."
    names = (name for name in tensors if name.startswith(prefix))
    return _filled(network, {name: tensors[name] for name in names}, prefix)


def separate_by_open_unmix(
    separator: Separator, mixture: NDArray[np.float32]
) -> dict[str, NDArray[np.floating]]:
    """Separate a whole song."""
    dtype = next(separator.target_models.parameters()).dtype
    for transform in (separator.stft, separator.istft):  # recompute the windows in full precision
        transform.window.data = torch.hann_window(separator.stft.n_fft, dtype=dtype)
    stems = separator(torch.from_numpy(mixture).to(dtype)[None])
    return {name: stem[0].numpy() for name, stem in separator.to_dict(stems).items()}


def _filled(network: Any, tensors: Tensors, prefix: str = "") -> Any:
    """Load all weights into a network."""
    state = network.state_dict()
    state |= {
        name: torch.tensor(widen(tensors, f"{prefix}{name}"))
        for name in state
        if not name.endswith(_COUNTER)
    }
    network.load_state_dict(state)
    return network.eval()
