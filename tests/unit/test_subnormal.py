"""Subnormal numbers cost some CPUs 150 cycles per multiplication: no computation may have any."""

from __future__ import annotations

import numpy as np
import pytest

import py_demixer
from py_demixer import SongStatistics
from py_demixer.ops import backend
from py_demixer.ops.activation import glu, sigmoid, softmax
from py_demixer.ops.subnormal import SMALLEST, drop_subnormals
from py_demixer.separation import planning
from tests import synthetic, tiny, unmix
from tests.golden import cases, checks

RATE = 44100


def subnormals(x: np.ndarray) -> int:
    """The number of subnormal values in an array."""
    if np.iscomplexobj(x):
        x = np.stack([x.real, x.imag])
    sizes = np.abs(x.astype(np.float32, copy=False))
    return int(np.count_nonzero((sizes > 0) & (sizes < SMALLEST)))


def songs() -> dict[str, np.ndarray]:
    """Songs of one second; one with a decaying tail ends with the smallest numbers there are."""
    music = synthetic.song(1.0)
    time = np.linspace(0, 1, music.shape[1], dtype=np.float64)
    noise = cases.random("noise", *music.shape)
    return {
        "music": music,
        "noise": noise,
        "near-silence": (1e-7 * noise).astype(np.float32),
        "a tail": (music * np.exp(-100 * time)).astype(np.float32),
        "a tail, all of it": (1e-35 * music * np.exp(-20 * time)).astype(np.float32),
        "silence after a while": np.where(time < 0.3, music, 0).astype(np.float32),
    }


@pytest.fixture
def factors(monkeypatch) -> list[str]:
    """Records the matrix products with a subnormal value in a factor."""
    found: list[str] = []
    product = backend.gemm

    def watched(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        for name, matrix in (("left", a), ("right", b)):
            if count := subnormals(matrix):
                found.append(f"{count} of {matrix.size} on the {name}")
        return product(a, b, out)

    monkeypatch.setattr(backend, "gemm", watched)
    return found


MODELS = {
    "htdemucs": lambda: tiny.short(),
    "htdemucs_6s": lambda: tiny.short("htdemucs_6s"),
    "hdemucs_mmi": lambda: tiny.short("hdemucs_mmi"),
    "scnet": lambda: tiny.short("scnet"),
    "bs_roformer": lambda: tiny.short("bs_roformer"),
    "mel_roformer": lambda: tiny.short("mel_roformer"),
    "umxhq": lambda: unmix.model(),
}


@pytest.mark.parametrize("song", songs())
@pytest.mark.parametrize("name", MODELS)
def test_no_step_of_a_segment_has_subnormals(name, song, factors):
    model, mixture = MODELS[name](), songs()[song]
    # A song's last segment may be this quiet; the level is measured over the whole song.
    work = planning.plan(model, SongStatistics(mixture.shape[1], 0.0, 0.1))
    with backend.using("numpy"), checks.captured(lambda x: x.copy()) as steps:
        for _ in py_demixer.separation.execution.execute(
            work, [mixture], py_demixer.separation.planes.InMemory()
        ):
            pass
    assert len(steps) >= 8
    assert {name: found for name, x in steps.items() if (found := subnormals(x))} == {}
    assert factors == []


def wide(*shape: int) -> np.ndarray:
    """Numbers up to the limits of float32's exponential function, and beyond."""
    return (40 * cases.random("wide", *shape)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 2688])
def test_softmax_has_no_subnormals_and_is_accurate(count):
    scores = wide(20, count)
    exact = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    exact /= exact.sum(axis=1, keepdims=True)
    with backend.using("numpy"):
        powers = scores.copy()
        weights = powers * softmax(powers)[:, None]
    assert subnormals(weights) == 0
    assert np.allclose(weights, exact, rtol=1e-5, atol=1e-30)
    assert powers.min() > 1e7 * SMALLEST  # so products with small values are not subnormal either


def test_gates_have_no_subnormals_and_are_accurate():
    x = np.linspace(-120, 120, 4001, dtype=np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    with backend.using("numpy"), np.errstate(over="ignore"):
        shares = sigmoid(x.copy())
        gated = glu(np.stack([np.full_like(x, 0.1), x]))[0]
    for found, wanted in ((shares, exact), (gated, 0.1 * exact)):
        assert subnormals(found) == 0
        assert np.allclose(found, wanted, rtol=1e-6, atol=2 * SMALLEST)


def test_drop_subnormals_changes_nothing_else():
    exponents = np.arange(-149, 128, dtype=np.float64)
    x = np.concatenate([np.float32(sign * 1.7 * 2**exponents) for sign in (1, -1)])
    kept = drop_subnormals(x.copy())
    assert subnormals(kept) == 0
    assert np.abs(kept.astype(np.float64) - x).max() <= SMALLEST
    large = np.abs(x) >= 2**25 * SMALLEST
    assert np.array_equal(kept[large], x[large])
    special = np.array([0.0, np.inf, -np.inf, np.nan], np.float32)
    assert np.array_equal(drop_subnormals(special.copy()), special, equal_nan=True)
