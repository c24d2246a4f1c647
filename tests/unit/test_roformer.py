"""RoFormers on unusual inputs, their bands, and checkpoints of one's own.

tests/golden compares them with the original.
"""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import py_demixer
from py_demixer import cli
from py_demixer.errors import ConvertError
from py_demixer.evaluation.metrics import snr
from py_demixer.models import roformer
from py_demixer.models.roformer import Config, RoFormer, mel_bands
from py_demixer.ops import attention as attentions
from py_demixer.ops.transformer import rotate, rotations
from py_demixer.program import execute
from py_demixer.program.record import record
from py_demixer.pyodide.checkpoints import Conversion, _estimated
from py_demixer.weights import checkpoint, own, pytorch
from tests import synthetic, tiny
from tests.bench.inside import peak
from tests.golden import cases
from tests.own import ROFORMER_SETTINGS, ROFORMERS

MADE = Path(__file__).parents[1] / "golden" / "roformer"
KINDS = ("bs_roformer", "mel_roformer")


@pytest.fixture(scope="module", params=KINDS)
def model(request) -> RoFormer:
    return tiny.model(tiny.kind(request.param, tiny.SECOND))


@pytest.mark.parametrize("length", [1, 1024, 1025, 1300, 20_000])
def test_segments_may_have_any_length(model, length):
    """The original fails with 1024 samples or fewer, which it cannot reflect."""
    stems = model(synthetic.noise(1.0)[:, :length])
    assert stems.shape == (len(model.sources), 2, length)
    assert np.isfinite(stems).all()
    assert np.abs(stems).max() > 0


def test_silence_is_silent(model):
    for length in (500, tiny.SECOND):
        assert not model(np.zeros((2, length), np.float32)).any()


def test_song_shorter_than_a_segment_and_mono(model):
    song = synthetic.song(0.4)
    mono = py_demixer.separate(song[0], model).audio
    assert mono.shape == (len(model.sources), 2, song.shape[1])
    assert np.array_equal(mono, py_demixer.separate(np.stack([song[0]] * 2), model).audio)


def test_all_segments_of_a_song_are_as_long_as_in_training(model, monkeypatch):
    lengths = []
    network = type(model).network
    monkeypatch.setattr(
        type(model), "network", lambda self, x: lengths.append(x.shape[1]) or network(self, x)
    )
    py_demixer.separate(synthetic.song(2.2), model)
    assert lengths == [tiny.SECOND] * 3


