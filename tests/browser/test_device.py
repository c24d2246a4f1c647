"""Real devices: interrupted audio output, wireless headphones, keyboards, phones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from tests import synthetic
from tests.browser.page import DemixerPage, wav
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

SONG = wav(synthetic.song(8.0))

CONTEXTS = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
  constructor(...given) {
    super(...given);
    contexts.push(this);
  }
};
"""


@pytest.fixture
def page(
    context: BrowserContext, stub_url: str, open_page: Callable[[str], DemixerPage]
) -> DemixerPage:
    """A page with a playable song, which records the audio contexts it creates."""
    context.add_init_script(CONTEXTS)
    opened = open_page(stub_url).wait_started()
    opened.choose("song.wav", SONG)
    opened.wait_result("song")
    return opened


def play(page: DemixerPage) -> None:
    page.element("play").click()
    expect(page.element("play")).to_have_attribute("data-state", "playing")
    moves(page)


def moves(page: DemixerPage) -> None:
    begun = float(page.element("seek").input_value())
    until(lambda: float(page.element("seek").input_value()) > begun, "The playhead to move")


def test_losing_the_audio_device_pauses(page: DemixerPage) -> None:
    play(page)
    page.page.evaluate("contexts.at(-1).suspend()")
    expect(page.element("play")).to_have_attribute("data-state", "paused")
    play(page)  # a single press is enough


def test_audio_device_in_use_elsewhere_pauses(page: DemixerPage) -> None:
    """On iOS this happens during a call: no error is uncaught, and one press plays afterwards."""
    page.page.evaluate(
        """() => {
          const device = contexts.at(-1);
          device.resume = async () => {
            delete device.resume;
            throw new DOMException("not now", "InvalidStateError");
          };
        }"""
    )
    page.element("play").click()
    page.page.wait_for_function("!Object.hasOwn(contexts.at(-1), 'resume')")
    expect(page.element("play")).to_have_attribute("data-state", "paused")
    play(page)


def test_audio_device_is_released_even_while_suspended(page: DemixerPage) -> None:
    play(page)
    page.page.evaluate("contexts.at(-1).suspend()")
    expect(page.element("play")).to_have_attribute("data-state", "paused")
    page.remove("song")
    page.page.wait_for_function("contexts.every(({ state }) => state === 'closed')")


def test_playhead_allows_for_output_latency(page: DemixerPage) -> None:
    page.page.evaluate(
        "Object.defineProperty(AudioContext.prototype, 'outputLatency', { value: 3 })"
    )
    page.element("play").click()
    expect(page.element("play")).to_have_attribute("data-state", "playing")
    until(lambda: page.page.evaluate("contexts.at(-1).currentTime") > 1, "A second of the clock")
    assert float(page.element("seek").input_value()) == 0
    moves(page)


_PRESS = """([key, code]) => {
  const event = new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.mark.parametrize("key", ["ь", "μ", "צ"])
def test_keys_of_other_scripts_go_by_position(page: DemixerPage, key: str) -> None:
    mute = page.page.get_by_role("button", name="Mute Drums")
    page.page.keyboard.press("1")
    assert page.page.evaluate(_PRESS, [key, "KeyM"])
    expect(mute).to_have_attribute("aria-pressed", "true")


def test_latin_keys_go_by_letter_not_by_position(page: DemixerPage) -> None:
    """On a French keyboard, M is next to L."""
    page.page.keyboard.press("1")
    assert page.page.evaluate(_PRESS, ["m", "Semicolon"])
    mute = page.page.get_by_role("button", name="Mute Drums")
    expect(mute).to_have_attribute("aria-pressed", "true")


def test_without_a_song_keys_are_left_to_the_browser(
    stub_url: str, open_page: Callable[[str], DemixerPage]
) -> None:
    page = open_page(stub_url).wait_started()
    for key, code in ((" ", "Space"), ("PageDown", "PageDown"), ("End", "End"), ("m", "KeyM")):
        assert not page.page.evaluate(_PRESS, [key, code])
    assert page.page.evaluate(_PRESS, ["?", "Slash"])


@pytest.mark.parametrize(
    ("memory", "is_phone", "workers"),
    [(8, False, 8), (4, False, 4), (None, False, 2), (8, True, 2), (2, True, 2), (None, True, 1)],
)
def test_default_number_of_workers(
    stub_url: str, context: BrowserContext, memory: int | None, is_phone: bool, workers: int
) -> None:
    page = context.new_page()
    page.goto(stub_url + "licences.txt")
    found = page.evaluate(
        """async ([url, memory, isPhone]) => {
          const { defaultWorkers } = await import(url + "engine/workers.js");
          const of = (name, value) => Object.defineProperty(navigator, name, { value });
          of("deviceMemory", memory ?? undefined);
          of("hardwareConcurrency", 8);
          window.matchMedia = () => ({ matches: isPhone });
          return defaultWorkers(450);
        }""",
        [stub_url, memory, is_phone],
    )
    assert found == workers


def _begin(page: DemixerPage) -> None:
    page.choose_setting("workers", "4")
    page.hold(4)
    page.choose("song.wav", SONG)
    page.wait_state("song", "working")


def _crash(page: DemixerPage) -> None:
    with page.page.expect_event("crash"), suppress(Error):
        page.page.goto("chrome://crash")
    page.page.close()


def test_crashed_page_starts_again_with_fewer_workers(
    stub_url: str, open_page: Callable[[str], DemixerPage]
) -> None:
    first = open_page(stub_url).wait_started()
    _begin(first)
    _crash(first)
    second = open_page(stub_url).wait_started()
    expect(second.element("notice")).to_contain_text("works on 2 parts of a song at a time")
    second.wait_state("song", "kept")
    # Only once: the second page was closed normally.
    second.page.close()
    third = open_page(stub_url).wait_started()
    expect(third.element("notice")).to_be_hidden()


def test_reload_at_work_is_not_taken_for_a_crash(
    stub_url: str, open_page: Callable[[str], DemixerPage]
) -> None:
    first = open_page(stub_url).wait_started()
    _begin(first)
    first.page.reload()
    first.wait_started()
    first.wait_state("song", "kept")
    expect(first.element("notice")).to_be_hidden()


def test_page_that_ends_in_the_background_shows_no_notice(
    stub_url: str, open_page: Callable[[str], DemixerPage]
) -> None:
    """The user swipes the browser away, or the phone ends it to free memory."""
    first = open_page(stub_url).wait_started()
    _begin(first)
    first.page.evaluate("""() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    _crash(first)
    second = open_page(stub_url).wait_started()
    second.wait_state("song", "kept")
    expect(second.element("notice")).to_be_hidden()
