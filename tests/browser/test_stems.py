"""Models with other stems, with several networks, or with other segments, on the page."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer.evaluation.metrics import snr
from py_demixer.separation import planning
from py_demixer.weights import manifest
from tests import synthetic, tiny
from tests.browser.page import SOURCES, DemixerPage, wav
from tests.browser.test_models import choose_model, wait_ready
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

NAMES = ("htdemucs_6s", "htdemucs_ft", "hdemucs_mmi", "scnet")
SONG = synthetic.song(1.2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        name: tiny.write(folder / f"{name}.safetensors", name=name, segment_length=tiny.SECOND)
        for name in NAMES
    }


@pytest.fixture(scope="module")
def url(make_site: MakeSite, weights: dict[str, Path]) -> Iterator[str]:
    with server.serving(make_site(weights)) as url:
        yield url


@pytest.fixture(scope="module")
def tab(shared_context: BrowserContext, url: str) -> DemixerPage:
    return DemixerPage(shared_context, url).wait_started()


@pytest.fixture(scope="module")
def six(tab: DemixerPage) -> DemixerPage:
    """A page with a song separated by the six-stem model."""
    choose_model(tab, "htdemucs_6s")
    tab.choose("song.wav", wav(SONG))
    tab.wait_result("song")
    return tab


def expected(name: str, weights: dict[str, Path]) -> py_demixer.Stems:
    """What the library makes of the song with the page's default options."""
    model = py_demixer.load_model(name, weights[name])
    options = planning.make_options(model.architecture, manifest.MODELS[name].page.options)
    return py_demixer.separate(SONG, model, options)


def test_six_stems(six: DemixerPage, weights: dict[str, Path]) -> None:
    wanted = expected("htdemucs_6s", weights)
    assert six.lanes() == list(tiny.SIX)
    for name, stem in wanted.items():
        assert snr(six.download(name, "32f")[1], stem) >= 100


def test_every_stem_has_its_own_colour(six: DemixerPage) -> None:
    colours = six.page.locator("#lanes h3").evaluate_all(
        "names => names.map((name) => getComputedStyle(name).color)"
    )
    assert len(set(colours)) == len(tiny.SIX)


def test_mixer_and_mix_have_six_stems(six: DemixerPage, weights: dict[str, Path]) -> None:
    page = six.page
    for name in tiny.SIX:
        assert page.get_by_role("slider", name=f"Volume of {name}").is_visible()
    page.get_by_role("button", name="Solo piano").click()
    page.get_by_role("button", name="Solo guitar").click()
    page.get_by_role("slider", name="Volume of guitar").fill("50")
    name, content = six.save("mix", "wav32f")
    assert name == "song - guitar + piano.wav"
    heard = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
    wanted = expected("htdemucs_6s", weights)
    assert snr(heard, wanted["piano"] + np.float32(0.5) * wanted["guitar"]) >= 100


def test_zip_has_six_stems(six: DemixerPage) -> None:
    with zipfile.ZipFile(io.BytesIO(six.save("all", "wav16")[1])) as archive:
        assert sorted(archive.namelist()) == sorted(f"song - {name}.wav" for name in tiny.SIX)


def test_six_stems_fit_on_a_phone(six: DemixerPage) -> None:
    before = six.page.viewport_size
    assert before is not None
    six.page.set_viewport_size({"width": 360, "height": 740})
    assert six.page.evaluate("document.documentElement.scrollWidth") <= 360
    six.page.set_viewport_size(before)


def compare(tab: DemixerPage, weights: dict[str, Path], name: str) -> None:
    wanted = expected(name, weights)
    assert list(wanted) == list(SOURCES)
    check(tab.separate("song.wav", wav(SONG)), wanted)


def check(stems: Mapping[str, np.ndarray], wanted: py_demixer.Stems) -> None:
    for source in SOURCES:
        assert snr(stems[source], wanted[source]) >= 100


def test_bag_of_models_with_one_worker_and_with_two(
    tab: DemixerPage, weights: dict[str, Path]
) -> None:
    choose_model(tab, "htdemucs_ft")
    compare(tab, weights, "htdemucs_ft")
    tab.choose_setting("workers", "2")
    tab.choose_setting("quality", "best")
    stems = tab.separate("song.wav", wav(SONG))
    assert tab.engines() == 2
    model = py_demixer.load_model("htdemucs_ft", weights["htdemucs_ft"])
    wanted = py_demixer.separate(SONG, model, py_demixer.DemucsOptions(overlap=0.5, shifts=2))
    for source in SOURCES:
        assert snr(stems[source], wanted[source]) >= 100
    tab.choose_setting("workers", "1")
    tab.choose_setting("quality", "standard")


def test_demucs_v3(tab: DemixerPage, weights: dict[str, Path]) -> None:
    choose_model(tab, "hdemucs_mmi")
    compare(tab, weights, "hdemucs_mmi")


def test_scnet_also_after_a_reload_and_offline(tab: DemixerPage, weights: dict[str, Path]) -> None:
    choose_model(tab, "scnet")
    wait_ready(tab, "scnet")
    wanted = expected("scnet", weights)
    check(tab.separate("network.wav", wav(SONG)), wanted)
    context = tab.page.context
    context.set_offline(True)
    try:
        tab.page.reload()
        tab.open_kept("network")
        check({source: tab.download(source, "32f")[1] for source in SOURCES}, wanted)
        tab.remove("network")
        check(tab.separate("offline.wav", wav(SONG)), wanted)
    finally:
        context.set_offline(False)


def test_memory_per_worker_is_shown_for_each_model(
    shared_context: BrowserContext, make_stub: MakeSite, weights: dict[str, Path]
) -> None:
    with server.serving(make_stub(weights)) as url:
        page = DemixerPage(shared_context, url).wait_started()
        for name in NAMES:
            choose_model(page, name)
            memory = f"{manifest.MODELS[name].page.memory} MB"
            label = page.page.locator("label:has(#workers)").text_content()
            assert label is not None
            assert f"(one core and {memory} each)" in label


def test_site_describes_its_models(url: str, tab: DemixerPage) -> None:
    assets = json.loads(tab.page.evaluate("fetch('assets.json').then((answer) => answer.text())"))
    assert list(assets["models"]) == list(NAMES)
    for name, told in assets["models"].items():
        assert told["good_for"] == manifest.MODELS[name].good_for
        assert told["sources"] == list(manifest.MODELS[name].stems)
