"""SCNet: from checkpoints that PyTorch made to stems."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import py_demixer
from py_demixer.errors import ConvertError
from py_demixer.models import parameters
from py_demixer.models.scnet import Config, SCNet
from py_demixer.weights import checkpoint, convert, dimensions, fetch, manifest, pytorch
from tests import synthetic, tiny
from web import server

MADE = Path(__file__).parents[1] / "golden" / "scnet"
SMALL = tiny.Kind("scnet", {"widths": (4, 4, 8), "layers": 2})
"""The network in the checkpoints: see tests/golden/make_scnet.py."""

SHORT = {"segment_length": tiny.SECOND}


def model(name="scnet"):
    """A published model, but made of the small network, with short segments."""
    found = manifest.MODELS[name]
    config = {key: value for key, value in found.config.items() if key != "widths"}
    return replace(found, config=config | SHORT)


@pytest.mark.parametrize("name", ["scnet", "scnet_large"])
def test_from_the_published_file_to_stems(name, tmp_path, monkeypatch):
    file = MADE / "weights.ckpt"
    convert.convert([file], tmp_path / "made", [model(name)])
    size, lines = (tmp_path / "made").stat().st_size, []
    source = manifest.HttpSource(
        f"http://127.0.0.1:9/{file.name}", file.stat().st_size, checkpoint.sha256(file)
    )
    published = replace(model(name), sources=(source,), file=replace(model(name).file, bytes=size))
    with server.serving(MADE) as url:
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)
        path = fetch.ensure(published, tmp_path / "cache", lines.append)
    assert "MIT licence." in lines[0]
    loaded = py_demixer.load_model(name, path)
    config = Config(**SMALL.config, **{key: _tuple(x) for key, x in model(name).config.items()})
    assert loaded.config == config
    expected = SCNet(tiny.tensors(0, SMALL), config)
    mixture = synthetic.song(1.3)
    stems = [py_demixer.separate(mixture, network).audio for network in (loaded, expected)]
    assert np.array_equal(*stems)


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def test_best_state_of_a_training_program_is_read_without_its_prefix(tmp_path):
    bare, trained = (pytorch.read(MADE / name).tensors for name in ("weights.ckpt", "training.th"))
    assert list(bare) == list(trained)
    assert all(np.array_equal(bare[name], trained[name]) for name in bare)
    made = [tmp_path / name for name in ("bare", "trained")]
    for path, name in zip(made, ("weights.ckpt", "training.th"), strict=True):
        convert.convert([MADE / name], path, [model()])
    assert made[0].read_bytes() == made[1].read_bytes()


@pytest.mark.parametrize("name", ["scnet", "scnet_large"])
def test_dimensions_follow_from_the_shapes(name):
    released = manifest.MODELS[name]
    config = parameters.make_config(Config, released.config)
    empty = {key: np.empty(shape, np.float16) for key, shape in SCNet.shapes(config).items()}
    found = parameters.make_config(Config, dimensions.of_scnet(empty))
    assert replace(found, shares=config.shares) == config


def test_stated_size_is_that_of_the_converted_file(tmp_path):
    for name in ("scnet", "scnet_large"):
        released = manifest.MODELS[name]
        config = parameters.make_config(Config, released.config)
        tensors = {key: np.zeros(shape, np.float32) for key, shape in SCNet.shapes(config).items()}
        metadata = {
            "architecture": "scnet",
            "config": parameters.write_config(config),
            "licence": released.licence.text,
        }
        checkpoint.write(tmp_path / "made", tensors, metadata)
        assert (tmp_path / "made").stat().st_size == released.file.bytes


def test_network_of_other_dimensions_is_not_taken_for_the_published_one(tmp_path):
    models = [manifest.MODELS[name] for name in ("htdemucs", "scnet", "umxhq")]
    with pytest.raises(ConvertError, match="match none of the models") as raised:
        convert.convert([MADE / "weights.ckpt"], tmp_path / "out", models)
    assert "scnet: The tensor encoder" in str(raised.value)


def test_networks_of_other_kinds_are_refused(tmp_path):
    other = next((MADE.parent / "demucs").glob("5c90dfd2-*.th"))
    with pytest.raises(ConvertError, match=r"scnet: the network is of another kind\."):
        convert.convert([other], tmp_path / "out", [model()])
