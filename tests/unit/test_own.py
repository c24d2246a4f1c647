"""Checkpoints of one's own: recognised by their tensors, with or without a configuration."""

from __future__ import annotations

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
from py_demixer.models.openunmix import OpenUnmix
from py_demixer.models.scnet import Config, SCNet
from py_demixer.weights import checkpoint, own, storage
from py_demixer.weights.recognise import LICENCE
from tests import synthetic, tiny, unmix
from tests.own import SETTINGS, SMALL, TRAINING, hostile
from tools import site

GOLDEN = Path(__file__).parents[1] / "golden"
SONG = synthetic.song(1.3)


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def stems(model: py_demixer.Model) -> np.ndarray:
    return py_demixer.separate(SONG, model).audio


@pytest.mark.parametrize("name", ["weights.ckpt", "training.th"])
def test_scnet_with_its_configuration(name, tmp_path):
    model = py_demixer.load_checkpoint(GOLDEN / "scnet" / name, written(tmp_path, SETTINGS))
    config = Config(**SMALL.config, segment_length=tiny.SECOND)
    assert model.config == config
    assert np.array_equal(stems(model), stems(SCNet(tiny.tensors(0, SMALL), config)))


def test_scnet_trained_by_a_program_that_does_not_standardise(tmp_path):
    settings = own.read_settings(written(tmp_path, SETTINGS + TRAINING))
    assert settings["augmentations"]["mixup_probs"] == [0.2, 0.02]
    for name, standardised in (("weights.ckpt", False), ("training.th", True)):
        content = own.open_checkpoint(GOLDEN / "scnet" / name, settings)
        assert ('"standardised": false' in said(content)) is not standardised
        assert '"normalised": false' in said(content)
    settings["model"]["standardised"] = True
    settings["inference"] = {"normalize": True}
    again = own.open_checkpoint(GOLDEN / "scnet" / "weights.ckpt", settings)
    assert "standardised" not in said(again)
    assert "normalised" not in said(again)


def test_scnet_as_large_as_a_published_one_needs_no_configuration(tmp_path):
    large = Config(**tiny.RELEASED["scnet_large"].config)
    path = tmp_path / "mine.safetensors"
    for layers in (large.layers, 2):
        shapes = SCNet.shapes(replace(large, layers=layers))
        empty = {name: np.zeros(shape, np.float16) for name, shape in shapes.items()}
        safetensors.numpy.save_file(empty, path)
        if layers == large.layers:
            assert f'"shares": {json.dumps(large.shares)}' in said(own.open_checkpoint(path))
        else:
            with pytest.raises(ConvertError, match="none of the published ones"):
                own.open_checkpoint(path)


def said(content: checkpoint.Checkpoint) -> str:
    return content.metadata["config"]


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_6s", "hdemucs_mmi"])
def test_demucs_without_arguments(name, tmp_path):
    """Tensors alone, as other programs save them."""
    path = tmp_path / f"{name}.safetensors"
    safetensors.numpy.save_file(tiny.tensors(0, tiny.kind(name)), path)
    model = py_demixer.load_checkpoint(path)
    expected = tiny.model(tiny.kind(name, model.segment_length))
    heads = {"t_heads": 8} if name != "hdemucs_mmi" else {}  # shapes do not tell them
    assert model.config == type(model.config)(**{**vars(expected.config), **heads})


@pytest.mark.parametrize("path", sorted((GOLDEN / "demucs").glob("*.th")), ids=lambda p: p.stem)
def test_demucs_with_its_arguments(path):
    model = py_demixer.load_checkpoint(path)
    assert isinstance(model, py_demixer.HTDemucs | py_demixer.HDemucs)
    assert np.isfinite(stems(model)).all()


def test_demucs_with_a_configuration(tmp_path):
    path = tmp_path / "mine.safetensors"
    safetensors.numpy.save_file(tiny.tensors(0, tiny.kind("htdemucs")), path)
    text = """
model: htdemucs
htdemucs: {t_heads: 2}
training: {instruments: [kick, snare, hat, rest], segment: 1, samplerate: 44100, channels: 2}
"""
    model = py_demixer.load_checkpoint(path, written(tmp_path, text))
    assert model.sources == ("kick", "snare", "hat", "rest")
    assert model.segment_length == tiny.SECOND
    # Unless this section says so, that program does not normalise songs.
    assert not np.allclose(stems(model), stems(tiny.short()), atol=1e-4)
    text += "inference: {normalize: true}"
    model = py_demixer.load_checkpoint(path, written(tmp_path, text))
    assert np.array_equal(stems(model), stems(tiny.short()))


