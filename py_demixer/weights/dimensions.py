"""Read the kind and the dimensions of a network from a published checkpoint.

Demucs' checkpoints hold the arguments with which their network was made (``klass`` and ``kwargs``
of demucs/states.py). Some are dimensions; some must have the value for which the networks of
:mod:`py_demixer.models` are written; the others matter only for training. Open-Unmix's, SCNet's
and RoFormers' checkpoints hold only tensors, and most dimensions follow from their shapes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from numpy.typing import NDArray

from py_demixer.errors import ConvertError

from .pytorch import Package

CLASSES = {"HTDemucs": "htdemucs", "HDemucs": "hdemucs"}
"""Architectures by the names of the original classes."""

# Arguments of the original classes that are dimensions: their name in this package, and their
# default in the original.
_DIMENSIONS: Mapping[str, tuple[str, Any]] = {
    "sources": ("sources", None),
    "samplerate": ("sample_rate", 44100),
    "audio_channels": ("audio_channels", 2),
    "nfft": ("n_fft", 4096),
    "channels": ("channels", 48),
    "dconv_depth": ("dconv_depth", 2),
    "freq_emb": ("freq_emb", 0.2),
    "emb_scale": ("emb_scale", 10),
}
_MORE_DIMENSIONS: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "HTDemucs": {
        "dconv_comp": ("dconv_compress", 8),
        "bottom_channels": ("bottom_channels", 0),
        "t_layers": ("t_layers", 5),
        "t_heads": ("t_heads", 8),
        "t_hidden_scale": ("t_hidden_scale", 4),
    },
    "HDemucs": {"dconv_comp": ("dconv_compress", 4)},
}
_SEGMENT_SECONDS = {"HTDemucs": 10, "HDemucs": 40}  # defaults

# Arguments for which only one value is supported: that value, and the original's default.
_FIXED: Mapping[str, tuple[Any, Any]] = {
    "channels_time": (None, None),
    "growth": (2, 2),
    "wiener_iters": (0, 0),
    "end_iters": (0, 0),
    "wiener_residual": (False, False),
    "cac": (True, True),
    "rewrite": (True, True),
    "kernel_size": (8, 8),
    "stride": (4, 4),
    "time_stride": (2, 2),
    "context": (1, 1),
    "context_enc": (0, 0),
    "norm_starts": (4, 4),
    "norm_groups": (4, 4),
}
_MORE_FIXED: Mapping[str, Mapping[str, tuple[Any, Any]]] = {
    "HTDemucs": {
        "depth": (4, 4),
        "dconv_mode": (3, 1),
        "t_emb": ("sin", "sin"),
        "t_norm_in": (True, True),
        "t_norm_in_group": (False, False),
        "t_group_norm": (False, False),
        "t_norm_first": (True, True),
        "t_norm_out": (True, True),
        "t_max_period": (10000, 10000),
        "t_layer_scale": (True, True),
        "t_gelu": (True, True),
        "t_weight_pos_embed": (1, 1),
        "t_sin_random_shift": (0, 0),
        "t_sparse_self_attn": (False, False),
        "t_sparse_cross_attn": (False, False),
        "t_cross_first": (False, False),
        "use_train_segment": (True, True),
        "num_subbands": (1, 1),
    },
    "HDemucs": {
        "depth": (6, 6),
        "dconv_mode": (1, 1),
        "dconv_attn": (4, 4),
        "dconv_lstm": (4, 4),
        "hybrid": (True, True),
        "hybrid_old": (False, False),
    },
}
_FOR_TRAINING = {"emb_smooth", "dconv_init", "rescale", "multi_freqs_depth"} | {
    f"t_{name}"
    for name in (
        "dropout",
        "max_positions",
        "weight_decay",
        "lr",
        "cape_mean_normalize",
        "cape_augment",
        "cape_glob_loc_scale",
        "mask_type",
        "mask_random_seed",
        "sparse_attn_window",
        "global_window",
        "sparsity",
        "auto_sparsity",
    )
}


def of_demucs(package: Package) -> dict[str, Any]:
    """The dimensions from a checkpoint's arguments, named as in the network's ``Config``.

    Raises
    ------
    ConvertError
        The network was made with arguments that this package does not support.
    """
    klass, given = package.klass, dict(package.arguments)
    if klass is None:
        return {}
    for name, (wanted, default) in {**_FIXED, **_MORE_FIXED[klass]}.items():
        _require(klass, name, given.pop(name, default), wanted)
    _require(klass, "multi_freqs", bool(given.pop("multi_freqs", None)), False)
    found = {
        ours: given.pop(name, default)
        for name, (ours, default) in {**_DIMENSIONS, **_MORE_DIMENSIONS[klass]}.items()
    }
    seconds = given.pop("segment", _SEGMENT_SECONDS[klass])
    found["segment_length"] = int(seconds * found["sample_rate"])
    for name, value in given.items():
        if name not in _FOR_TRAINING:
            raise ConvertError(f"This {klass} was made with {name}={value!r}, unknown here.")
    if found["sources"] is None:
        raise ConvertError(f"This {klass} does not say which sources it has.")
    return found


def arguments_of_demucs(network: Mapping[str, NDArray[Any]], klass: str) -> dict[str, Any]:
    """The arguments that follow from the shapes of tensors, for a checkpoint without arguments."""
    channels = len(network["encoder.0.conv.weight"])
    found = {
        "channels": channels,
        "audio_channels": network["tencoder.0.conv.weight"].shape[1],
        "nfft": 8 * len(network["freq_emb.embedding.weight"]),
        "dconv_comp": channels // len(network["encoder.0.dconv.layers.0.0.weight"]),
        "dconv_depth": _count(network, "encoder.0.dconv.layers.{}.0.weight"),
    }
    if klass == "HTDemucs":
        first, second = network["crosstransformer.layers.0.linear1.weight"].shape
        bottom = network.get("channel_upsampler.weight", ())
        found |= {
            "dconv_mode": 3,
            "bottom_channels": len(bottom),
            "t_layers": _count(network, "crosstransformer.layers.{}.linear1.weight"),
            "t_hidden_scale": first // second,
            "segment": Fraction(39, 5),
        }
    return found


def of_open_unmix(network: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The fields of :class:`py_demixer.models.openunmix.Config` that follow from tensor shapes."""
    return {
        "hidden": len(network["fc1.weight"]),
        "bandwidth": len(network["input_mean"]),
        "n_fft": 2 * (len(network["output_mean"]) - 1),
    }


