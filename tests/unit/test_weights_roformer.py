"""The published Mel-Band RoFormer: from a checkpoint that PyTorch made to stems."""

from dataclasses import asdict, replace

import numpy as np
import pytest

import py_demixer
from py_demixer.errors import ConvertError
from py_demixer.models import parameters
from py_demixer.models.roformer import Config, RoFormer
from py_demixer.weights import checkpoint, convert, fetch, manifest
from tests import synthetic
from tests.own import ROFORMER_CHECKPOINT, ROFORMER_SETTINGS, ROFORMERS
from web import server

RELEASED = manifest.MODELS["mel_roformer"]


@pytest.fixture
def small():
    """The published model, but made of the small network in the checkpoint."""
    return replace(RELEASED, config=ROFORMERS["mel"].config)


def test_from_the_published_file_to_stems(small, tmp_path, monkeypatch):
    file = ROFORMER_CHECKPOINT
    convert.convert([file], tmp_path / "made", [small])
    size, lines = (tmp_path / "made").stat().st_size, []
    source = manifest.HttpSource(
        f"http://127.0.0.1:9/{file.name}", file.stat().st_size, checkpoint.sha256(file)
    )
    published = replace(small, sources=(source,), file=replace(small.file, bytes=size))
    with server.serving(file.parent) as url:
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)
        path = fetch.ensure(published, tmp_path / "cache", lines.append)
    assert RELEASED.licence.text in lines[0]
    loaded = py_demixer.load_model("mel_roformer", path)
    assert loaded.sources == ("vocals", "instrumental")
    mixture = synthetic.song(1.3)
    settings = tmp_path / "mel.yaml"
    settings.write_text(ROFORMER_SETTINGS["mel"])
    own = py_demixer.load_checkpoint(file, settings)
    stems = [py_demixer.separate(mixture, network).audio for network in (loaded, own)]
    assert np.array_equal(*stems)


def test_dimensions_are_those_of_the_common_size():
    """What the configuration published with the checkpoint says, as far as it matters."""
    config = parameters.make_config(Config, {"sources": list(RELEASED.stems), **RELEASED.config})
    said = {
        "width": 384,
        "depth": 6,
        "depths": (1, 1),
        "mel_bands": 60,
        "heads": 8,
        "head_width": 64,
        "n_fft": 2048,
        "hop": 441,
        "segment_length": 352800,
        "mask_depth": 2,
        "mask_width": 4 * 384,
        "remainder": True,
    }
    assert said.items() <= asdict(config).items()


def test_stated_size_is_that_of_the_converted_file():
    config = parameters.make_config(Config, {"sources": list(RELEASED.stems), **RELEASED.config})
    tensors = {key: np.zeros(shape, np.float32) for key, shape in RoFormer.shapes(config).items()}
    metadata = {
        "architecture": "roformer",
        "config": parameters.write_config(config),
        "licence": RELEASED.licence.text,
    }
    pieces = checkpoint.serialised(tensors, metadata)
    assert sum(memoryview(piece).nbytes for piece in pieces) == RELEASED.file.bytes


def test_network_of_other_dimensions_is_not_taken_for_the_published_one(tmp_path):
    with pytest.raises(ConvertError, match="mel_roformer: The tensor ") as raised:
        convert.convert([ROFORMER_CHECKPOINT], tmp_path / "out", manifest.MODELS.values())
    assert "scnet: the network is of another kind." in str(raised.value)
