"""Recognise the network in a checkpoint of one's own, by the names and shapes of its tensors.

Published checkpoints are converted by what the manifest says about them (:mod:`.convert`). Others
say it themselves, if they are Demucs' (its packages hold the arguments of the network), or the
configuration of the program that trained them says it: a YAML file beside them. What neither says
follows from the shapes, or is as in the published models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError
from py_demixer.models import parameters
from py_demixer.models.registry import ARCHITECTURES
from py_demixer.models.scnet import Config as SCNetConfig
from py_demixer.ops.transformer import angular_frequencies

from . import dimensions
from .checkpoint import Checkpoint
from .convert import ROTATION, unmix_parameters
from .dimensions import section_of
from .manifest import MODELS
from .networks import check_sources
from .pytorch import Package
from .storage import exact

Settings = Mapping[str, Any]
"""The content of a configuration file: sections by name."""

LICENCE = "Your own checkpoint: what its source allows."

_FOUR = ("drums", "bass", "other", "vocals")
_SIX = (*_FOUR, "guitar", "piano")

# What other networks have among the names of their tensors.
_OTHERS = {
    "final_conv.0.weight": "an MDX23C network",
    "lstm.lstm.weight_ih_l0": "a Demucs of the first two versions",
    "stage1_low_band_net": "a VR network",
}


def recognise(package: Package, settings: Settings, name: str) -> Checkpoint:
    """The content of the weight file for a checkpoint.

    Parameters
    ----------
    package
        The checkpoint.
    settings
        The configuration of the program that trained it; empty if there is none.
    name
        The file's name, which is that of the stem for a network with only one.

    Raises
    ------
    ConvertError
        The network is of no known kind, or something about it is not known or not supported.
    """
    for mark, read in _KINDS.items():
        if mark in package.tensors:
            return read(package, settings, name)
    names = sorted(package.tensors)
    other = next((kind for part, kind in _OTHERS.items() if any(part in n for n in names)), None)
    looks = f"It looks like {other}." if other else f"Its first tensor is {names[0]}."
    raise ConvertError(
        f"This checkpoint is of no kind that is known here ({', '.join(ARCHITECTURES)}). {looks}"
    )


def _htdemucs(package: Package, settings: Settings, _name: str) -> Checkpoint:
    return _demucs(package, settings, "HTDemucs", "htdemucs")


def _hdemucs(package: Package, settings: Settings, _name: str) -> Checkpoint:
    return _demucs(package, settings, "HDemucs", "hdemucs")


def _demucs(package: Package, settings: Settings, klass: str, architecture: str) -> Checkpoint:
    if package.klass is None:
        section, training = (section_of(settings, name) for name in (architecture, "training"))
        said = {
            **dimensions.arguments_of_demucs(package.tensors, klass),
            **{ours: training[name] for name, ours in _OF_TRAINING.items() if name in training},
            **section,
        }
        network = package.tensors
        outputs = network[f"decoder.{3 if klass == 'HTDemucs' else 5}.conv_tr.weight"].shape[1]
        audio = network["tencoder.0.conv.weight"].shape[1]
        said["sources"] = _sources(settings, outputs // (2 * audio))
        package = Package(package.tensors, klass, said)
    if package.klass != klass:
        raise ConvertError(f"This checkpoint says that it is a {package.klass}, but is a {klass}.")
    found = dimensions.of_demucs(package) | {"normalised": _normalised(settings)}
    return _checkpoint(architecture, found, package.tensors)


# Names in the section `training` of a configuration, and of the same arguments of the network.
_OF_TRAINING = {"segment": "segment", "samplerate": "samplerate", "channels": "audio_channels"}


def _scnet(package: Package, settings: Settings, _name: str) -> Checkpoint:
    network = package.tensors
    try:
        found = dimensions.of_scnet(network)
    except KeyError as error:
        raise ConvertError(f"This SCNet lacks the tensor {error}.") from error
    found |= dimensions.settings_of_scnet(settings)
    last = f"decoder.{len(found['widths']) - 2}.1.convtrs.0.bias"
    found["sources"] = _sources(settings, len(network[last]) // found["widths"][0])
    if "shares" not in found:
        found["shares"] = _published_shares(found)
    # The authors' program standardises the spectrogram, ZFTurbo's does not: its configurations have
    # a section `training`, and the packages of the authors' have a best state.
    by_authors = package.state == "best_state" or "training" not in settings
    found.setdefault("standardised", by_authors)
    found["normalised"] = _normalised(settings)
    return _checkpoint("scnet", found, network)


def _published_shares(found: Mapping[str, Any]) -> Sequence[float]:
    """The shares of the bands in the published model of the same dimensions."""
    ours: Any = parameters.make_config(SCNetConfig, found)
    for model in MODELS.values():
        if model.architecture == "scnet":
            published = parameters.make_config(SCNetConfig, model.config)
            same = {"segment_length": ours.segment_length, "standardised": ours.standardised}
            if replace(ours, shares=published.shares, **same) == replace(published, **same):
                return published.shares
    raise ConvertError(
        f"This SCNet, with the widths {', '.join(map(str, found['widths']))}, is none of the "
        "published ones, and its tensors do not tell how it divides the frequencies into bands: "
        "give its configuration (.yaml), too."
    )


def _open_unmix(package: Package, settings: Settings, name: str) -> Checkpoint:
    """A network of a single stem, which is named like the file (vocals-b62c91ce.pth)."""
    network = unmix_parameters(package.tensors)
    found: dict[str, Any] = dict(dimensions.of_open_unmix(network))
    stem = settings.get("target") or name.split("-")[0]
    found["sources"] = (stem,)
    found["layers"] = sum(f"lstm.weight_ih_l{layer}" in network for layer in range(9))
    return _checkpoint("openunmix", found, {f"{stem}.{key}": x for key, x in network.items()})


def _roformer(package: Package, settings: Settings, _name: str) -> Checkpoint:
    network = package.tensors
    for part, kind in _VARIANTS.items():
        if any(part in name for name in network):
            raise ConvertError(f"This is a RoFormer with {kind}, which is not known here.")
    try:
        found = dimensions.of_roformer(network)
    except KeyError as error:
        raise ConvertError(f"This RoFormer lacks the tensor {error}.") from error
    found |= dimensions.settings_of_roformer(settings, found)
    found |= _bands(found, mel="final_norm.gamma" not in network)
    estimators = (name.split(".") for name in network if name.startswith("mask_estimators."))
    stems = len({number for _, number, *_ in estimators})
    found["sources"] = _sources(settings, stems)
    if stems == 1:
        found["sources"] += (_rest_of(found["sources"][0], settings),)
    found["remainder"] = stems == 1
    found["normalised"] = bool(section_of(settings, "inference").get("normalize", False))
    made = _checkpoint("roformer", found, network)
    for name in sorted(set(network) - set(made.tensors)):
        if not name.endswith(ROTATION):
            raise ConvertError(f"This RoFormer has a tensor {name}, which is not known here.")
        usual = angular_frequencies(found["head_width"])
        # Checkpoints in 16 bits have them rounded, and networks were not trained with that.
        if not np.allclose(network[name], usual, rtol=2**-8, atol=2**-14):
            raise ConvertError(f"The rotation {name} of this RoFormer is an unusual one.")
    return made


_VARIANTS = {
    "lora_": "LoRA layers that are not merged into its weights",
    ".temperature": "linear attention",
    ".pope_embed.": "PoPE instead of rotary positions",
    "value_residual": "value residuals",
    "residual_fn": "hyper-connections",
    "static_alpha": "hyper-connections",
    ".conv.": "convolutions (a conformer)",
    "mamba": "Mamba layers",
}
"""What other networks with the same bands have among the names of their tensors."""


def _bands(found: Mapping[str, Any], *, mel: bool) -> dict[str, Any]:
    """The bands of a RoFormer, from how many numbers each has in a frame."""
    counts, per_frequency = found["sizes"], 2 * found["audio_channels"]
    if mel:
        return {"sizes": [], "mel_bands": len(counts)}
    frequencies = found["n_fft"] // 2 + 1
    if sum(counts) != per_frequency * frequencies:
        raise ConvertError(
            f"The bands of this RoFormer have {sum(counts) / per_frequency:g} frequencies, but its "
            f"configuration {frequencies}: is stft_n_fft or stereo that of another checkpoint?"
        )
    return {"sizes": [count // per_frequency for count in counts]}


def _rest_of(stem: str, settings: Settings) -> str:
    """The name of what the only stem of a network leaves of the song."""
    names = section_of(settings, "training").get("instruments") or ()
    others = [str(name) for name in names if name != stem]
    if stem.lower() == "vocals" and others in ([], ["other"]):
        return "instrumental"
    return others[0] if len(others) == 1 else "remainder"


_KINDS: Mapping[str, Callable[[Package, Settings, str], Checkpoint]] = {
    "crosstransformer.norm_in.weight": _htdemucs,
    "encoder.5.dconv.layers.0.3.lstm.weight_ih_l0": _hdemucs,
    "separation_net.dp_modules.0.lstm_layers.0.weight_ih_l0": _scnet,
    "band_split.to_features.0.0.gamma": _roformer,
    "input_mean": _open_unmix,
}
"""How the kinds of networks are read, by a tensor that only they have."""


def _normalised(settings: Settings) -> bool:
    """Whether songs are normalised: ZFTurbo's program only does it if the configuration says so."""
    inference = section_of(settings, "inference")
    return bool(inference.get("normalize", "training" not in settings))


