"""Interruptions of all kinds: no finished work is lost, and no byte changes.

The engine is a stub: these tests are about the pool, the store and the page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Error, expect

from tests.browser.page import CHANGE_ENTRIES, FAST_TICKS, FIVE_SEGMENTS, SOURCES, DemixerPage
from tests.waiting import until

pytestmark = pytest.mark.browser

STEP = 33_075
"""Frames of a segment of the stub."""

LATE = 6
"""The plan's task for the fourth segment."""


@pytest.fixture(scope="module")
def site_url(stub_url: str) -> str:
    return stub_url


def test_reload_loses_no_finished_work(tab: DemixerPage, whole: list[str]) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    tab.page.reload()
    tab.wait_state("song", "kept")
    share = tab.share("song")
    assert 40 <= share < 100
    tab.wait_started()
    tab.press("goOn", "song")
    tab.wait_share(1)
    assert tab.share("song") >= share
    tab.wait_state("song", "finished")
    assert tab.digests() == whole


def test_what_is_finished_can_be_played_and_saved_without_an_engine(
    tab: DemixerPage, whole: list[str]
) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(60)
    until(lambda: finals(tab) == [[[0, 3 * STEP]]], "The third part of the stems")
    tab.page.route("**/engine/worker.js", lambda route: route.abort())
    tab.page.reload()
    tab.wait_state("song", "kept")
    tab.press("open", "song")
    tab.wait_shown("song")
    # As far as it goes.
    play = tab.element("play")
    play.click()
    expect(play).to_have_attribute("data-state", "playing")
    play.click()
    for source in SOURCES:
        stem = tab.download(source, "32f")[1]
        assert stem.shape == (2, 3 * STEP)
        assert np.abs(stem).max() > 0
    # It is continued while it is open.
    tab.page.unroute("**/engine/worker.js")
    tab.page.reload()
    tab.press("open", "song")
    tab.wait_shown("song")
    tab.wait_started()
    tab.go_on()
    tab.wait_shown("song")
    assert tab.digests() == whole


def finals(tab: DemixerPage) -> list[list[list[int]]]:
    """What the store's catalog says is final of each song, in frames."""
    entries = tab.page.evaluate(f"({CHANGE_ENTRIES})(() => null)")
    return [entry["final"] for entry in entries]


def test_tab_crash_loses_no_finished_work(
    tab: DemixerPage, open_tab: Callable[[], DemixerPage], whole: list[str]
) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    with tab.page.expect_event("crash"), pytest.raises(Error, match="ERR_ABORTED"):
        tab.page.goto("chrome://crash")
    again = open_tab()
    again.wait_state("song", "kept")
    again.go_on()
    assert again.digests() == whole


def test_choosing_the_same_file_resumes_it(tab: DemixerPage, whole: list[str]) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    tab.press("cancel", "song")
    tab.wait_state("song", "kept")
    tab.hold()
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(1)
    assert tab.share("song") >= 40
    tab.wait_result("song")
    assert tab.digests() == whole


def test_cancel_ends_the_workers(tab: DemixerPage) -> None:
    tab.page.evaluate("window.ended = 0")
    tab.page.evaluate(
        """() => {
          const terminate = Worker.prototype.terminate;
          Worker.prototype.terminate = function () { ended++; return terminate.call(this); };
        }"""
    )
    tab.choose_setting("workers", "2")
    tab.hold(2)  # the second task of the first worker
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    running = tab.engines()
    tab.press("cancel", "song")
    tab.wait_state("song", "kept")
    assert tab.page.evaluate("ended") == running == 2


def test_pause_and_continue(tab: DemixerPage, whole: list[str]) -> None:
    tab.choose_setting("workers", "1")
    tab.hold(2)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(20)
    tab.page.click("#pause-all")
    tab.hold()
    tab.wait_state("song", "paused")
    # The task being computed is finished, and no other is started.
    expect(tab.song("song").locator(".song-state")).to_contain_text("40%")
    tab.wait_idle()
    assert tab.begun() == [0, 1, 2]
    assert tab.share("song") == 40
    tab.page.click("#pause-all")
    tab.wait_result("song")
    assert tab.digests() == whole