def of_scnet(network: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The fields of :class:`py_demixer.models.scnet.Config` that follow from tensor shapes.

    The shapes do not tell the bands' shares of the frequencies. Their strides are as in every
    published model: a band is compressed by its kernel, and not at all by a kernel of 3.

    Raises
    ------
    KeyError
        The tensors are not those of such a network.
    """
    coders = _count(network, "encoder.{}.globalconv.bias")
    down = [network[f"encoder.{i}.SDlayer.convs.0.weight"].shape for i in range(coders)]
    kernels = [network[f"encoder.0.SDlayer.convs.{band}.weight"].shape[2] for band in range(3)]
    branch = "encoder.0.conv_modules.{}.layers.{}"
    hidden = network[f"{branch.format(0, 0)}.6.weight"].shape[1]
    return {
        "widths": [down[0][1], *(shape[0] for shape in down)],
        "kernels": kernels,
        "strides": [1 if kernel == 3 else kernel for kernel in kernels],
        "depths": [_count(network, f"{branch.format(band, '{}')}.6.bias") for band in range(3)],
        "compress": down[0][0] // hidden,
        "layers": _count(network, "separation_net.dp_modules.{}.norm_layers.0.bias"),
    }


def settings_of_scnet(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of :class:`py_demixer.models.scnet.Config` that a configuration states.

    Raises
    ------
    ConvertError
        The network was made with settings that this package does not support.
    """
    model, audio = (section_of(settings, name) for name in ("model", "audio"))
    n_fft = model.get("nfft", 4096)
    for name, wanted in {
        "hop_size": n_fft // 4,
        "win_size": n_fft,
        "normalized": True,
        "conv_kernel": 3,
        "expand": 1,
    }.items():
        _require("SCNet", name, model.get(name, wanted), wanted)
    found = {ours: model[name] for name, ours in _SCNET_SETTINGS.items() if name in model}
    if "chunk_size" in audio:
        found["segment_length"] = int(audio["chunk_size"])
    if "sample_rate" in audio:
        found["sample_rate"] = int(audio["sample_rate"])
    return found


def of_roformer(network: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The fields of :class:`py_demixer.models.roformer.Config` that follow from tensor shapes.

    ``sizes`` are there also if the bands are mel bands, and still count the numbers for each band
    of a frame: two for each of its frequencies in each channel.

    Raises
    ------
    KeyError
        The tensors are not those of such a network.
    """
    band, block = "band_split.to_features.{}.0.gamma", "layers.{}.{}.layers.{}.0.{}"
    mask = "mask_estimators.0.to_freqs.0.0."
    depths = [_count(network, block.format(0, way, "{}", "to_qkv.weight")) for way in (0, 1)]
    width, inner = network[block.format(0, 0, 0, "to_out.0.weight")].shape
    heads = len(network[block.format(0, 0, 0, "to_gates.bias")])
    layers = sum(name.startswith(mask) and name.endswith(".weight") for name in network)
    return {
        "sizes": [len(network[band.format(i)]) for i in range(_count(network, band))],
        "width": width,
        "depth": _count(network, block.format("{}", 0, 0, "to_qkv.weight")),
        "depths": depths,
        "heads": heads,
        "head_width": inner // heads,
        "mask_width": len(network[f"{mask}0.weight"]),
        "mask_depth": layers - 1,
    }


def settings_of_roformer(settings: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of :class:`py_demixer.models.roformer.Config` that a configuration states.

    Parameters
    ----------
    found
        From :func:`of_roformer`.

    Raises
    ------
    ConvertError
        There is no configuration, it is for another network, or the network was made with settings
        that this package does not support.
    """
    model, audio, inference = (section_of(settings, n) for n in ("model", "audio", "inference"))
    if not model:
        raise ConvertError(
            "The tensors of this RoFormer do not tell its stems and its Fourier transform: give "
            "its configuration (.yaml), too."
        )
    for name, ours in _ROFORMER_SHAPES.items():
        if name in model and model[name] != found[ours]:
            raise ConvertError(
                f"The configuration says {name}={model[name]!r}, but the tensors {found[ours]!r}: "
                "give the configuration of this checkpoint."
            )
    said = {
        ours: type(usual)(model.get(name, usual))
        for name, (ours, usual) in _ROFORMER_SETTINGS.items()
    }
    if not 0 < said["hop"] <= said["n_fft"] // 2:
        raise ConvertError(
            f"Windows of {said['n_fft']} samples (stft_n_fft) every {said['hop']} "
            "(stft_hop_length) do not overlap: is this the configuration of another checkpoint?"
        )
    rate = audio.get("sample_rate", 44100)
    wanted = {"stft_win_length": said["n_fft"], "sample_rate": rate} | _ROFORMER_FIXED
    for name, value in wanted.items():
        _require("RoFormer", name, model.get(name, value), value)
    known = {*_ROFORMER_SHAPES, *_ROFORMER_SETTINGS, *wanted, *_ROFORMER_IGNORED}
    for name, value in model.items():
        if name not in known and not name.startswith("multi_stft_") and value:
            raise ConvertError(f"This RoFormer was made with {name}={value!r}, unknown here.")
    length = inference.get("chunk_size", audio.get("chunk_size"))
    channels = 2 if model.get("stereo", False) else 1
    return {
        **said,
        **({"segment_length": int(length)} if length else {}),
        "sample_rate": int(rate),
        "audio_channels": channels,
    }


_ROFORMER_SHAPES = {"dim": "width", "depth": "depth", "heads": "heads", "dim_head": "head_width"}
"""Names of dimensions that the tensors tell, in a configuration and here."""

_ROFORMER_SETTINGS: Mapping[str, tuple[str, Any]] = {
    "stft_n_fft": ("n_fft", 2048),
    "stft_hop_length": ("hop", 512),
    "stft_normalized": ("scaled", False),
    "zero_dc": ("drops_dc", True),
    "skip_connection": ("skips", False),
}

_ROFORMER_FIXED = {"linear_transformer_depth": 0, "num_residual_streams": 1}

_ROFORMER_IGNORED = {
    # What the tensors tell, too.
    *("num_stems", "stereo", "time_transformer_depth", "freq_transformer_depth", "num_bands"),
    *("freqs_per_bands", "mlp_expansion_factor", "mask_estimator_depth", "dim_freqs_in"),
    # What matters only for training, or for speed.
    *("attn_dropout", "ff_dropout", "flash_attn", "use_torch_checkpoint"),
    "match_input_audio_length",  # always
}


def section_of(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A section of a configuration; empty if there is none (``model`` may be only a name)."""
    section = settings.get(name)
    return section if isinstance(section, dict) else {}


_SCNET_SETTINGS = {
    "audio_channels": "audio_channels",
    "dims": "widths",
    "nfft": "n_fft",
    "band_SR": "shares",
    "band_stride": "strides",
    "standardised": "standardised",
}


def _count(network: Mapping[str, NDArray[Any]], pattern: str) -> int:
    """The number of layers with names of this pattern, which has a ``{}`` for their index."""
    return next(i for i in itertools.count() if pattern.format(i) not in network)


def _require(klass: str, name: str, value: Any, wanted: Any) -> None:
    if value != wanted:
        raise ConvertError(
            f"This {klass} was made with {name}={value!r}; only {name}={wanted!r} is known here."
        )
