"""The measurements themselves, on the tiny model: that they run and say what they are."""

import json

import numpy as np
import pytest
import soundfile

import py_demixer
from tests import synthetic
from tests.bench import native, page, products, reference
from tests.bench.rows import row, table
from tools.environment import CannotGoOn

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


def test_the_table_has_a_line_for_each_row():
    rows = [row("a", "native", "b", None, [1.0], 5), row("c", "native", "d", "numpy", [2.0], 6)]
    head, *lines = table(rows).splitlines()
    assert head.split()[:3] == ["what", "where", "engine"]
    assert [line.split()[0] for line in lines] == ["a", "c"]


def test_native(tiny_weights):
    rows, versions = native.measure(tiny_weights, 1, None)
    assert {"py_demixer", "numpy", "scipy"} <= versions.keys()
    for measured, backend in zip(rows, native.BACKENDS, strict=True):
        check(measured, "native", backend)


@pytest.mark.browser
def test_chromium(tiny_site):
    rows, versions = page.measure(tiny_site, 1)
    assert "chromium" in versions
    for measured, backend in zip(rows, page.BACKENDS, strict=True):
        check(measured, "chromium", backend)


@pytest.mark.browser
def test_products(tiny_site):
    rows, _ = products.measure(tiny_site, budget=0.01)
    assert len(rows) == 2 * len(products.SHAPES)
    for ceiling, product in zip(rows[::2], rows[1::2], strict=True):
        assert ceiling["what"] == "multiply-add"
        assert product.keys() >= FIELDS
        # Whatever the machine: far from what NumPy does there, and not above what is possible.
        assert 0.2 < product["share"] < 1.1


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
    # A hundredth too loud is a noise 40 dB below.
    assert measured["snr_db"] == dict.fromkeys(stems.sources, pytest.approx(40.1, abs=0.2))


def test_a_folder_without_references_is_said(tiny_weights, tmp_path):
    with pytest.raises(CannotGoOn, match="has no reference"):
        reference.measure(tiny_weights, tmp_path)


def test_without_a_reference_nothing_is_compared(tiny_weights):
    assert reference.measure(tiny_weights, None) == ([], {})
