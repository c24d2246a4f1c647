"""Metrics of spectrograms, against the program that defines them.

The numbers of bleedless and fullness were printed by ``bleed_full`` in utils/metrics.py of
https://github.com/ZFTurbo/Music-Source-Separation-Training, and those of LSD by the same spectra in
PyTorch 2.13, for the stems of this file; those of the filters by librosa 0.11.
"""

import numpy as np
import pytest

from py_demixer.evaluation.spectra import METRICS, spectral_scores
from py_demixer.ops.mel import mel_filters
from tests import synthetic

RATE = 44100


@pytest.fixture(scope="module")
def stem():
    return synthetic.song(2.0)


def noisy(stem):
    noise = np.random.default_rng(3).standard_normal(stem.shape)
    return (0.9 * stem + 0.01 * noise).astype(np.float32)


def quiet(stem):
    return (0.8 * np.roll(stem, 3, axis=1)).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "distance", "bleedless", "fullness"),
    [
        (noisy, 11.867630958557129, 7.990556240081787, 43.28369140625),
        (quiet, 1.9394876956939697, 25.22508430480957, 34.01996612548828),
    ],
)
def test_values_are_those_of_the_original(stem, change, distance, bleedless, fullness):
    found = spectral_scores(stem, change(stem), RATE)
    assert tuple(found) == METRICS
    expected = (distance, bleedless, fullness)
    np.testing.assert_allclose(tuple(found.values()), expected, rtol=3e-6)


def test_true_stem_is_perfect(stem):
    assert spectral_scores(stem, stem, RATE) == {"LSD": 0, "bleedless": 100, "fullness": 100}


def test_bleeding_and_missing_are_told_apart(stem):
    more, less = (spectral_scores(stem, factor * stem, RATE) for factor in (2, 0.5))
    assert more["fullness"] > 99 > more["bleedless"]
    assert less["bleedless"] > 99 > less["fullness"]


def test_common_beginning_is_compared(stem):
    whole = spectral_scores(stem[:, :RATE], noisy(stem)[:, :RATE], RATE)
    assert spectral_scores(stem, noisy(stem)[:, :RATE], RATE) == whole


@pytest.mark.parametrize(
    ("arguments", "total", "centre", "middle"),
    [
        (
            (44100, 4096, 512),
            47.536895595772876,
            23044.27505615126,
            [
                0.013026226311922073,
                0.034125588834285736,
                0.033222466707229614,
                0.012292065657675266,
            ],
        ),
        (
            (22050, 1024, 128),
            5.9416587051931765,
            842.9300104282997,
            [
                0.0010807637590914965,
                0.008719010278582573,
                0.01635725609958172,
                0.013559959828853607,
            ],
        ),
    ],
)
def test_filters_are_those_of_librosa(arguments, total, centre, middle):
    filters = mel_filters(*arguments).astype(np.float64)
    assert filters.shape == (arguments[2], arguments[1] // 2 + 1)
    assert filters.sum() == pytest.approx(total, rel=1e-6)
    assert (filters * np.arange(filters.shape[1])).sum() == pytest.approx(centre, rel=1e-6)
    row = filters[arguments[2] // 2]
    np.testing.assert_allclose(row[np.nonzero(row)][:4], middle, rtol=1e-5)