def test_remainder_is_what_the_stems_leave():
    model = tiny.short("mel_roformer")
    song = synthetic.song(2.2)
    stems = py_demixer.separate(song, model)
    assert stems.sources == ("vocals", "instrumental")
    assert np.allclose(stems["vocals"] + stems["instrumental"], song, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_program_gives_the_bits_of_its_network(name):
    kind = tiny.kind(name, 1 << 14)
    tensors, model = tiny.tensors(0, kind), tiny.model(kind)
    program = record(model.network, model.input_shape, tensors)
    segment = synthetic.song(1.0)[:, : 1 << 14]
    assert np.array_equal(execute.run(program, tensors, model.input_for(segment)), model(segment))


def test_vectors_of_the_bands_are_in_memory_once(monkeypatch):
    """They are the largest arrays; all others are those of a part of the bands or frames."""
    for name in ("attention_branch", "feed_forward_branch"):
        branch = functools.partial(getattr(roformer, name), branch_bytes=1 << 18)
        monkeypatch.setattr(roformer, name, branch)
    config = Config(width=256, depth=1, heads=4, head_width=64, mask_width=16)
    shapes = RoFormer.shapes(config)
    network = RoFormer({name: np.zeros(shapes[name], np.float16) for name in shapes}, config)
    segment = synthetic.noise(1.0)
    vectors = 4 * config.width * config.mel_bands * (1 + segment.shape[1] // config.hop)
    given = network.input_for(segment)
    used = peak(lambda: network.network(given))
    assert vectors < used < 1.6 * vectors


# ---- bands --------------------------------------------------------------------------------------


def test_mel_bands_cover_all_frequencies_and_overlap():
    bands = np.array(mel_bands(44100, 2048, 60))
    starts, stops = bands.T
    assert (starts[0], stops[-1]) == (0, 1025)
    assert (starts[1:] < stops[:-1]).all()
    assert (np.diff(starts) >= 0).all()
    # As in the original, with librosa's filters: the first and the last band, and their sizes.
    assert bands[[0, -1]].tolist() == [[0, 7], [895, 1025]]
    assert (stops - starts).sum() == 1979


def test_masks_of_overlapping_bands_are_averaged():
    config = Config(drops_dc=False)
    shares = config.shares
    counts = sum(
        (np.arange(1025) >= start) & (np.arange(1025) < stop) for start, stop in config.bands
    )
    assert np.allclose(shares * counts, 1)
    assert replace(config, drops_dc=True).shares[0] == 0
    assert (replace(config, sizes=(25, 1000)).shares == 1).all()


# ---- attention ----------------------------------------------------------------------------------


def test_rotation_depends_on_the_distance_only():
    x = cases.random("rotation", 8, 1, 1)
    both = [np.repeat(x + shift, 9, axis=2) for shift in (0, 1)]
    for each in both:
        rotate(each, *rotations(8, 9))
    scores = both[0][:, 0].T @ both[1][:, 0]
    for distance in range(-8, 9):
        assert np.ptp(np.diagonal(scores, distance)) < 1e-5


@pytest.mark.parametrize("rows_at_once", [0, 1, 2, 3, 100])
def test_attention_in_rows_is_that_of_each_row(rows_at_once):
    query, key, value = (cases.random(f"rows/{name}", 12, 7, 11) for name in "qkv")
    limit = 4 * 11**2 * rows_at_once
    found = attentions.attention_in_rows(query, key, value, 3, score_bytes=limit)
    for row in range(7):
        wanted = attentions.attention(query[:, row], key[:, row], value[:, row], 3)
        assert snr(found[:, row], wanted) > 120


# ---- checkpoints of one's own -------------------------------------------------------------------


def settings(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = ROFORMER_SETTINGS[name]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["bs", "mel"])
def test_checkpoint_with_its_configuration(name, tmp_path):
    """Its tensors are in 16 bits, in a state dict, under names with a prefix."""
    model = py_demixer.load_checkpoint(MADE / f"{name}.ckpt", settings(tmp_path, name))
    kind = ROFORMERS[name]
    expected = tiny.model(kind)
    assert model.config == expected.config
    assert {x.dtype for x in model.tensors.values()} == {np.dtype(np.float16)}
    song = synthetic.song(1.3)
    pair = [py_demixer.separate(song, network).audio for network in (model, expected)]
    assert np.array_equal(*pair)


def test_checkpoint_on_the_command_line(tmp_path):
    song, out = tmp_path / "song.wav", tmp_path / "out"
    py_demixer.save_audio(song, synthetic.song(1.3))
    given = ["--weights", MADE / "mel.ckpt", "--config", settings(tmp_path, "mel")]
    assert cli.main(list(map(str, ["separate", song, "-o", out, *given]))) == 0
    assert {path.name for path in (out / "song").iterdir()} == {"vocals.wav", "instrumental.wav"}
    made = tmp_path / "mine.safetensors"
    assert cli.main(list(map(str, ["convert", given[1], *given[2:], "-o", made]))) == 0
    assert py_demixer.load_checkpoint(made).sources == ("vocals", "instrumental")


def test_page_is_told_what_to_expect(tmp_path):
    said = own.read_settings(settings(tmp_path, "mel"))
    told = json.loads(Conversion(str(MADE / "mel.ckpt"), json.dumps(said)).described())
    assert told["sources"] == ["vocals", "instrumental"]
    assert told["step"] == 0.75
    assert 0 < told["pace"] < 0.1
    assert 180 < told["memory"] < 200
    common = _estimated(Config(), 4 * 228_202_788)
    assert 6 < common.pace < 8
    assert 1160 < common.memory < 1200  # 1,160 were measured


def test_published_dimensions_follow_from_the_shapes(tmp_path):
    """Of the Mel-Band RoFormer with 228 million parameters that most people use for vocals."""
    shapes = RoFormer.shapes(Config())
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 228_202_788
    config = Config(depth=1, width=8, head_width=2, mask_width=8)
    empty = {name: np.zeros(s, np.float16) for name, s in RoFormer.shapes(config).items()}
    safetensors.numpy.save_file(empty, tmp_path / "mine.safetensors")
    text = """
audio: {chunk_size: 352800, sample_rate: 44100}
model: {dim: 8, stereo: true, stft_hop_length: 441}
training: {instruments: [vocals, other], target_instrument: vocals}
"""
    (tmp_path / "mine.yaml").write_text(text)
    model = py_demixer.load_checkpoint(tmp_path / "mine.safetensors", tmp_path / "mine.yaml")
    assert model.config == config


def test_missing_configuration_is_told():
    with pytest.raises(ConvertError, match=r"do not tell its stems .* give its configuration"):
        own.open_checkpoint(MADE / "bs.ckpt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("depth: 1", "depth: 2"), "says depth=2, but the tensors 1: give the configuration of"),
        (("stft_n_fft: 128", "stft_n_fft: 64"), "stft_win_length=128; only stft_win_length=64"),
        (("_depth: 0", "_depth: 1"), "made with linear_transformer_depth=1; only linear"),
        (
            ("heads: 2", "heads: 2\n  sage_attention: true"),
            "made with sage_attention=True, unknown",
        ),
        (("stft_hop_length: 32", "stft_hop_length: 65"), "of 128 samples .* do not overlap"),
        (("stft_hop_length: 32", "stft_hop_length: a lot"), "malformed"),
        (("stereo: true", "stereo: false"), "have 130 frequencies, but its configuration 65"),
        (("[left, right], t", "[left], t"), "makes 2 stems, and their names are not known"),
    ],
)
def test_what_is_not_supported_is_told(change, message, tmp_path):
    said = own.read_settings(settings(tmp_path, "bs", change))
    with pytest.raises(ConvertError, match=message):
        own.open_checkpoint(MADE / "bs.ckpt", said)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layers.0.0.layers.0.0.to_qkv.lora_A", "with LoRA layers"),
        ("layers.0.0.layers.0.0.temperature", "with linear attention"),
        ("layers.0.1.layers.0.0.to_value_residual_mix.weight", "with value residuals"),
        ("layers.0.0.layers.0.conv.net.1.weight", "a conformer"),
        ("layers.0.0.layers.0.0.branch.norm.gamma", "has a tensor layers.*branch.norm.gamma"),
        ("layers.0.0.layers.0.0.rotary_embed.freqs", "is an unusual one"),
    ],
)
def test_other_variants_are_refused(name, message, tmp_path):
    tensors = dict(pytorch.read(MADE / "mel.ckpt").tensors) | {name: np.ones(4, np.float32)}
    safetensors.numpy.save_file(tensors, tmp_path / "other.safetensors")
    said = own.read_settings(settings(tmp_path, "mel"))
    with pytest.raises(ConvertError, match=message):
        own.open_checkpoint(tmp_path / "other.safetensors", said)


@pytest.mark.parametrize(
    ("instruments", "target", "names"),
    [
        ("[vocals, other]", "vocals", ("vocals", "instrumental")),
        ("[vocals, other]", "other", ("other", "vocals")),
        ("[noreverb, reverb]", "noreverb", ("noreverb", "reverb")),
        ("[vocals, drums, bass]", "drums", ("drums", "remainder")),
        ("[Vocals]", "null", ("Vocals", "instrumental")),
    ],
)
def test_remainder_has_a_name(instruments, target, names, tmp_path):
    changes = (
        ("[vocals, other]", instruments),
        ("target_instrument: vocals", f"target_instrument: {target}"),
    )
    said = own.read_settings(settings(tmp_path, "mel", *changes))
    content = own.open_checkpoint(MADE / "mel.ckpt", said)
    assert isinstance(content, checkpoint.Checkpoint)
    assert (
        py_demixer.load_checkpoint(MADE / "mel.ckpt", tmp_path / "settings.yaml").sources == names
    )