def test_open_unmix_is_named_like_its_file():
    (path,) = (GOLDEN / "unmix").glob("vocals-*.pth")
    model = py_demixer.load_checkpoint(path)
    assert isinstance(model, OpenUnmix)
    assert model.sources == ("vocals",)
    assert np.isfinite(stems(model)).all()


def test_weight_file_of_this_package_is_what_it_says(tmp_path):
    path = unmix.write(tmp_path / "mine.safetensors")
    assert isinstance(py_demixer.load_checkpoint(path), OpenUnmix)


def test_nothing_in_a_checkpoint_is_executed(tmp_path, capfd):
    path = tmp_path / "hostile.ckpt"
    path.write_bytes(hostile())
    with pytest.raises(ConvertError, match=r"its pickle names builtins\.print"):
        own.open_checkpoint(path)
    assert capfd.readouterr().out == ""


def foreign(folder: Path, **shapes: tuple[int, ...]) -> Path:
    path = folder / "foreign.safetensors"
    names = {name.replace("__", "."): shape for name, shape in shapes.items()}
    safetensors.numpy.save_file({n: np.zeros(s, np.float32) for n, s in names.items()}, path)
    return path


def test_unknown_networks_are_told_apart(tmp_path):
    with pytest.raises(ConvertError, match=r"of no kind that is known here .* is a__b|is a\.b"):
        own.open_checkpoint(foreign(tmp_path, a__b=(2, 3)))
    path = foreign(tmp_path, final_conv__0__weight=(4,))
    with pytest.raises(ConvertError, match=r"It looks like an MDX23C network\."):
        own.open_checkpoint(path)


def test_what_is_missing_is_told(tmp_path):
    bare = GOLDEN / "scnet" / "weights.ckpt"
    with pytest.raises(ConvertError, match=r"widths 4, 4, 8, .* give its configuration"):
        own.open_checkpoint(bare)
    tensors = tiny.tensors(0, tiny.kind("htdemucs"))
    del tensors["encoder.1.conv.weight"]
    path = tmp_path / "part.safetensors"
    safetensors.numpy.save_file(tensors, path)
    with pytest.raises(ConvertError, match=r"lacks the tensor encoder\.1\.conv\.weight"):
        own.open_checkpoint(path)
    settings = own.read_settings(written(tmp_path, SETTINGS))
    settings["model"]["sources"] = ["vocals"]
    with pytest.raises(ConvertError, match="makes 4 stems, and their names are not known"):
        own.open_checkpoint(bare, settings)
    settings["model"]["sources"] = ["vocals", "vocals", "a/b", "c"]
    with pytest.raises(ConvertError, match="cannot be called 'a/b'"):
        own.open_checkpoint(bare, settings)
    settings["model"]["sources"] = ["vocals", "vocals", "b", "c"]
    with pytest.raises(ConvertError, match="Two stems have the same name"):
        own.open_checkpoint(bare, settings)
    settings = own.read_settings(written(tmp_path, SETTINGS.replace("1024", "512")))
    with pytest.raises(ConvertError, match="made with hop_size=512; only hop_size=1024"):
        own.open_checkpoint(bare, settings)


@pytest.mark.parametrize(
    "change",
    [("4096", "a lot"), ("44100", "[1, 2]"), ("[1, 4, 16]", "7"), ("[4, 4, 8]", "[4]")],
    ids=["n_fft", "chunk_size", "strides", "widths"],
)
def test_malformed_settings_are_told(change, tmp_path):
    settings = own.read_settings(written(tmp_path, SETTINGS.replace(*change)))
    with pytest.raises(ConvertError, match=r"malformed|cannot be used|is known here"):
        own.open_checkpoint(GOLDEN / "scnet" / "weights.ckpt", settings)


