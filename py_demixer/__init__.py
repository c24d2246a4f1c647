"""Music source separation in NumPy, natively and in Pyodide: SCNet, Demucs, RoFormers and others.

>>> import py_demixer
>>> model = py_demixer.load_model("htdemucs")                # doctest: +SKIP
>>> stems = py_demixer.separate(mixture, model)              # doctest: +SKIP
>>> stems["vocals"].shape == mixture.shape                   # doctest: +SKIP
True
>>> py_demixer.separate_file("song.flac", "out", model)      # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py_demixer.analysis import Analyser, Analysis, Beats, Key, analyse
from py_demixer.errors import (
    AudioError,
    Cancelled,
    ConvertError,
    FetchError,
    MissingPackageError,
    PyDemixerError,
    WorkerError,
)
from py_demixer.models.bag import Bag
from py_demixer.models.ensemble import Ensemble
from py_demixer.models.hdemucs import HDemucs
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.models.network import Model
from py_demixer.models.openunmix import OpenUnmix
from py_demixer.separation.processes import Workers
from py_demixer.separation.recurrent import OpenUnmixOptions
from py_demixer.separation.remainder import sum_to_mixture
from py_demixer.separation.segments import DemucsOptions
from py_demixer.separation.separate import Stems, separate, separate_blocks
from py_demixer.separation.statistics import downmix_matrix, measure
from py_demixer.separation.tasks import SongStatistics
from py_demixer.separation.together import EnsembleOptions
from py_demixer.version import __version__ as __version__
from py_demixer.weights import loading
from py_demixer.weights.loading import ModelInfo, Weights, list_models
from py_demixer.weights.manifest import DEFAULT

if TYPE_CHECKING:
    from py_demixer.audio.arrays import load_audio, save_audio
    from py_demixer.audio.files import Output, Separated, separate_file

__all__ = [
    "Analyser",
    "Analysis",
    "AudioError",
    "Bag",
    "Beats",
    "Cancelled",
    "ConvertError",
    "DemucsOptions",
    "Ensemble",
    "EnsembleOptions",
    "FetchError",
    "HDemucs",
    "HTDemucs",
    "Key",
    "MissingPackageError",
    "ModelInfo",
    "OpenUnmix",
    "OpenUnmixOptions",
    "Output",
    "PyDemixerError",
    "Separated",
    "SongStatistics",
    "Stems",
    "WorkerError",
    "Workers",
    "analyse",
    "downmix_matrix",
    "list_models",
    "load_audio",
    "load_checkpoint",
    "load_model",
    "measure",
    "save_audio",
    "separate",
    "separate_blocks",
    "separate_file",
    "sum_to_mixture",
]


def load_model(
    name: str = DEFAULT,
    weights: Weights | None = None,
    backend: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Model:
    """Load a model.

    Parameters
    ----------
    name
        Name of the model; ``py-demixer models`` lists them.
    weights
        Path of its weight file, or the file's content. None uses the default path; if no valid
        file is there, the published one is fetched.
    backend
        The backend to run the model: ``"numpy"``, ``"scipy"``, ``"kernels"`` (in Pyodide),
        ``"webgpu"`` (a graphics card), or None for the best one on the processor.
    report
        Called with lines about the licence and the progress while weights are fetched; None logs
        them (``logging``, level INFO, logger ``py_demixer``).

    Raises
    ------
    ValueError
        There is no such model or backend, or the weight file is damaged or for another model.
    FileNotFoundError
        The given weight file does not exist.
    FetchError
        The weights could not be fetched.
    ImportError
        The backend's library is not installed, or cannot run on this machine.
    """
    return loading.load_model(name, weights, backend, report)


def load_checkpoint(
    path: str | Path, config: str | Path | None = None, backend: str | None = None
) -> Model:
    """Load a model from a checkpoint of your own.

    Parameters
    ----------
    path
        A PyTorch checkpoint (of Demucs v3 or v4, SCNet, a BS- or Mel-Band RoFormer, or one stem of
        Open-Unmix), tensors in the safetensors format, or a weight file of this package. Nothing in
        it is executed.
    config
        The configuration (YAML) of the program that trained the network, if the checkpoint does not
        say its dimensions and stems.
    backend
        See :func:`load_model`.

    Raises
    ------
    ConvertError
        A file is of an unknown kind, or something about the network is not known or not supported.
    OSError
        A file cannot be read.
    ImportError
        The backend's library, or the one that reads the configuration, is not installed.
    """
    return loading.load_checkpoint(path, config, backend)


def __getattr__(name: str) -> Any:
    """Import functions for audio files on first use: they are not needed in browsers."""
    if name in ("Output", "Separated", "separate_file"):
        from py_demixer.audio import files

        return getattr(files, name)
    if name in ("load_audio", "save_audio"):
        from py_demixer.audio import arrays

        return getattr(arrays, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