def _sources(settings: Settings, count: int) -> tuple[str, ...]:
    """The names of the stems: as the configuration says, or the usual ones."""
    model, training = (section_of(settings, name) for name in ("model", "training"))
    said = training.get("instruments") or model.get("sources")
    target = training.get("target_instrument")
    names = tuple(said or {4: _FOUR, 6: _SIX}.get(count, ()))
    if target and count == 1:
        return (str(target),)
    if len(names) != count:
        raise ConvertError(
            f"This network makes {count} stems, and their names are not known: give its "
            "configuration (.yaml), too, with instruments in the section training."
        )
    return tuple(map(str, names))


def _checkpoint(
    architecture: str, found: Mapping[str, Any], network: Mapping[str, NDArray[Any]]
) -> Checkpoint:
    kind = ARCHITECTURES[architecture]
    try:
        config: Any = parameters.make_config(kind.config, found)
        shapes = kind.network.shapes(config)
        parameters.check(network, shapes)
        check_sources(config.sources)
    except (TypeError, ValueError) as error:
        raise ConvertError(f"This {kind.network.__name__} cannot be used. {error}") from error
    tensors = exact({name: np.asarray(network[name]) for name in shapes})
    metadata = {
        "architecture": architecture,
        "config": parameters.write_config(config),
        "licence": LICENCE,
    }
    return Checkpoint(tensors, metadata)
