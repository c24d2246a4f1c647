"""The user's own models: dropped on the page, kept, used, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import safetensors.numpy
from playwright.sync_api import expect

import py_demixer
from py_demixer.evaluation.metrics import snr
from tests import synthetic, tiny
from tests.browser.page import SOURCES, DemixerPage, wav
from tests.browser.test_models import chosen, wait_ready
from tests.own import CHECKPOINT, ROFORMER_SETTINGS, ROFORMERS, SETTINGS, hostile
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

FIRST, SECOND = synthetic.song(1.2), synthetic.song(1.4)
CARD = "label.model:has-text('{}')"


@pytest.fixture(scope="module")
def url(make_site: MakeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("weights") / "htdemucs.safetensors"
    site = make_site({"htdemucs": tiny.write(path, segment_length=tiny.SECOND)})
    with server.serving(site) as url:
        yield url


@pytest.fixture(scope="module")
def tab(shared_context: BrowserContext, url: str) -> DemixerPage:
    return DemixerPage(shared_context, url).wait_started()


def notice(tab: DemixerPage, text: str) -> None:
    tab.page.wait_for_selector(f"#notice:has-text('{text}')", timeout=120_000)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> py_demixer.Model:
    """The same model in the library."""
    settings = tmp_path_factory.mktemp("settings") / "mine.yaml"
    settings.write_text(SETTINGS)
    return py_demixer.load_checkpoint(CHECKPOINT, settings)


def check(stems: dict[str, np.ndarray], model: py_demixer.Model, song: np.ndarray) -> None:
    wanted = py_demixer.separate(song, model)
    for source in SOURCES:
        assert snr(stems[source], wanted[source]) >= 100


def test_checkpoint_is_added_used_kept_and_deleted(
    tab: DemixerPage, model: py_demixer.Model
) -> None:
    tab.drop(("mine.ckpt", CHECKPOINT.read_bytes()), ("mine.yaml", SETTINGS.encode()))
    notice(tab, "mine is ready")
    name = chosen(tab)
    assert name.startswith("own-")
    card = tab.page.locator(CARD.format("mine"))
    expect(card).to_contain_text("Drums, Bass, Other, Vocals")
    expect(card).to_contain_text("MB, your own")
    check(tab.separate("first.wav", wav(FIRST)), model, FIRST)
    wait_ready(tab, name)
    context = tab.page.context
    context.set_offline(True)
    try:
        tab.page.reload()
        tab.wait_started()
        assert chosen(tab) == name
        check(tab.separate("second.wav", wav(SECOND)), model, SECOND)
    finally:
        context.set_offline(False)
    open_settings = "dialog => dialog.showModal()"
    tab.element("settings").evaluate(open_settings)
    tab.page.get_by_role("button", name="Delete mine").click()
    assert "Delete the model mine?" in (tab.page.text_content("#confirm-text") or "")
    assert not tab.element("settings").evaluate("dialog => dialog.open")
    tab.page.locator("#confirm button[value=yes]").click()
    notice(tab, "mine deleted")
    assert tab.page.locator(CARD.format("mine")).count() == 0
    assert chosen(tab) == "htdemucs"
    kept = tab.page.evaluate(
        """async () => {
          const cache = await caches.open((await caches.keys()).find((key) =>
            key.startsWith("py-demixer-assets")));
          return (await cache.keys()).filter(({ url }) => url.endsWith(".bin")
            && url.includes("/own/")).length;
        }"""
    )
    assert kept == 0
    check({source: tab.download(source, "32f")[1] for source in SOURCES}, model, SECOND)
    tab.page.reload()
    tab.wait_started()
    tab.wait_state("second", "finished")
    assert "a model of your own, since deleted" in (tab.song("second").text_content() or "")


@pytest.mark.parametrize("kind", ROFORMERS)
def test_roformer_is_used(tab: DemixerPage, kind: str, tmp_path: Path) -> None:
    """With one stem, what it leaves of the song is another."""
    checkpoint = Path("tests/golden/roformer", f"{kind}.ckpt")
    settings = tmp_path / f"{kind}.yaml"
    settings.write_text(ROFORMER_SETTINGS[kind])
    tab.drop((f"{kind}.ckpt", checkpoint.read_bytes()), (settings.name, settings.read_bytes()))
    notice(tab, f"{kind} is ready")
    model = py_demixer.load_checkpoint(checkpoint, settings)
    song = synthetic.song(1.5)
    stems = tab.separate(f"{kind} song.wav", wav(song), model.sources)
    wanted = py_demixer.separate(song, model)
    for source in model.sources:
        assert snr(stems[source], wanted[source]) >= 100
    tab.element("settings").evaluate("dialog => dialog.showModal()")
    tab.page.get_by_role("button", name=f"Delete {kind}").click()
    tab.page.locator("#confirm button[value=yes]").click()
    notice(tab, f"{kind} deleted")


def test_problem_of_a_checkpoint_holds_no_song_up(tab: DemixerPage) -> None:
    song = synthetic.song(1.1)
    tab.drop(("bad.ckpt", b"nothing"), ("other.yaml", SETTINGS.encode()), ("third.wav", wav(song)))
    assert "bad.ckpt is neither" in tab.wait_problem()
    tab.page.locator("#problem-close").click()
    tab.wait_result("third")


def foreign() -> bytes:
    return safetensors.numpy.save({"final_conv.0.weight": np.zeros(4, np.float32)})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("a.ckpt", hostile())], "names builtins.print"),
        ([("b.safetensors", foreign())], "It looks like an MDX23C network."),
        ([("c.ckpt", CHECKPOINT.read_bytes())], "give its configuration (.yaml), too."),
        ([("d.yaml", SETTINGS.encode())], "Drop its checkpoint together with it"),
        ([("e.ckpt", b"nothing"), ("e.yml", b"a: [1")], "e.yml is not a configuration"),
        ([("f.ckpt", b"nothing")], "neither a PyTorch checkpoint nor a safetensors file"),
    ],
    ids=["hostile", "foreign", "incomplete", "settings alone", "bad settings", "no checkpoint"],
)
def test_other_files_are_refused_with_a_sentence(
    tab: DemixerPage, files: list[tuple[str, bytes]], message: str
) -> None:
    before = chosen(tab)
    tab.drop(*files)
    assert message in tab.wait_problem()
    assert chosen(tab) == before
    assert tab.page.locator(".model-delete:not([hidden])").count() == 0
