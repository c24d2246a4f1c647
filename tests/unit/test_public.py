"""What ``import py_demixer`` gives, beyond what has tests of its own."""

from __future__ import annotations

import inspect
import logging

import numpy as np
import pytest

import py_demixer
from py_demixer import errors
from py_demixer.weights import manifest

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1000)).astype(np.float32)


def test_every_public_name_is_there() -> None:
    for name in py_demixer.__all__:
        assert getattr(py_demixer, name) is not None
    assert dir(py_demixer)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = py_demixer.nothing


def test_every_exception_is_one_of_ours() -> None:
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


def test_a_model_says_what_it_is(tiny_weights) -> None:
    tiny_model = py_demixer.load_model("htdemucs", tiny_weights)
    assert repr(tiny_model).startswith("<HTDemucs: drums, bass, other, vocals; 44100 Hz, ")
    assert repr(tiny_model).endswith(" million parameters, on numpy>")


@pytest.mark.parametrize(
    ("name", "bits", "exact"), [("a.wav", "32f", True), ("a.flac", "24", False)]
)
def test_what_is_saved_is_loaded(name: str, bits: str, exact: bool, tmp_path) -> None:
    py_demixer.save_audio(tmp_path / name, NOISE, bits=bits)
    loaded = py_demixer.load_audio(str(tmp_path / name))
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, NOISE, atol=0 if exact else 2.0**-24)
    assert py_demixer.load_audio(tmp_path / name, 22050).shape == (2, 500)


def test_what_clips_is_logged(tmp_path, caplog) -> None:
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
    ],
)
def test_what_cannot_be_saved(name: str, audio, bits: str, sentence: str, tmp_path) -> None:
    with pytest.raises(ValueError, match=sentence):
        py_demixer.save_audio(tmp_path / name, audio, bits=bits)
    assert not (tmp_path / name).exists()


def test_what_is_told_while_weights_are_fetched_is_logged(tmp_path, monkeypatch, caplog) -> None:
    def ensure(model, folder, report):
        report(f"{model.title}: a line")
        raise errors.FetchError("There is no network.")

    monkeypatch.setattr("py_demixer.weights.fetch.ensure", ensure)
    with caplog.at_level(logging.INFO, "py_demixer"), pytest.raises(py_demixer.FetchError):
        py_demixer.load_model("htdemucs")
    assert caplog.messages == ["Demucs v4 (HTDemucs): a line"]