@pytest.mark.parametrize(
    "shapes",
    [
        {"input_mean": ()},
        {"separation_net__dp_modules__0__lstm_layers__0__weight_ih_l0": (0,)},
        {"crosstransformer__norm_in__weight": (4,), "encoder__0__conv__weight": (0, 0)},
        {"band_split__to_features__0__0__gamma": (4,)},
    ],
    ids=["openunmix", "scnet", "htdemucs", "roformer"],
)
def test_tensors_that_only_look_like_a_network_are_told(shapes, tmp_path):
    with pytest.raises(ConvertError, match=r"malformed|lacks the tensor"):
        own.open_checkpoint(foreign(tmp_path, **shapes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "it has no sections"),
        ("a: [1", "not a configuration file"),
        ("", "no sections"),
    ],
)
def test_files_that_are_no_configuration_are_refused(text, message, tmp_path):
    with pytest.raises(ConvertError, match=message):
        own.read_settings(written(tmp_path, text))


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(1000)])
def test_files_that_are_no_checkpoint_are_refused(content, tmp_path):
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(ConvertError, match="checkpoint"):
        own.open_checkpoint(path)


# ---- foreign numbers ----------------------------------------------------------------------------


def with_dtype(kind: str, numbers: np.ndarray) -> bytes:
    """A safetensors file with a tensor whose numbers are said to be of this kind."""
    ends = [0, numbers.nbytes]
    entry = {"dtype": kind, "shape": list(numbers.shape), "data_offsets": ends}
    header = json.dumps({"x": entry}).encode()
    return len(header).to_bytes(8, "little") + header + numbers.tobytes()


def test_numbers_of_other_programs_are_read():
    x = np.linspace(-3, 3, 24).reshape(4, 6)
    for kind, numbers in (("F64", x), ("I64", x.astype("<i8")), ("BOOL", x > 0)):
        read = checkpoint.read(with_dtype(kind, numbers)).tensors["x"]
        assert np.array_equal(read, numbers)
    upper = x.astype("<f4").view("<u4") >> 16
    read = checkpoint.read(with_dtype("BF16", upper.astype("<u2"))).tensors["x"]
    assert read.dtype == np.float32
    assert np.array_equal(read, (upper << 16).view("<f4"))


def test_numbers_of_unknown_kinds_are_told(tmp_path):
    path = tmp_path / "eight.safetensors"
    path.write_bytes(with_dtype("F8_E4M3", np.zeros(4, np.uint8)))
    message = r"eight\.safetensors cannot be read\. Its numbers are stored as F8_E4M3"
    with pytest.raises(ConvertError, match=message):
        own.open_checkpoint(path)


# ---- on the command line ------------------------------------------------------------------------


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    py_demixer.save_audio(path, SONG)
    return path


def test_own_checkpoint_on_the_command_line(song, tmp_path):
    bare, out = GOLDEN / "scnet" / "weights.ckpt", tmp_path / "out"
    settings = written(tmp_path, SETTINGS)
    words = ["separate", song, "-o", out, "--weights", bare, "--config", settings, "--bits", "32f"]
    assert cli.main(list(map(str, words))) == 0
    wanted = py_demixer.separate(
        py_demixer.load_audio(song), py_demixer.load_checkpoint(bare, settings)
    )
    for name, stem in wanted.items():
        assert np.array_equal(py_demixer.load_audio(out / "song" / f"{name}.wav"), stem)


def test_converted_checkpoint_in_a_batch(song, tmp_path, capfd):
    bare, made = GOLDEN / "scnet" / "weights.ckpt", tmp_path / "mine.safetensors"
    settings = written(tmp_path, SETTINGS)
    words = ["convert", bare, "--config", settings, "-o", made]
    assert cli.main(list(map(str, words))) == 0
    assert "a network of the architecture scnet. Your own checkpoint" in capfd.readouterr().out
    words = ["batch", song, "-o", tmp_path / "out", "--weights", made, "--jobs", "1"]
    assert cli.main(list(map(str, words))) == 0
    assert len(list((tmp_path / "out" / "song").glob("*.wav"))) == 4
    with pytest.raises(SystemExit):
        cli.main([*map(str, words), "--config", str(settings)])
    assert "convert the checkpoint first" in capfd.readouterr().err


