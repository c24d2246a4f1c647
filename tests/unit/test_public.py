"""The public names of ``import py_demixer`` that have no tests elsewhere."""

from __future__ import annotations

import inspect
import logging
import os

import numpy as np
import pytest

import py_demixer
from py_demixer import errors
from py_demixer.weights import checkpoint, manifest

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1000)).astype(np.float32)


def test_every_public_name_exists() -> None:
    for name in py_demixer.__all__:
        assert getattr(py_demixer, name) is not None
    assert dir(py_demixer)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = py_demixer.nothing


def test_every_exception_derives_from_the_base_class() -> None:
    found = inspect.getmembers(errors, inspect.isclass)
    assert len(found) > 10
    for _, error in found:
        assert issubclass(error, py_demixer.PyDemixerError)


def test_models_are_listed(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path))
    (tmp_path / "umxhq.safetensors").touch()
    models = py_demixer.list_models()
    assert [model.name for model in models] == list(manifest.MODELS)
    assert models[0].name == manifest.DEFAULT == "htdemucs"
    assert models[0].stems == ("drums", "bass", "other", "vocals")
    assert [model.name for model in models if model.is_fetched] == ["umxhq"]
    assert models[0].path == tmp_path / "htdemucs.safetensors"


def test_repr_of_a_model(tiny_weights) -> None:
    tiny_model = py_demixer.load_model("htdemucs", tiny_weights)
    assert repr(tiny_model).startswith("<HTDemucs: drums, bass, other, vocals; 44100 Hz, ")
    assert repr(tiny_model).endswith(" million parameters, on numpy>")


@pytest.mark.parametrize(
    ("name", "bits", "exact"), [("a.wav", "32f", True), ("a.flac", "24", False)]
)
def test_saved_audio_is_loaded(name: str, bits: str, exact: bool, tmp_path) -> None:
    py_demixer.save_audio(tmp_path / name, NOISE, bits=bits)
    loaded = py_demixer.load_audio(str(tmp_path / name))
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, NOISE, atol=0 if exact else 2.0**-24)
    assert py_demixer.load_audio(tmp_path / name, 22050).shape == (2, 500)


def test_clipping_is_logged(tmp_path, caplog) -> None:
    py_demixer.save_audio(tmp_path / "a.wav", 4 * NOISE)
    assert "samples beyond full scale are clipped" in caplog.text
    assert np.abs(py_demixer.load_audio(tmp_path / "a.wav")).max() <= 1
    caplog.clear()
    py_demixer.save_audio(tmp_path / "b.wav", 4 * NOISE, bits="32f")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "audio", "bits", "sentence"),
    [
        ("a.wav", NOISE[0], "16", r"arrays of the shape \(2, samples\), not \(1000,\)"),
        ("a.ogg", NOISE, "16", "written as wav or flac"),
        ("a.flac", NOISE, "32f", "FLAC holds integers only"),
        ("a.wav", np.ones((2, 9), np.int16), "16", "Samples must be floats"),
        ("a.wav", np.full((2, 9), np.nan, np.float32), "16", "not a finite number at 0.000 s"),
    ],
)
def test_invalid_audio_is_not_saved(name: str, audio, bits: str, sentence: str, tmp_path) -> None:
    with pytest.raises(ValueError, match=sentence):
        py_demixer.save_audio(tmp_path / name, audio, bits=bits)
    assert not (tmp_path / name).exists()


def test_existing_file_stays_until_all_is_written(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.wav"
    py_demixer.save_audio(path, NOISE)
    before = path.read_bytes()

    def half(path, *_):
        path.write_bytes(before[:99])
        raise py_demixer.AudioError("The disk is full.")

    monkeypatch.setattr("py_demixer.audio.encode.write", half)
    with pytest.raises(py_demixer.AudioError):
        py_demixer.save_audio(path, NOISE)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_and_invalid_rate(tmp_path) -> None:
    with pytest.raises(py_demixer.AudioError, match=r"There is no folder .*: make it first"):
        py_demixer.save_audio(tmp_path / "nowhere" / "a.wav", NOISE)
    with pytest.raises(ValueError, match="A sample rate is 1 Hz or more, not 0"):
        py_demixer.save_audio(tmp_path / "a.wav", NOISE, 0)


def test_pipe_is_refused(tmp_path) -> None:
    os.mkfifo(tmp_path / "song.wav")
    with pytest.raises(py_demixer.AudioError, match="is a pipe or a device"):
        py_demixer.load_audio(tmp_path / "song.wav")


def test_workers_of_another_model_are_refused(tiny_weights) -> None:
    models = [py_demixer.load_model("htdemucs", tiny_weights) for _ in range(2)]
    with (
        py_demixer.Workers(models[0], 1) as workers,
        pytest.raises(ValueError, match="These workers were started with another model"),
    ):
        py_demixer.separate(NOISE, models[1], workers=workers)
    with pytest.raises(TypeError, match="workers is a number or Workers, not '2'"):
        py_demixer.separate(NOISE, models[0], workers="2")


def test_single_network_is_refused_for_a_bag(tiny_weights) -> None:
    with pytest.raises(ValueError, match="holds one network, which is not htdemucs_ft"):
        py_demixer.load_model("htdemucs_ft", tiny_weights)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config": "null"}, "are not a network's: it is not a JSON object"),
        ({"config": '{"channels": null}'}, "not the dimensions of a network"),
        ({"config": '{"dconv_compress": 0}'}, "not the dimensions of a network"),
        ({"bag": "[]"}, "a bag without networks"),
        ({"bag": "5"}, "are not a bag's"),
    ],
)
def test_invalid_metadata_is_refused_with_a_message(
    changes, sentence: str, tiny_weights, tmp_path
) -> None:
    content = checkpoint.read(tiny_weights.read_bytes())
    checkpoint.write(tmp_path / "odd", content.tensors, {**content.metadata, **changes})
    with pytest.raises(ValueError, match=sentence):
        py_demixer.load_model("htdemucs", tmp_path / "odd")


def test_weight_file_is_replaced_atomically(tmp_path, monkeypatch) -> None:
    def full(*_):
        raise OSError("The disk is full.")

    path = tmp_path / "a.safetensors"
    checkpoint.write(path, {"a": NOISE}, {})
    before = path.read_bytes()
    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="disk is full"):
        checkpoint.write(path, {"b": NOISE}, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_messages_while_fetching_weights_are_logged(tmp_path, monkeypatch, caplog) -> None:
    def ensure(model, folder, report):
        report(f"{model.title}: a line")
        raise errors.FetchError("There is no network.")

    monkeypatch.setattr("py_demixer.weights.fetch.ensure", ensure)
    with caplog.at_level(logging.INFO, "py_demixer"), pytest.raises(py_demixer.FetchError):
        py_demixer.load_model("htdemucs")
    assert caplog.messages == ["Demucs v4 (HTDemucs): a line"]
