"""Conversion of Open-Unmix: one checkpoint per stem, checked by the hash in its name, to 8 bits."""

import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import py_demixer
from py_demixer.cli import main
from py_demixer.errors import ConvertError
from py_demixer.evaluation.metrics import snr
from py_demixer.models import openunmix, parameters
from py_demixer.weights import checkpoint, convert, fetch, manifest, pytorch
from py_demixer.weights.storage import quantise
from tests import synthetic, unmix
from tests.golden import cases
from web import server

GOLDEN = Path(__file__).parents[1] / "golden"
UMXHQ = manifest.load()["umxhq"]
FILES = {stem: next(GOLDEN.glob(f"unmix/{stem}-*.pth")) for stem in UMXHQ.stems}


def expected(prefix):
    return {
        name.removeprefix(prefix): array
        for name, array in cases.load("checkpoint").items()
        if name.startswith(prefix)
    }


@pytest.fixture
def model():
    """UMXHQ, but made of the small networks."""
    return replace(UMXHQ, config={})


@pytest.fixture
def published(tmp_path, model, monkeypatch):
    """The same model with a mirror that serves the small networks; the model and its folder."""
    folder = tmp_path / "mirror"
    shutil.copytree(GOLDEN / "unmix", folder)
    far = [
        manifest.HttpSource.named(f"http://127.0.0.1:9/far/{path.name}") for path in FILES.values()
    ]
    made = tmp_path / "made"
    convert.convert(list(FILES.values()), made, [model])
    size = made.stat().st_size
    with server.serving(folder) as url:
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)
        yield (
            replace(
                model,
                sources=(manifest.PartsSource(tuple(far)),),
                file=manifest.WeightFile("umxhq.safetensors", size, None),
            ),
            folder,
        )


def test_from_the_published_files_to_stems(published, tmp_path):
    model, _ = published
    lines = []
    path = fetch.ensure(model, tmp_path / "cache", lines.append)
    assert model.licence.text in lines[0]
    assert [entry.name for entry in path.parent.glob("[!.]*")] == ["umxhq.safetensors"]
    network = py_demixer.load_model("umxhq", path)
    assert (network.config.hidden, network.config.bandwidth, network.config.n_fft) == (8, 24, 64)
    stems = py_demixer.separate(synthetic.song(0.5), network)
    reference = cases.load("checkpoint")["unmix/stems"]
    for stem, wanted in zip(stems.audio[..., ::7], reference, strict=True):
        assert snr(stem, wanted) > 35  # the loss by 8 bits
    again = []
    fetch.ensure(model, tmp_path / "cache", again.append)
    assert again == []


def test_network_equals_the_published_one_before_quantisation(model):
    tensors = {
        f"{stem}.{name}": tensor
        for stem, path in FILES.items()
        for name, tensor in convert.unmix_network(path).items()
    }
    config = openunmix.Config(hidden=8, bandwidth=24, n_fft=64)
    network = openunmix.OpenUnmix(tensors, config)
    stems = py_demixer.separate(synthetic.song(0.5), network).audio[..., ::7]
    for stem, wanted in zip(stems, cases.load("checkpoint")["unmix/stems"], strict=True):
        assert snr(stem, wanted) > 100


@pytest.mark.parametrize("stem", FILES)
def test_checkpoints_of_both_formats_bit_for_bit(stem):
    wanted = expected(f"unmix/{stem}/")
    read = pytorch.read(FILES[stem]).tensors
    assert set(read) - set(wanted) == {"sample_rate", "stft.window"}
    for name, array in wanted.items():
        assert np.array_equal(read[name], array)
    network = convert.unmix_network(FILES[stem])
    assert set(network) == {name for name in wanted if "batches" not in name}


def test_old_format_bit_for_bit():
    """Including strides, offsets and a shared storage."""
    read = pytorch.read(GOLDEN / "layouts-old.pth").tensors
    wanted = expected("layouts.pth/")
    assert set(read) == set(wanted)
    for name, array in wanted.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


class Attack:
    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return os.system, (f"touch {self.flag}",)


@pytest.mark.parametrize("place", range(4))
def test_hostile_pickles_in_the_old_format_are_refused(tmp_path, place):
    flag, parts = tmp_path / "ran", [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}]
    parts[place] = Attack(flag)
    path = tmp_path / "file.pth"
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    with pytest.raises(ConvertError, match=r"file\.pth was refused: its pickle names "):
        pytorch.read(path)
    assert not flag.exists()


def test_damaged_files_in_the_old_format_are_refused(tmp_path):
    whole = (GOLDEN / "layouts-old.pth").read_bytes()
    path = tmp_path / "file.pth"
    for content in (whole[:100], whole[:-10], whole[:300], pickle.dumps(3), b""):
        path.write_bytes(content)
        with pytest.raises(ConvertError, match=r"file\.pth (is not|was refused)"):
            pytorch.read(path)
    # A storage with a huge stated size is not allocated.
    path.write_bytes(whole.replace(pickle.dumps(24, 2)[2:-1], pickle.dumps(1 << 30, 2)[2:-1]))
    with pytest.raises(ConvertError, match="larger than the file"):
        pytorch.read(path)