def test_network_trained_from_a_published_one_is_own(tmp_path, capfd):
    made = tmp_path / "mine.safetensors"
    file = next((GOLDEN / "demucs").glob("5c90dfd2-*.th"))
    assert cli.main(["convert", str(file), "-o", str(made)]) == 0
    assert "Your own checkpoint" in capfd.readouterr().out
    assert checkpoint.read(made.read_bytes()).metadata["licence"] == LICENCE


def test_wrong_usage_is_told(song, tmp_path, capfd):
    settings = str(written(tmp_path, SETTINGS))
    file, out = str(GOLDEN / "scnet" / "weights.ckpt"), str(tmp_path / "out")
    for words, message in (
        (["convert", file, file, "--config", settings, "-o", out], "give one file"),
        (["convert", file, "--check", "--config", settings], "--check only reads"),
        (["convert", file, "--check", "--storage", "int8"], "--check only reads"),
        (["separate", str(song), "-o", out, "--config", settings], "name it with --weights"),
    ):
        with pytest.raises(SystemExit):
            cli.main(words)
        assert message in capfd.readouterr().err


def test_open_unmix_is_stored_in_one_way(tmp_path, capfd):
    source, made = unmix.write(tmp_path / "unmix.safetensors"), tmp_path / "made"
    assert cli.main(["convert", str(source), "--storage", "int8", "-o", str(made)]) == 1
    assert "leave out --storage" in capfd.readouterr().err
    assert not made.exists()


def test_problems_of_own_checkpoints_are_sentences(song, tmp_path, capfd):
    out = ["-o", str(tmp_path / "out")]
    for weights, message in (
        (GOLDEN / "scnet" / "weights.ckpt", "give its configuration (.yaml), too."),
        (tmp_path / "none.ckpt", "There is no file"),
        (song, "song.wav is neither a PyTorch checkpoint nor a safetensors file."),
    ):
        assert cli.main(["separate", str(song), *out, "--weights", str(weights)]) == 1
        assert message in capfd.readouterr().err


# ---- storage ------------------------------------------------------------------------------------


def test_sites_and_the_command_line_store_alike():
    assert set(site.STORAGES) == set(storage.STORAGES)


@pytest.mark.parametrize(("kind", "least"), [("float32", 140), ("float16", 50), ("int8", 20)])
def test_storage_costs_what_it_tells(kind, least, tmp_path, capfd):
    tensors = {
        name: x.astype(np.float32) + np.float32(1e-4)
        for name, x in tiny.tensors(0, tiny.kind("scnet", tiny.SECOND)).items()
    }
    source, made = tmp_path / "exact.safetensors", tmp_path / f"{kind}.safetensors"
    config = {"widths": (4, 8, 8, 16), "layers": 4, "segment_length": tiny.SECOND}
    from py_demixer.models import parameters

    metadata = {
        "architecture": "scnet",
        "config": parameters.write_config(Config(**config)),
        "licence": "MIT",
    }
    checkpoint.write(source, tensors, metadata)
    words = ["convert", source, "--storage", kind, "-o", made]
    assert cli.main(list(map(str, words))) == 0
    told = [line for line in capfd.readouterr().err.splitlines() if " dB" in line]
    assert len(told) == 4
    exact, stored = (stems(py_demixer.load_checkpoint(path)) for path in (source, made))
    found = [snr(a, b) for a, b in zip(stored, exact, strict=True)]
    assert min(found) >= least
    content = checkpoint.read(made.read_bytes())
    kinds = {str(x.dtype) for x in content.tensors.values()}
    assert (
        kinds
        == {
            "float32": {"float32"},
            "float16": {"float16"},
            "int8": {"uint8", "float16", "float32"},
        }[kind]
    )
    assert content.tensors["decoder.2.0.conv.weight"].dtype != np.uint8


def test_numbers_too_large_for_16_bits_are_refused():
    with pytest.raises(ConvertError, match="too large for float16"):
        storage.stored({"a": np.full((2, 2), 1e6, np.float32)}, "float16")
