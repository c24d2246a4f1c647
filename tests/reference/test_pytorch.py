"""`evaluate --against pytorch`, with PyTorch and the originals in a separate environment."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from py_demixer.weights import checkpoint
from tests import synthetic, tiny, unmix
from tools import environment

SECONDS = 8.0  # more than a segment
RATE = 44100
CASES = {
    "htdemucs": ("--shifts", 1, "--seed", 3, "--overlap", 0.5),
    "htdemucs_ft": ("--stems", "drums,vocals"),
    "htdemucs_6s": ("--segment", 5),
    "hdemucs_mmi": (),
    "umxhq": ("--residual", "--niter", 2),
    "umxl": ("--stems", "bass", "--niter", 0),
}
EXPECTED = {
    "htdemucs_ft": {"drums", "vocals"},
    "htdemucs_6s": set(tiny.SIX),
    "umxhq": {"drums", "bass", "other", "vocals", "residual"},
    "umxl": {"bass"},
}


@pytest.fixture(scope="session")
def pytorch_python():
    """A Python with PyTorch and the originals."""
    return environment.ensure_pytorch()


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs") / "a song"
    folder.mkdir()
    for name, samples in synthetic.track(SECONDS).items():
        soundfile.write(folder / f"{name}.wav", samples.T, RATE, "FLOAT")
    return folder


def weights_of(name, path):
    """Weights of a tiny model, of the same kind as the published model with that name."""
    return unmix.write(path) if name.startswith("umx") else tiny.write(path, name=name)


def compare(python, *arguments):
    command = [python, "-m", "py_demixer", "evaluate", *arguments, "--against", "pytorch"]
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, cwd=environment.ROOT)


@pytest.mark.parametrize("name", CASES)
def test_every_model_is_as_close_to_pytorch_as_stated(name, track, tmp_path, pytorch_python):
    weights, found = weights_of(name, tmp_path / "tiny.safetensors"), tmp_path / "found.json"
    options = ("--model", name, "--weights", weights, "--json", found)
    result = compare(pytorch_python, track / "mixture.wav", *options, *CASES[name])
    assert result.returncode == 0, result.stderr
    content = json.loads(found.read_text())
    stems = content["tracks"]["mixture"]
    assert content["versions"]["demucs"] == "4.1.0"
    assert set(stems) == EXPECTED.get(name, {"drums", "bass", "other", "vocals"})
    for stem, of in stems.items():
        assert 100 < of["ours"] < 160, stem
        assert 50 < of["pytorch"] < 160, stem  # openunmix refines in float32, which costs digits
        assert of["sdr"] is None
        assert f"\n{stem} " in result.stdout


def test_scores_are_compared_if_true_stems_are_known(track, tmp_path, pytorch_python):
    weights, found = tiny.write(tmp_path / "tiny.safetensors"), tmp_path / "found.json"
    result = compare(pytorch_python, track, "--weights", weights, "--json", found)
    assert result.returncode == 0, result.stderr
    for stem in json.loads(found.read_text())["tracks"]["a song"].values():
        assert stem["sdr"] is not None
        assert abs(stem["sdr"] - stem["sdr_pytorch"]) < 1e-3


def test_larger_difference_is_reported(track, tmp_path, pytorch_python):
    """The model is slightly wrong: only our side gets the changed weight."""
    weights = tiny.write(tmp_path / "tiny.safetensors")
    changed = tmp_path / "changed.safetensors"
    content = checkpoint.read(weights.read_bytes())
    tensors = {name: np.array(tensor) for name, tensor in content.tensors.items()}
    name = "decoder.3.conv_tr.weight"
    tensors[name] = tensors[name] * np.float16(1.01)
    checkpoint.write(changed, tensors, content.metadata)
    code = (
        "import sys; from pathlib import Path; from py_demixer import cli;"
        "from py_demixer.weights import loading; load = loading.load_model;"
        f"loading.load_model = lambda name, *rest: load(name, Path({str(changed)!r}));"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    command = [pytorch_python, "-c", code, "evaluate", track / "mixture.wav"]
    command += ["--model", "htdemucs", "--weights", weights, "--against", "pytorch"]
    words = [str(word) for word in command]
    result = subprocess.run(words, capture_output=True, text=True, cwd=environment.ROOT)
    assert result.returncode == 1, result.stderr
    assert "Farther from PyTorch than 100 dB: drums of mixture, bass of mixture" in result.stderr


def test_scnet_needs_a_checkout_of_its_original(track, tmp_path, pytorch_python):
    weights = tiny.write(tmp_path / "tiny.safetensors", name="scnet")
    for more, message in (
        ((), "name a checkout of https://github.com/starrytong/SCNet with --original"),
        (("--original", tmp_path), f"{tmp_path} is not a checkout of the original"),
        (("--original", tmp_path, "--shifts", 1), "compare without --shifts"),
    ):
        result = compare(pytorch_python, track / "mixture.wav", "--weights", weights, *more)
        assert result.returncode == 1
        assert message in result.stderr


def test_pytorch_is_not_in_the_test_environment():
    """The package's requirements must not creep in from the environment for comparisons."""
    assert not list(Path(sys.prefix).glob("lib/python*/site-packages/torch"))
