"""Networks with released dimensions, and released weights, against PyTorch; see tests/golden."""

from pathlib import Path

import pytest

import py_demixer
from py_demixer.ops.backend import Backend
from py_demixer.ops.kernels import Kernels
from py_demixer.weights import checkpoint, networks
from tests import synthetic, tiny
from tests.golden import cases, checks


@pytest.mark.parametrize("name", tiny.RELEASED)
def test_network_of_released_dimensions(name):
    checks.check_released(name)


@pytest.mark.real_weights
@pytest.mark.parametrize("segment", ["song", "noise"])
def test_released_network(segment, real_weights: Path):
    model = py_demixer.load_model("htdemucs", real_weights)
    checks.check_network(model, segment, cases.load("htdemucs"))


@pytest.mark.real_weights
def test_released_song(real_weights: Path):
    model = py_demixer.load_model("htdemucs", real_weights)
    stems = py_demixer.separate(synthetic.song(cases.REAL_SONG_SECONDS), model)
    checks.check_stems(stems.audio, cases.load("htdemucs")["songs/plain"])


@pytest.mark.real_weights
@pytest.mark.parametrize("segment", ["song", "noise"])
def test_released_network_with_kernels(segment, real_weights: Path, native_kernels: Kernels):
    """The kernels as in the browser, but compiled for this machine."""
    weights = checkpoint.read(real_weights.read_bytes())
    by_kernels = Backend("kernels", native_kernels.gemm, native_kernels)
    model = networks.build_model(weights, by_kernels)
    checks.check_network(model, segment, cases.load("htdemucs"))
