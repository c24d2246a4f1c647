"""SCNet on unusual inputs; tests/golden compares it with its original on usual ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import py_demixer
from py_demixer.models.scnet import Band, Config, SCNet
from tests import synthetic, tiny


@pytest.fixture(scope="module")
def model() -> SCNet:
    return tiny.short("scnet")


@pytest.mark.parametrize("length", [1, 2, 1023, 1024, 2048, 3071, 3072, 3073, 10_001])
def test_segments_may_have_any_length(model, length):
    """The original fails with fewer than 2048 samples, which it cannot reflect."""
    mixture = synthetic.noise(1.0)[:, :length]
    stems = model(mixture)
    assert stems.shape == (4, 2, length)
    assert np.isfinite(stems).all()
    assert np.abs(stems).max() > 0


def test_segments_are_padded_to_an_even_number_of_frames(model):
    lengths = np.arange(1, 20_000)
    hops = np.array([model.filled(length) for length in lengths]) / 1024
    assert (hops % 2 == 1).all()
    assert (hops * 1024 > lengths).all()
    assert (hops * 1024 <= lengths + 2 * 1024).sum() == (lengths >= 1024).sum()
    assert hops.min() == 3


def test_silence_is_silent(model):
    for length in (500, tiny.SECOND):
        assert not model(np.zeros((2, length), np.float32)).any()
    song = np.zeros((2, 3 * tiny.SECOND), np.float32)
    assert not py_demixer.separate(song, model).audio.any()


def test_song_shorter_than_a_segment_and_mono(model):
    song = synthetic.song(0.4)
    assert py_demixer.separate(song, model).audio.shape == (4, 2, song.shape[1])
    mono = py_demixer.separate(song[0], model).audio
    assert np.array_equal(mono, py_demixer.separate(np.stack([song[0]] * 2), model).audio)


def test_level_does_not_matter(model):
    """The network standardises its spectrogram."""
    mixture = synthetic.song(0.5)
    stems, loud = model(mixture), model(np.float32(10) * mixture)
    # Up to what is added to the standard deviation, 1e-5.
    assert np.allclose(loud, 10 * stems, rtol=0, atol=1e-3 * np.abs(loud).max())


@pytest.mark.parametrize("frequencies", [2049, 616, 186, 100])
def test_bands_are_compressed_and_expanded_to_the_same_place(frequencies):
    bands = Config().bands(frequencies)
    assert (bands[0].start, bands[-1].stop) == (0, frequencies)
    for lower, higher in itertools.pairwise(bands):
        assert lower.stop == higher.start
    for band in bands:
        size = band.stop - band.start
        whole = (band.compressed - 1) * band.stride + band.kernel
        assert 0 <= band.crop <= whole - size
        assert (size + sum(band.padding) - band.kernel) % band.stride == 0


def test_band_without_compression_keeps_its_size():
    band = Band(10, 50, 1, 3)
    assert (band.padding, band.compressed, band.crop) == ((1, 1), 40, 1)


def test_decoders_read_their_channels_once():
    """The weights of both copies of a channel are added, in float32, and so are LSTMs' biases."""
    kind = tiny.kind("scnet")
    tensors = tiny.tensors(0, kind)
    made = SCNet.prepared(tensors)
    name = "decoder.0.0.conv.weight"
    whole = tensors[name].astype(np.float32)
    half = whole.shape[1] // 2
    assert made[name].dtype == np.float32
    assert np.array_equal(made[name], whole[:, :half] + whole[:, half:])
    lstm = "separation_net.dp_modules.0.lstm_layers.0"
    both = (tensors[f"{lstm}.bias_{kind}_l0"].astype(np.float32) for kind in ("ih", "hh"))
    assert np.array_equal(made[f"{lstm}.bias_l0"], sum(both))
    assert set(tensors) - set(made) == {n for n in tensors if ".bias_ih_" in n or ".bias_hh_" in n}
