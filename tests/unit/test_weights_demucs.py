"""Demucs' other models: from published checkpoints, which PyTorch made, to stems."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import py_demixer
from py_demixer.cli import main
from py_demixer.errors import ConvertError
from py_demixer.evaluation.metrics import snr
from py_demixer.models import parameters, registry
from py_demixer.models.hdemucs import HDemucs
from py_demixer.models.htdemucs import Config, HTDemucs
from py_demixer.weights import checkpoint, convert, dimensions, fetch, manifest, pytorch
from tests import synthetic, tiny
from tests.golden import cases
from web import server

MADE = Path(__file__).parents[1] / "golden" / "demucs"
MODELS = {name: manifest.MODELS[name] for name in ("htdemucs_ft", "htdemucs_6s", "hdemucs_mmi")}


def files_of(model):
    """The stand-ins for a model's checkpoints, in the order of its source."""
    (source,) = model.sources
    published = source.files if isinstance(source, manifest.PartsSource) else (source,)
    return [next(MADE.glob(f"{file.name.split('-')[0]}-*.th")) for file in published]


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    """A function that gives a model as if published on a server of this machine."""
    with server.serving(MADE) as url:
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)

        def published(model):
            far = [
                manifest.HttpSource.named(f"http://127.0.0.1:9/{path.name}")
                for path in files_of(model)
            ]
            source = manifest.PartsSource(tuple(far)) if model.parts else far[0]
            convert.convert(files_of(model), tmp_path / "made", [model])
            size = (tmp_path / "made").stat().st_size
            file = replace(model.file, bytes=size)
            return replace(model, sources=(source,), file=file)

        yield published


@pytest.mark.parametrize("name", MODELS)
def test_from_the_published_files_to_stems(mirrored, name, tmp_path):
    model, lines = mirrored(MODELS[name]), []
    path = fetch.ensure(model, tmp_path / "cache", lines.append)
    assert model.licence.text in lines[0]
    assert [entry.name for entry in path.parent.glob("[!.]*")] == [f"{name}.safetensors"]
    loaded = py_demixer.load_model(name, path)
    assert loaded.sources == model.stems
    stems = py_demixer.separate(synthetic.song(0.5), loaded)
    for stem, wanted in zip(
        stems.audio[..., ::7], cases.load("checkpoint")[f"demucs/{name}"], strict=True
    ):
        assert snr(stem, wanted) > 100


@pytest.mark.parametrize("other", ["htdemucs", "htdemucs_ft", "hdemucs_mmi"])
def test_file_of_another_model_is_not_used(mirrored, other, tmp_path):
    """Also where the hash of the converted file is not known."""
    model, lines = mirrored(MODELS["htdemucs_6s"]), []
    path = tiny.write(tmp_path / "htdemucs_6s.safetensors", name=other)
    assert fetch.ensure(model, tmp_path, lines.append) == path
    assert lines[0] == f"{path} is damaged or of another version: it is fetched again."
    assert py_demixer.load_model("htdemucs_6s", path).sources == model.stems
    lines.clear()
    assert fetch.ensure(model, tmp_path, lines.append) == path
    assert lines == []


def test_segment_length_is_that_of_the_publisher():
    """It is not the one that the network was made with: hdemucs_mmi.yaml says 44 seconds."""
    config = manifest.MODELS["hdemucs_mmi"].config
    assert config == {"segment_length": 44 * 44100}
    assert pytorch.read(*files_of(MODELS["hdemucs_mmi"])).arguments["segment"] == 11


@pytest.mark.parametrize("name", MODELS)
def test_manifest(name, tmp_path):
    """Names and hashes, and the converted file's size for the released dimensions."""
    model = MODELS[name]
    network = registry.ARCHITECTURES[model.architecture].network
    (source,) = model.sources
    published = source.files if isinstance(source, manifest.PartsSource) else (source,)
    for file in published:
        assert file.url.startswith("https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/")
        signature, digest = Path(file.name).stem.split("-")
        assert (len(signature), file.sha256[:8]) == (8, digest)
        # The eight digits in a name do not suffice: anyone can make a file whose hash begins with
        # them.
        assert len(bytes.fromhex(file.sha256)) == 32
        assert 50e6 < file.bytes < 200e6
    config = parameters.make_config(
        registry.ARCHITECTURES[model.architecture].config,
        {"sources": list(model.stems)}
        | ({"bottom_channels": 0} if name == "htdemucs_6s" else {})
        | dict(model.config),
    )
    zeros = {key: np.zeros(shape, np.float16) for key, shape in network.shapes(config).items()}
    metadata = {
        "architecture": model.architecture,
        "config": parameters.write_config(config),
        "licence": model.licence.text,
    }
    if model.bag:
        zeros = {f"{i}.{key}": x for i in range(len(model.bag)) for key, x in zeros.items()}
        metadata["bag"] = json.dumps(model.bag)
    checkpoint.write(tmp_path / "file", zeros, metadata)
    assert (tmp_path / "file").stat().st_size == model.file.bytes