def test_file_with_a_wrong_hash_is_refused_and_the_others_are_kept(published, tmp_path):
    model, folder = published
    cache = tmp_path / "cache"
    bad = folder / FILES["vocals"].name
    bad.write_bytes(b"\0" * bad.stat().st_size)
    with pytest.raises(fetch.FetchError, match=f"{bad.name}: the file there is not the expected"):
        fetch.ensure(model, cache, print)
    kept = {path.name for path in cache.glob("[!.]*")}
    assert kept == {path.name for stem, path in FILES.items() if stem != "vocals"}
    shutil.copy(FILES["vocals"], bad)
    for path in folder.iterdir():
        if path != bad:
            path.unlink()
    assert fetch.ensure(model, cache, print).name == "umxhq.safetensors"
    assert len(list(cache.glob("[!.]*"))) == 1


def test_partial_download_of_unknown_size_is_resumed(published, tmp_path):
    model, _ = published
    cache = tmp_path / "cache"
    cache.mkdir()
    for stem, size in (("bass", 1000), ("drums", None)):
        name = FILES[stem].name
        (cache / f"{name}.part").write_bytes(FILES[stem].read_bytes()[:size])
    assert fetch.ensure(model, cache, print).name == "umxhq.safetensors"


def test_unreachable_server_is_named(published, tmp_path, monkeypatch):
    model, _ = published
    monkeypatch.delenv("PY_DEMIXER_MIRROR")
    with pytest.raises(fetch.FetchError, match=r"http://127.0.0.1:9/far \(drums-.*cannot be reach"):
        fetch.ensure(model, tmp_path, print)


def test_truncated_converted_file_is_fetched_again(published, tmp_path):
    model, _ = published
    path = fetch.ensure(model, tmp_path, print)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    fetch.ensure(model, tmp_path, print)
    assert path.read_bytes() == whole


def test_files_that_do_not_make_a_model_are_refused(tmp_path, model):
    out, files = tmp_path / "out", list(FILES.values())
    with pytest.raises(ConvertError, match="one file for each of drums, bass, other, vocals"):
        convert.convert(files[:3], out, [model])
    with pytest.raises(ConvertError, match=r"umxhq: The tensor .* has the shape"):
        convert.convert(files, out, [UMXHQ])
    other = tmp_path / "bass-01234567.pth"
    shutil.copy(GOLDEN / "tiny.th", other)
    with pytest.raises(ConvertError, match="the file for bass is not one of Open-Unmix's"):
        convert.convert([FILES["drums"], other, FILES["other"], FILES["vocals"]], out, [model])
    assert not out.exists()


def test_command_line(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(manifest, "MODELS", {"umxhq": model})
    out, paths = tmp_path / "out", [str(path) for path in FILES.values()]
    assert main(["convert", *paths, "-o", str(out)]) == 0
    assert "Open-Unmix (UMXHQ). MIT" in capsys.readouterr().out
    assert checkpoint.read(out.read_bytes()).metadata["licence"] == model.licence.text
    assert main(["convert", "--check", paths[0]]) == 0
    *matrices, total, stem = capsys.readouterr().out.splitlines()
    assert len(matrices) == 3 + 12
    assert all(line.endswith(" dB") for line in matrices)
    assert "all matrices: " in total
    assert float(stem.split()[-2]) > 35
    assert main(["convert", "--check", str(GOLDEN / "layouts.pth")]) == 1
    assert "is not one of Open-Unmix's" in capsys.readouterr().err


def test_quantisation_to_8_bits():
    matrix = cases.random("matrix", 50, 400)
    matrix[7] = 3.25
    matrix[8] *= 1e-3
    matrix[9] += 100
    stored = quantise({"matrix": matrix, "vector": matrix[0]})
    assert {name: array.dtype.name for name, array in stored.items()} == {
        "matrix": "uint8",
        "matrix.scale": "float32",
        "matrix.offset": "float32",
        "vector": "float32",
    }
    assert np.array_equal(stored["vector"], matrix[0])
    back = parameters.widen(stored, "matrix")
    step = (matrix.max(axis=1) - matrix.min(axis=1)) / 255
    assert (np.abs(back - matrix) <= (0.5 * step + 1e-5)[:, None]).all()
    assert np.array_equal(back[7], matrix[7])


@pytest.mark.parametrize("name", ["umxhq", "umxl"])
def test_manifest(name):
    model = manifest.load()[name]
    (source,) = model.sources
    assert isinstance(source, manifest.PartsSource)
    assert source.parts == model.parts == model.stems
    for stem, file in zip(model.stems, source.files, strict=True):
        assert file.url.startswith(f"{model.licence.url}/files/{stem}-")
        assert file.name == f"{stem}-{file.sha256}.pth"
        assert len(file.sha256) == 8
    assert model.config == {"hidden": {"umxhq": cases.UMXHQ, "umxl": cases.UMXL}[name]}


def test_names_without_a_hash_are_refused():
    with pytest.raises(ValueError, match="does not end with a hash"):
        manifest.HttpSource.named("https://example.org/vocals.pth")


@pytest.mark.parametrize("name", ["umxhq", "umxl"])
def test_converted_file_has_the_size_in_the_manifest(name, tmp_path):
    model = manifest.load()[name]
    config = openunmix.Config(**model.config)
    metadata = {
        "architecture": "openunmix",
        "config": parameters.write_config(config),
        "licence": model.licence.text,
    }
    checkpoint.write(tmp_path / "file", quantise(unmix.tensors(config)), metadata)
    assert (tmp_path / "file").stat().st_size == model.file.bytes