def test_killed_workers_are_replaced(tab: DemixerPage, whole: list[str]) -> None:
    """One worker reports an error, the other falls silent: only the watchdog can notice that."""
    tab.page.evaluate(FAST_TICKS)
    tab.choose_setting("workers", "2")
    tab.hold(2)  # the first worker's second task; the second worker does the rest
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    tab.page.evaluate("engine.workers[1].dispatchEvent(new ErrorEvent('error', {message: 'gone'}))")
    tab.page.evaluate("engine.workers[0].terminate()")
    tab.page.evaluate(_FAST_CLOCK)
    tab.hold()
    tab.wait_result("song")
    assert tab.page.evaluate("engine.workers.length") == 3
    assert tab.digests() == whole


# Time runs faster until the third worker has been started.
_FAST_CLOCK = """() => {
  const now = performance.now.bind(performance);
  let [last, ahead] = [now(), 0];
  performance.now = () => {
    const passed = now() - last;
    last += passed;
    if (engine.workers.length < 3) ahead += 100 * passed;
    return last + ahead;
  };
}"""


def test_two_tabs_do_not_interfere(open_tab: Callable[[], DemixerPage], whole: list[str]) -> None:
    first, second = open_tab(), open_tab()
    first.choose_setting("workers", "1")
    first.hold(LATE)
    first.choose("song.wav", FIVE_SEGMENTS)
    first.wait_share(20)
    second.choose("song.wav", FIVE_SEGMENTS)
    assert "in another tab" in second.wait_problem()
    assert second.page.locator("li[data-song]").count() == 1  # its own song
    first.hold()
    first.wait_result("song")
    assert first.digests() == whole
    first.page.close()
    # The second tab has heard that the song is finished; its own song is the same one.
    expect(second.page.locator('#library [data-state="finished"]')).to_have_count(1)
    second.page.locator('#queue [data-do="retry"]').click()
    expect(second.page.locator("#queue li[data-song]")).to_have_count(0)
    second.wait_result("song")
    assert second.digests() == whole


def set_quota(page: DemixerPage, more_bytes: float | None) -> None:
    """Limit the origin's storage to this much more than it uses (None: no limit)."""
    origin = page.page.evaluate("location.origin")
    session = page.page.context.new_cdp_session(page.page)
    quota = {} if more_bytes is None else {"quotaSize": usage(page) + more_bytes}
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, **quota})


def usage(page: DemixerPage) -> float:
    estimate = page.page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    return float(estimate)


def test_too_little_storage_is_reported_before_the_start(tab: DemixerPage) -> None:
    try:
        set_quota(tab, 100e6)
        tab.choose("song.wav", FIVE_SEGMENTS)
        assert "need 0.2 GB of browser storage, and there is less left" in tab.wait_problem()
    finally:
        set_quota(tab, None)


def test_full_storage_loses_no_finished_work(tab: DemixerPage, whole: list[str]) -> None:
    tab.choose_setting("workers", "1")
    tab.hold(LATE)
    tab.choose("song.wav", FIVE_SEGMENTS)
    try:
        tab.wait_share(20)
        set_quota(tab, 1e6)
        tab.hold()
        assert "storage is full" in tab.wait_problem()
    finally:
        set_quota(tab, None)
    tab.wait_state("song", "failed")
    tab.go_on("retry")
    assert tab.digests() == whole


def test_separation_works_without_timers(tab: DemixerPage, whole: list[str]) -> None:
    """Timers hardly run in hidden tabs."""
    tab.page.evaluate("window.setTimeout = window.setInterval = () => 0")
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_result("song")
    assert tab.digests() == whole
