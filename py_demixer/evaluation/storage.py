"""Measure what storing weights in fewer bits costs: ``py-demixer convert``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.models import parameters
from py_demixer.models.openunmix import Config, OpenUnmix
from py_demixer.separation.separate import separate
from py_demixer.weights.checkpoint import Checkpoint
from py_demixer.weights.convert import unmix_network
from py_demixer.weights.dimensions import of_open_unmix
from py_demixer.weights.networks import build_model
from py_demixer.weights.storage import quantise

from .metrics import snr

SECONDS = 6


def report(path: Path) -> Iterator[str]:
    """Yield lines of a report on one of Open-Unmix's PyTorch checkpoints.

    For each matrix, they give the bits per number after compression (zlib) and the signal-to-noise
    ratio of the numbers; then the signal-to-noise ratio of the stem that the network makes from
    noise with a spectrum similar to music.

    Raises
    ------
    ConvertError
        The file is not a checkpoint of Open-Unmix.
    """
    exact = unmix_network(path)
    stored = quantise(exact)
    total, size = 0, 0
    for name, tensor in exact.items():
        if tensor.ndim == 2:
            compressed = len(zlib.compress(stored[name].tobytes(), 9))
            loss = snr(parameters.widen(stored, name), tensor)
            yield f"{path.name} {name}: {_bits(compressed, tensor.size)}, {loss:.1f} dB"
            total, size = total + compressed, size + tensor.size
    yield f"{path.name} all matrices: {_bits(total, size)}"
    yield f"{path.name} stem: {snr(_stem(stored), _stem(exact)):.1f} dB"


def cost(content: Checkpoint, stored: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """Yield a line for each stem: how much the way in which numbers are stored changes it.

    Parameters
    ----------
    content
        A weight file.
    stored
        Its tensors, stored in another way.
    """
    before, after = (
        sum(tensor.nbytes for tensor in tensors.values()) / 1e6
        for tensors in (content.tensors, stored)
    )
    yield f"{after:.1f} MB instead of {before:.1f}"
    exact, changed = (
        build_model(Checkpoint(tensors, content.metadata)) for tensors in (content.tensors, stored)
    )
    music = _music(exact.sample_rate)
    stems = separate(music, exact)
    for name, stem in separate(music, changed).items():
        yield f"{name}: {snr(stem, stems[name]):.1f} dB"


def _bits(size: int, count: int) -> str:
    return f"{8 * size / count:.2f} bits a number"


def _stem(tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    config = Config(("stem",), **of_open_unmix(tensors))
    named = {f"stem.{name}": tensor for name, tensor in tensors.items()}
    return separate(_music(config.sample_rate), OpenUnmix(named, config)).audio


def _music(sample_rate: int) -> NDArray[np.float32]:
    """Noise whose spectrum falls by 6 dB per octave: ``(2, samples)`` float32."""
    white = np.random.default_rng(0).standard_normal((2, SECONDS * sample_rate))
    spectrum = np.fft.rfft(white)
    spectrum /= np.arange(1, spectrum.shape[1] + 1)
    noise = np.fft.irfft(spectrum)
    return (0.5 * noise / np.abs(noise).max()).astype(np.float32)
