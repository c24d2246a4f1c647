"""Whole networks on a graphics card, and the ways to choose it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import backends, cli, trace
from py_demixer.errors import UnsupportedOperation
from py_demixer.gpu.native import Card
from py_demixer.gpu.schedule import schedule
from py_demixer.models.htdemucs import Config
from py_demixer.models.segmented import Segmented
from py_demixer.ops.residual import copy
from py_demixer.program.program import Array, Operation, Program
from py_demixer.program.record import record
from py_demixer.weights import checkpoint
from tests import synthetic, tiny, unmix
from tests.golden import cases, checks
from tests.gpu.accuracy import snr

STEP_SNR = 100.0  # dB, for every step on a card against NumPy
LIMIT = 800e6  # bytes of a card's memory
SEGMENT = 1 << 16
"""Samples: with the released segments, a card emulated by the CPU would take too long."""


KINDS = ("htdemucs", "htdemucs_6s", "scnet", "bs_roformer", "mel_roformer")


@pytest.fixture(scope="module", params=KINDS)
def both(request, tmp_path_factory) -> tuple[Segmented, Segmented]:
    """A tiny model on the card, and on the CPU."""
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.safetensors"
    tiny.write(path, name=request.param, segment_length=SEGMENT)
    models = [py_demixer.load_checkpoint(path, backend=name) for name in ("webgpu", "numpy")]
    assert all(isinstance(model, Segmented) for model in models)
    return models[0], models[1]


@pytest.fixture
def faulty_card(monkeypatch) -> Iterator[None]:
    """A machine whose graphics driver computes wrongly."""
    compile = Card.compile

    def compile_wrongly(card, *given):
        network = compile(card, *given)
        return lambda segment: 1.01 * network(segment)

    monkeypatch.setattr(Card, "compile", compile_wrongly)
    backends._webgpu.cache_clear()
    yield
    backends._webgpu.cache_clear()


@pytest.fixture
def no_card(monkeypatch) -> Iterator[None]:
    """A machine without the package that finds cards."""
    backends._webgpu.cache_clear()
    monkeypatch.setitem(sys.modules, "wgpu", None)
    yield
    backends._webgpu.cache_clear()


def test_every_step_of_a_network(both):
    on_card, on_processor = both
    segment = cases.segments(on_card.segment_length)["song"]
    with checks.captured() as expected:
        stems = on_processor(segment)
    with trace.record(), checks.captured() as found:  # recording makes the card report its steps
        assert snr(stems, on_card(segment)) >= STEP_SNR
    assert list(found) == list(expected)
    for name, step in expected.items():
        assert snr(step, found[name]) >= STEP_SNR, name


def test_stems_match_those_of_the_processor(both):
    on_card, on_processor = both
    song = synthetic.song(3.0)  # three segments
    expected = py_demixer.separate(song, on_processor)
    found = py_demixer.separate(song, on_card)
    for name, stem in expected.items():
        assert snr(stem, found[name]) >= STEP_SNR, name


def test_same_segment_gives_the_same_bits(both):
    on_card, _ = both
    segment = cases.segments(on_card.segment_length)["noise"][:, :50_000]
    assert np.array_equal(on_card(segment), on_card(segment))


def test_threads_can_share_a_card(both):
    """Several threads may use a model, and models share the card's working memory."""
    on_card, _ = both
    given = [cases.segments(on_card.segment_length)[name] for name in ("song", "noise")]
    expected = [on_card(segment) for segment in given]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(on_card, given))
    assert all(map(np.array_equal, found, expected))


def test_steps_of_other_threads_are_not_recorded(both):
    on_card, _ = both
    segment = cases.segments(on_card.segment_length)["song"]
    with trace.record() as steps, ThreadPoolExecutor(1) as thread:
        thread.submit(on_card, segment).result()
    assert steps == []


def test_silence_stays_silent(both):
    on_card, on_processor = both
    silence = np.zeros((2, 1000), np.float32)
    assert np.abs(on_card(silence) - on_processor(silence)).max() < 1e-6


def test_networks_of_a_bag_share_memory(tmp_path):
    path = tiny.write(
        tmp_path / "htdemucs_ft.safetensors", name="htdemucs_ft", segment_length=SEGMENT
    )
    bag = py_demixer.load_model("htdemucs_ft", path, "webgpu")
    alone = py_demixer.load_model("htdemucs_ft", path, "numpy")
    assert isinstance(bag, py_demixer.Bag)
    first, second = (member._runner(SEGMENT)._buffers for member in bag.members[:2])
    own = -2  # constants and weights
    assert first[:own] == second[:own]
    assert not set(map(id, first[own:])) & set(map(id, second[own:]))
    segment = cases.segments(SEGMENT)["song"]
    for member, expected in zip(bag.members[:2], alone.members, strict=False):
        assert snr(expected(segment), member(segment)) >= STEP_SNR


