"""Many songs: the queue, the library, and what the browser keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import synthetic
from tests.browser.page import CLEAR_SONGS, DemixerPage, wav

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


def song(seconds: float, seed: int = 0) -> bytes:
    return wav(synthetic.noise(seconds, seed=seed))


@pytest.fixture
def tab(shared_context: BrowserContext, tiny_url: str) -> Iterator[DemixerPage]:
    page = DemixerPage(shared_context, tiny_url).wait_started()
    yield page
    page.page.goto(tiny_url + "licences.txt")
    page.page.evaluate(CLEAR_SONGS)
    page.page.close()


def names(tab: DemixerPage, place: str) -> list[str]:
    return tab.page.locator(f"#{place} .song-name").all_text_contents()


def test_one_song(tab: DemixerPage) -> None:
    stems = tab.separate("one.wav", song(2.0))
    assert {stem.shape for stem in stems.values()} == {(2, 88200)}
    assert names(tab, "queue") == []
    assert names(tab, "library") == ["one"]


def test_a_broken_one_among_five_does_not_stop_the_rest(tab: DemixerPage) -> None:
    files = [(f"{name}.wav", song(1.0, seed)) for seed, name in enumerate("abcd")]
    files.insert(2, ("broken.wav", b"no audio at all"))
    tab.drop(*files)
    tab.wait_state("broken", "failed")
    tab.wait_state("d", "finished")
    assert tab.element("result-name").inner_text() == "a"
    assert names(tab, "queue") == ["broken"]
    assert names(tab, "library") == ["d", "c", "b", "a"]
    assert "not an audio file" in tab.song("broken").inner_text()
    tab.remove("broken")
    assert names(tab, "queue") == []
