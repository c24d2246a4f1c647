"""What a published checkpoint says of its network: its kind and its dimensions.

Demucs' checkpoints hold the arguments that their network was made with (``klass`` and ``kwargs`` of
demucs/states.py). Some are dimensions; some must have the value that the networks of
:mod:`py_demixer.models` are written for; the others matter to training alone. Open-Unmix'
checkpoints are tensors, whose shapes tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from py_demixer.errors import ConvertError

from .pytorch import Package

CLASSES = {"HTDemucs": "htdemucs", "HDemucs": "hdemucs"}
"""By the names of the original classes."""

# Arguments of the original's classes that are dimensions: their names here, and their defaults
# there.
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
_SEGMENT_SECONDS = {"HTDemucs": 10, "HDemucs": 40}  # by default

# Those that must have one value: that value, and the default.
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
    """Dimensions, as the network's ``Config`` names them, by the checkpoint's arguments.

    Raises
    ------
    ConvertError
        The network is made in a way that this package's are not.
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


def of_open_unmix(network: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """What of :class:`py_demixer.models.openunmix.Config` the shapes of a stem's network tell."""
    return {
        "hidden": len(network["fc1.weight"]),
        "bandwidth": len(network["input_mean"]),
        "n_fft": 2 * (len(network["output_mean"]) - 1),
    }


def _require(klass: str, name: str, value: Any, wanted: Any) -> None:
    if value != wanted:
        raise ConvertError(
            f"This {klass} was made with {name}={value!r}; only {name}={wanted!r} is known here."
        )