def test_released_networks_have_as_many_parameters_as_the_originals():
    six = HTDemucs.shapes(Config(sources=tuple("abcdef"), bottom_channels=0))
    assert (len(six), sum(map(np.prod, six.values()))) == (525, 27_414_996)
    three = HDemucs.shapes(HDemucs.default_config())
    assert (len(three), sum(map(np.prod, three.values()))) == (395, 83_637_832)


def test_convert_command_distinguishes_models(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(convert, "is_published", lambda *_: True)  # tiny networks are not
    for name, model in MODELS.items():
        out = tmp_path / name
        paths = [str(path) for path in reversed(files_of(model))]
        assert main(["convert", *paths, "-o", str(out)]) == 0
        assert model.title in capsys.readouterr().out
        metadata = checkpoint.read(out.read_bytes()).metadata
        assert metadata["architecture"] == model.architecture
        assert ("bag" in metadata) == (name == "htdemucs_ft")


def test_one_network_of_a_bag_is_not_mistaken_for_another_model(tmp_path):
    files = files_of(MODELS["htdemucs_ft"])
    source = manifest.PartsSource(tuple(manifest.HttpSource.named(f"x/{f.name}") for f in files))
    bag = replace(MODELS["htdemucs_ft"], sources=(source,))
    with pytest.raises(ConvertError, match="htdemucs_ft: it is made of one file for each of"):
        convert.convert(files[:1], tmp_path / "out", [manifest.MODELS["htdemucs"], bag])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"multi_freqs": [0.5]}, "made with multi_freqs=True; only multi_freqs=False is known"),
        ({"dconv_mode": 1}, "made with dconv_mode=1; only dconv_mode=3 is known"),
        ({"t_emb": "cape"}, "made with t_emb='cape'"),
        ({"future": 1}, "made with future=1, unknown here"),
        ({"sources": None}, "does not say which sources"),
    ],
)
def test_networks_with_unsupported_arguments_are_refused(change, message):
    (file,) = files_of(MODELS["htdemucs_6s"])
    package = pytorch.read(file)
    with pytest.raises(ConvertError, match=message):
        dimensions.of_demucs(replace(package, arguments={**package.arguments, **change}))


def test_missing_arguments_get_the_defaults_of_the_original():
    package = pytorch.Package({}, "HTDemucs", {"sources": ["a"], "dconv_mode": 3})
    found = dimensions.of_demucs(package)
    assert found["bottom_channels"] == 0
    assert found["segment_length"] == 441000
    assert dimensions.of_demucs(pytorch.Package({}, None, {})) == {}


def test_network_of_another_kind_or_with_other_tensors_is_refused(tmp_path):
    (six,), (three,) = (files_of(MODELS[name]) for name in ("htdemucs_6s", "hdemucs_mmi"))
    for file, name, message in (
        (three, "htdemucs_6s", "the network is of another kind, hdemucs"),
        (six, "hdemucs_mmi", "the network is of another kind, htdemucs"),
    ):
        with pytest.raises(ConvertError, match=message):
            convert.convert([file], tmp_path / "out", [MODELS[name]])
    with pytest.raises(ConvertError, match="the stems are drums, bass, other, vocals, guitar"):
        convert.convert([six], tmp_path / "out", [manifest.MODELS["htdemucs"]])
    copy = tmp_path / "f7e0c4bc-copy.th"
    shutil.copy(six, copy)
    files = [copy, *files_of(MODELS["htdemucs_ft"])[1:]]
    with pytest.raises(ConvertError, match="the networks of the bag are not alike"):
        convert.convert(files, tmp_path / "out", [MODELS["htdemucs_ft"]])


@pytest.mark.parametrize(
    ("parts", "value"),
    [(("39/5",), Fraction(39, 5)), ((39, 5), Fraction(39, 5)), ((7,), Fraction(7))],
)
def test_fractions_of_all_python_versions(parts, value):
    assert pytorch._fraction(*parts) == value


@pytest.mark.parametrize("parts", [("1e999999999",), ("1" * 50, "3"), (1, 2, 3), ([1],), ()])
def test_invalid_fractions_are_refused(parts):
    with pytest.raises((ConvertError, ValueError)):
        pytorch._fraction(*parts)