@pytest.mark.real_weights
def test_released_network_fits_the_smallest_cards(real_weights):
    tensors = checkpoint.read(np.fromfile(real_weights, np.uint8)).tensors
    model = py_demixer.HTDemucs(tensors)
    made = schedule(record(model.network, (2, model.segment_length), tensors))
    assert made.bytes <= LIMIT
    assert max(part.size for run in made.runs for part in run.bindings) <= 128 << 20
    assert max(len(run.bindings) for run in made.runs) <= 8
    assert max(max(run.workgroups) for run in made.runs) <= 65535


@pytest.mark.real_weights
def test_released_network_against_pytorch(real_weights):
    """A short segment; each operation is tested separately at its released length."""
    tensors = checkpoint.read(np.fromfile(real_weights, np.uint8)).tensors
    config = Config(segment_length=cases.SHORT_SEGMENT)
    model = py_demixer.HTDemucs(tensors, config, backends.find("webgpu"))
    stems = model(cases.segments(cases.SHORT_SEGMENT)["song"])
    checks.check_stems(stems, cases.load("htdemucs")["short/stems"])


@pytest.mark.real_weights
@pytest.mark.long
@pytest.mark.parametrize("segment", ["song", "noise"])
def test_released_segment_against_pytorch(real_weights, segment):
    model = py_demixer.load_model("htdemucs", real_weights, "webgpu")
    stems = model(cases.segments(model.segment_length)[segment])
    checks.check_stems(stems, cases.load("htdemucs")[f"{segment}/stems"])


def test_build_names_the_card(both):
    on_card, _ = both
    assert on_card.backend.build == f"webgpu {Card().name}"


@pytest.mark.parametrize(
    ("name", "why"), [("hdemucs_mmi", "graphics card"), ("umxhq", "graphics cards")]
)
def test_networks_without_shaders_are_refused(tmp_path, name, why):
    path = tmp_path / f"{name}.safetensors"
    writes = unmix.write if name == "umxhq" else lambda path: tiny.write(path, name=name)
    writes(path)
    with pytest.raises(ValueError, match=f"{why}.* choose another backend"):
        py_demixer.load_model(name, path, "webgpu")


def test_operation_without_a_shader_is_named():
    array = Array(0, (2,))
    program = Program((Operation("fold", (array,), {}, None),), (2,), array, array, (), ())
    with pytest.raises(UnsupportedOperation, match="operation fold"):
        schedule(program)


def test_unaligned_binding_is_refused():
    with pytest.raises(ValueError, match="multiples of 256"):
        schedule(record(lambda x: copy(x[1:]), (3, 5), {}))


# ---- the command line ---------------------------------------------------------------------------


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, synthetic.song(1.5).T, 44100, "FLOAT")
    return path


@pytest.fixture
def weights(tmp_path) -> Path:
    return tiny.write(tmp_path / "htdemucs.safetensors", segment_length=SEGMENT)


def test_separate_on_the_card(song, tmp_path, weights):
    for name in ("webgpu", "numpy"):
        words = [song, "-o", tmp_path / name, "--weights", weights, "--backend", name]
        assert cli.main(["separate", *map(str, words), "--format", "wav", "--bits", "32f"]) == 0
    found = [next((tmp_path / name).rglob("*drums.wav")) for name in ("numpy", "webgpu")]
    assert snr(*(soundfile.read(path)[0] for path in found)) >= STEP_SNR


def test_trace_on_the_card(song, tmp_path, weights):
    for name in ("webgpu", "numpy"):
        words = [song, "--json", tmp_path / name, "--weights", weights, "--backend", name]
        assert cli.main(["trace", *map(str, words)]) == 0
    found = [trace.load(tmp_path / name) for name in ("webgpu", "numpy")]
    # Rounding on a card shifts the extremes of a residual branch by about 1e-4 of its deviation.
    assert trace.first_difference(*found, tolerance=1e-3) is None


def test_models_names_the_card(capsys):
    assert cli.main(["models"]) == 0
    assert f"graphics card: {Card().name}" in capsys.readouterr().out


def test_card_with_wrong_results_is_refused(faulty_card, capsys, song, tmp_path, weights):
    assert cli.main(["models"]) == 0
    assert "fails a test of what it computes" in capsys.readouterr().out
    words = [song, "-o", tmp_path / "out", "--weights", weights, "--backend", "webgpu"]
    assert cli.main(["separate", *map(str, words)]) == 1
    assert "choose another backend" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_processes_cannot_share_a_card(both, capsys, song, tmp_path, weights):
    on_card, _ = both
    with pytest.raises(ValueError, match=r"Several processes cannot .*: leave out workers"):
        py_demixer.separate(synthetic.song(0.5), on_card, workers=2)
    words = [song, "-o", tmp_path / "out", "--weights", weights, "--backend", "webgpu"]
    assert cli.main(["separate", *map(str, words), "--jobs", "2"]) == 1
    assert "Several processes cannot share a graphics card" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_card_is_reported(no_card, capsys, song, tmp_path, weights):
    assert cli.main(["models"]) == 0
    assert "pip install 'py-demixer[gpu]'" in capsys.readouterr().out
    words = [song, "-o", tmp_path / "out", "--weights", weights, "--backend", "webgpu"]
    assert cli.main(["separate", *map(str, words)]) != 0
    assert "py-demixer[gpu]" in capsys.readouterr().err
