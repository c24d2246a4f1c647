"""The measurements on the tiny model: that they run, and that their rows are complete."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import speed
from py_demixer.models.roformer import Config, RoFormer
from tests import synthetic, unmix
from tests.bench import (
    gpu,
    library,
    memory,
    native,
    openunmix,
    operations,
    page,
    reference,
    roformer,
    scnet,
)
from tests.bench.rows import ratios, row, table
from tests.browser.cards import BY_THE_PROCESSOR, patched
from tools.environment import ROOT, CannotGoOn

FIELDS = {
    *("what", "where", "engine", "backend", "workers", "threads"),
    *("seconds", "runs", "gflops", "peak_bytes"),
}


def check(measured: dict, where: str, backend: str) -> None:
    assert measured.keys() >= FIELDS
    assert (measured["what"], measured["where"]) == ("htdemucs/segment", where)
    assert (measured["engine"], measured["backend"]) == ("py-demixer", backend)
    assert len(measured["runs"]) == 1
    assert measured["seconds"] > 0
    assert 50e6 < measured["peak_bytes"] < 4e9
    json.dumps(measured)


def test_seconds_are_the_median_and_gflops_follow_from_them():
    measured = row("a", "native", "b", None, [1.0, 9.0, 2.0], 5, gflop=10.0)
    assert measured["seconds"] == 2.0
    assert measured["gflops"] == 5.0


def test_table_has_a_line_for_each_row():
    rows = [row("a", "native", "b", None, [1.0], 5), row("c", "native", "d", "numpy", [2.0], 6)]
    head, *lines = table(rows).splitlines()
    assert head.split()[:3] == ["what", "where", "engine"]
    assert [line.split()[0] for line in lines] == ["a", "c"]


def test_native(tiny_weights):
    rows, versions = native.measure(tiny_weights, 1, None)
    assert {"py_demixer", "numpy", "scipy"} <= versions.keys()
    for measured, backend in zip(rows, native.BACKENDS, strict=True):
        check(measured, "native", backend)


def test_workers_and_batches(tiny_weights, monkeypatch):
    monkeypatch.setattr(library, "SCALED_SECONDS", 2)
    monkeypatch.setattr(library, "_counts", lambda: [1, 2])
    for measure, what in (
        (library.measure_workers, "separate/song of 2 s"),
        (library.measure_batch, "batch/2 songs of 2 s"),
    ):
        rows, _ = measure(tiny_weights)
        assert [measured["workers"] for measured in rows] == [1, 2]
        one, two = (measured["seconds"] for measured in rows)
        for measured in rows:
            assert measured["what"] == what
            assert 50e6 < measured["peak_bytes"] < 1e9
        assert rows[0]["speed_up"] == 1
        assert rows[1]["speed_up"] == pytest.approx(one / two, abs=0.01, rel=0.01)


def test_streams(monkeypatch):
    monkeypatch.setattr(library, "TEN_MINUTES_SECONDS", 1)
    monkeypatch.setattr(library, "HOUR_SECONDS", 2)
    rows, _ = library.measure_streams()
    assert [measured["what"] for measured in rows] == [
        *("tiny htdemucs/file of 1 s", "tiny umxl/file of 1 s"),
        *("tiny htdemucs/file of 2 s", "tiny umxl/file of 2 s"),
    ]
    for measured in rows:
        assert measured.keys() >= FIELDS
        assert 50e6 < measured["peak_bytes"] < 1e9


def test_peak_memory_excludes_the_parent_process():
    """On Linux, getrusage would include it."""
    held = np.ones(40_000_000)
    assert memory.peak_bytes() > held.nbytes
    program = "from tests.bench.memory import peak_bytes; print(peak_bytes())"
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert 1e6 < int(said) < held.nbytes / 2


def test_peak_memory_of_the_largest_child_process():
    program = "import time; held = b'1' * 150_000_000; time.sleep(1)"
    with memory.children() as watched:
        for command in (["sleep", "0.2"], [sys.executable, "-c", program]):
            subprocess.run(command, check=True)
    assert 150e6 < watched.peak_bytes < 200e6


@pytest.mark.browser
def test_chromium(tiny_site):
    rows, versions = page.measure(tiny_site, 1)
    assert "chromium" in versions
    for measured, (backend, workers) in zip(rows, page.CASES, strict=True):
        check(measured, "chromium", backend)
        assert measured["workers"] == workers


@pytest.mark.browser
def test_scnet(tiny_site, monkeypatch):
    """Without the rivals, which need PyTorch and the original."""
    small = {"widths": [4, 4, 8], "layers": 2}
    monkeypatch.setattr(scnet, "CONFIGS", {"scnet": small})
    rows, _ = scnet.measure(tiny_site, 1, None, None)
    assert [(row["what"], row["where"], row["backend"]) for row in rows] == [
        ("scnet/segment", "native", "numpy"),
        ("scnet/LSTMs", "native", "numpy"),
        ("scnet/segment", "chromium", "kernels"),
        ("scnet/LSTMs", "chromium", "kernels"),
    ]
    for measured in rows:
        assert measured.keys() >= FIELDS
    for segment, lstms in (rows[:2], rows[2:]):
        assert 50e6 < segment["peak_bytes"] < 2e9
        assert 0 < lstms["share"] < 1


@pytest.mark.browser
def test_roformer(tiny_site, monkeypatch):
    """Without the rivals."""
    small = {"width": 8, "depth": 1, "heads": 1, "head_width": 8, "mask_width": 16}
    monkeypatch.setattr(roformer, "DIMENSIONS", small | {"segment_length": 22050})
    rows, versions = roformer.measure(tiny_site, None, None)
    assert versions == {}
    assert [(row["what"], row["where"], row["backend"]) for row in rows] == [
        ("mel_roformer/segment", "native", "numpy"),
        ("mel_roformer/segment", "chromium", "kernels"),
    ]
    for measured in rows:
        assert measured.keys() >= FIELDS
        assert measured["gflops"] > 0
        assert 30e6 < measured["peak_bytes"] < 2e9


def test_operations_of_a_roformer_are_those_of_its_shapes():
    """Most are products of the weights of transformers with every band of every frame."""
    shapes = RoFormer.shapes(Config())
    layers = sum(math.prod(shape) for name, shape in shapes.items() if "layers." in name)
    found = roformer.subject("a", {}).gflop
    assert found == pytest.approx(3100, rel=0.01)
    assert 0.6 < 2e-9 * layers * 60 * 801 / found < 0.8


@pytest.mark.browser
def test_operations(tiny_site, monkeypatch):
    monkeypatch.setattr(operations, "SHAPES", ((512, 336, 512), (96, 2688, 432)))
    monkeypatch.setattr(operations, "LAYER", ((96, 16, 336), (192, 96, 3, 3)))
    rows, _ = operations.measure(tiny_site, 1)
    ceiling, *others = rows
    assert ceiling["gflops"] > 1
    products = [measured for measured in others if measured["what"].startswith("gemm/")]
    assert [measured["what"] for measured in products] == ["gemm/512x336x512", "gemm/96x2688x432"]
    for measured in products:
        share = measured["gflops"] / ceiling["gflops"]
        assert measured["share_of_ceiling"] == pytest.approx(share, abs=1e-3)
    ways = [m["what"] for m in others if m["what"].startswith("convolution/")]
    assert (ways[0], ways[-1]) == ("convolution/loops", "convolution/kernels")
    shares = {m["what"]: m["share"] for m in others if "calls" in m}
    assert 0.5 < sum(shares.values()) < 1
    assert {name.split("/")[1].split()[0] for name in shares} >= {"attention", "conv2d", "linear"}


@pytest.mark.browser
def test_operations_on_a_graphics_card(monkeypatch):
    small = [
        speed.linear_layer((20, 33), 40),
        speed.convolution((6, 9, 11), (10, 6, 3, 3), padding=(1, 1)),
        speed.convolution((6, 1, 50), (10, 6, 1, 8), stride=(1, 4), padding=(0, 2)),
        speed.transposed_convolution((6, 9, 11), 10),
        speed.self_attention(2, 8, 40),
    ]
    monkeypatch.setattr(speed, "operations", lambda: iter(small))
    monkeypatch.setattr(gpu, "roformer_cases", lambda: iter([gpu.rms_norm_case((20, 33))]))
    cases = list(gpu.cases())
    rows, versions = gpu.measure(1)
    assert versions.keys() == {"npm onnxruntime-web"}
    places = ["chromium-webgpu", "chromium-webgpu", "native-webgpu"]
    ceiling, *found = sorted(rows, key=lambda measured: "snr_db" in measured)
    assert ceiling["gflops"] > 1
    assert sorted(measured["where"] for measured in found) == sorted(places * len(cases))
    for measured in found:
        assert measured.keys() >= FIELDS
        assert measured["snr_db"] > 115
        assert measured["peak_bytes"] > 0
        assert measured["machine"]
    assert len(ratios(rows).splitlines()) == len(cases)


@pytest.mark.browser
def test_open_unmix(tiny_site, monkeypatch):
    monkeypatch.setattr(unmix, "WIDTHS", {"umxhq": 16})
    (measured,), _ = openunmix.measure(tiny_site, 1)
    assert measured.keys() >= FIELDS
    assert measured["what"] == "umxhq/song of 4 min"
    assert set(measured["parts"]) == {"Encode", "LstmPass", "Merge", "Window", "Join"}
    assert sum(measured["parts"].values()) == pytest.approx(measured["seconds"], rel=0.01)
    assert measured["peak_bytes"] > 50e6


@pytest.mark.browser
def test_opening_the_page_again(tiny_site):
    (ready, again, first), _ = page.measure_start(tiny_site, 1)
    assert ready["what"] == "page/ready"
    assert (again["what"], first["what"]) == ("page/first stem", "page/first stem, first visit")
    assert [len(measured["runs"]) for measured in (ready, again, first)] == [1, 1, 1]
    assert ready["seconds"] < again["seconds"]


@pytest.mark.browser
def test_opening_the_page_with_a_card(tiny_site, tmp_path):
    site = patched(tiny_site, tmp_path, *BY_THE_PROCESSOR)
    (ready, heard), _ = page.measure_card_start(site)
    assert (ready["what"], heard["what"]) == ("page/ready, by a card", "page/first stem, by a card")
    assert 0 < ready["seconds"] < heard["seconds"]
    assert (heard["where"], heard["backend"]) == ("chromium-webgpu", "webgpu")


def test_ratios_are_to_rivals_with_one_thread():
    rows = [
        row("htdemucs/segment", "chromium", "py-demixer", "kernels", [5.0], 1),
        row("htdemucs/segment", "chromium", "onnxruntime-web", None, [10.0], 1),
        row("htdemucs/segment", "chromium", "onnxruntime-web", None, [1.0], 1, threads=2),
    ]
    assert ratios(rows) == (
        "htdemucs/segment: py-demixer kernels (chromium) takes 0.50 x the time of onnxruntime-web "
        "(chromium)"
    )


def test_reference(tiny_weights, tmp_path):
    mix = synthetic.song(1.0)
    stems = py_demixer.separate(mix, py_demixer.load_model("htdemucs", weights=tiny_weights))
    noisy = stems.audio * np.float32(1.01)
    (tmp_path / "songs" / "one").mkdir(parents=True)
    soundfile.write(tmp_path / "songs" / "one" / "mixture.wav", mix.T, 44100, subtype="FLOAT")
    names = np.array(stems.sources)
    np.savez(tmp_path / "one.htdemucs.elsewhere.npz", stems=noisy, sources=names)
    rows, _ = reference.measure(tiny_weights, tmp_path)
    (measured,) = rows
    assert measured["what"] == "htdemucs/song one against elsewhere"
    # One per cent too loud is an error 40 dB below.
    assert measured["snr_db"] == dict.fromkeys(stems.sources, pytest.approx(40.1, abs=0.2))


def test_folder_without_references_is_refused(tiny_weights, tmp_path):
    with pytest.raises(CannotGoOn, match="has no reference"):
        reference.measure(tiny_weights, tmp_path)


def test_nothing_is_compared_without_a_reference(tiny_weights):
    assert reference.measure(tiny_weights, None) == ([], {})
