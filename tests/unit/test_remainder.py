"""Stems that add up to the mixture."""

import numpy as np
import pytest

import py_demixer
from py_demixer import Stems, sum_to_mixture
from tests import synthetic

SOURCES = ("drums", "bass", "other", "vocals")


@pytest.fixture
def mixture():
    return synthetic.song(0.5)


def estimates(mixture, sources=SOURCES, start=0):
    """Stems that are not quite the mixture's: a quarter of it each, with noise."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((len(sources), *mixture.shape)).astype(np.float32)
    return Stems(sources, mixture / 4 + noise / 10, 44100, start)


def added_up(stems, last):
    """The sum in the stated order, and the unit in the last place of the largest number."""
    total = np.zeros_like(stems[last])
    for name in stems:
        if name != last:
            total += stems[name]
    largest = np.maximum(np.abs(total), np.abs(stems[last]))
    return total + stems[last], largest


@pytest.mark.parametrize(
    ("sources", "into", "taker", "made"),
    [
        (SOURCES, None, "other", SOURCES),
        (SOURCES, "drums", "drums", SOURCES),
        (SOURCES, "remainder", "remainder", (*SOURCES, "remainder")),
        (("vocals", "drums"), None, "remainder", ("vocals", "drums", "remainder")),
        (("vocals",), None, "remainder", ("vocals", "remainder")),
    ],
)
def test_one_stem_takes_what_the_others_leave(mixture, sources, into, taker, made):
    stems = estimates(mixture, sources)
    whole = sum_to_mixture(stems, mixture, into)
    assert whole.sources == made
    for name in sources:
        if name != taker:
            np.testing.assert_array_equal(whole[name], stems[name])
    total, largest = added_up(whole, taker)
    unit = np.spacing(np.maximum(largest, np.abs(mixture)).astype(np.float32))
    assert (np.abs(total - mixture) <= unit).all()
    # Without that, they do not add up.
    assert np.abs(stems.audio.sum(axis=0) - mixture).max() > 0.05


def test_blocks_give_the_same_bits_as_the_whole(mixture):
    stems = estimates(mixture)
    whole = sum_to_mixture(stems, mixture)
    for start, stop in ((0, 1000), (1000, mixture.shape[1])):
        part = Stems(SOURCES, stems.audio[:, :, start:stop], 44100, start)
        added = sum_to_mixture(part, mixture[:, start:stop])
        assert added.start == start
        np.testing.assert_array_equal(added.audio, whole.audio[:, :, start:stop])


def test_mono_mixture_is_copied_to_both_channels(mixture):
    stems = estimates(np.stack([mixture[0]] * 2))
    twice = sum_to_mixture(stems, np.stack([mixture[0]] * 2))
    np.testing.assert_array_equal(sum_to_mixture(stems, mixture[0]).audio, twice.audio)


def test_wrong_arguments_are_refused(mixture):
    stems = estimates(mixture)
    with pytest.raises(ValueError, match="no stem 'guitar': choose one of drums, bass, other"):
        sum_to_mixture(stems, mixture, "guitar")
    with pytest.raises(ValueError, match="give the same part of the song"):
        sum_to_mixture(stems, mixture[:, 1:])


def test_output_names_the_stems_that_are_written():
    names = py_demixer.Output(sum_to_mixture=True).names
    assert names(SOURCES) == SOURCES
    assert names(["vocals"]) == ("vocals", "remainder")
    own = py_demixer.Output(sum_to_mixture="remainder")
    assert own.names(SOURCES) == (*SOURCES, "remainder")
    both = py_demixer.Output(sum_to_mixture=True, two_stems="vocals")
    assert both.names(["vocals"]) == ("vocals", "no_vocals")
    with pytest.raises(ValueError, match="no stem 'guitar'"):
        py_demixer.Output(sum_to_mixture="guitar").names(SOURCES)
