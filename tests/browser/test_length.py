"""Any number of workers, any interruption: the same bytes, and nothing finished is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Error

from tests import synthetic
from tests.browser.page import CLEAR_SONGS, SOURCES, DemixerPage, wav
from tests.renderer import processes, resident_bytes
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Worker

pytestmark = pytest.mark.browser

SONG = wav(synthetic.song(25.0))  # five segments
LATE = 6
"""The task of the plan that is the fourth segment."""

_DIGESTS = """async (sources) => {
  const root = await navigator.storage.getDirectory();
  const songs = await root.getDirectoryHandle("songs");
  const found = [];
  for await (const folder of songs.values()) {
    const stems = [];
    for (const source of sources) {
      const handle = await folder.getFileHandle(`${source}.f32`);
      const bytes = await (await handle.getFile()).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      stems.push(`${bytes.byteLength} ${digest}`);
    }
    found.push(stems);
  }
  return found;
}"""


def digests(page: DemixerPage) -> list[str]:
    """Length and hash of each stem of the only song in the store."""
    (stems,) = page.page.evaluate(_DIGESTS, list(SOURCES))
    assert len(set(stems)) == len(SOURCES)
    return list(stems)


def choose_setting(page: DemixerPage, name: str, value: str) -> None:
    page.element("settings").evaluate("settings => settings.open = true")
    page.page.select_option(f"#{name}", value)


def discard(page: DemixerPage) -> None:
    page.page.click('#kept [data-do="discard"]')
    page.page.wait_for_selector("#kept[hidden]", state="attached")


def wait_progress(page: DemixerPage, share: int) -> None:
    """Wait until so many per cent are done."""
    page.page.wait_for_function(
        "share => parseInt(document.querySelector('#job-number').textContent) >= share",
        arg=share,
        timeout=120_000,
    )


def wait_kept(page: DemixerPage, says: str) -> None:
    page.page.wait_for_selector(f"#kept:not([hidden]) >> text={says}", timeout=30_000)


def resume(page: DemixerPage) -> None:
    page.page.click('#kept [data-do="open"]')
    page.wait_result("song")


@pytest.fixture
def open_tab(shared_context: BrowserContext, tiny_url: str) -> Iterator[Callable[[], DemixerPage]]:
    """A function that opens a tab of the browser that all tests share; its songs are removed."""
    pages: list[DemixerPage] = []

    def open_page() -> DemixerPage:
        pages.append(DemixerPage(shared_context, tiny_url))
        return pages[-1].wait_started()

    yield open_page
    for page in pages:
        page.page.close()
    last = shared_context.new_page()
    last.goto(tiny_url + "licences.txt")
    last.evaluate(CLEAR_SONGS)
    last.close()


@pytest.fixture
def tab(open_tab: Callable[[], DemixerPage]) -> DemixerPage:
    return open_tab()


@pytest.fixture(scope="module")
def whole(shared_context: BrowserContext, tiny_url: str) -> list[str]:
    """The song's stems by one worker, without interruption."""
    page = DemixerPage(shared_context, tiny_url).wait_started()
    choose_setting(page, "workers", "1")
    page.choose("song.wav", SONG)
    page.wait_result("song")
    stems = digests(page)
    discard(page)
    choose_setting(page, "workers", "automatic")
    page.page.close()
    return stems


@pytest.mark.parametrize("quality", ["standard", "smooth", "averaged"])
def test_the_same_bytes_for_any_number_of_workers(tab: DemixerPage, quality: str) -> None:
    choose_setting(tab, "quality", quality)
    found = []
    for workers in ("1", "2", "3"):
        choose_setting(tab, "workers", workers)
        tab.choose("song.wav", wav(synthetic.song(14.0)))
        tab.wait_result("song")
        # Workers are started one after another, and the song is short.
        assert min(2, int(workers)) <= engines(tab) <= int(workers)
        found.append(digests(tab))
        discard(tab)
    assert found[0] == found[1] == found[2]
    choose_setting(tab, "quality", "standard")
    choose_setting(tab, "workers", "automatic")


def test_a_reload_in_the_middle_costs_nothing_that_is_finished(
    tab: DemixerPage, whole: list[str]
) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    tab.page.reload()
    wait_kept(tab, "song is")
    share = int(re.findall(r"(\d+) %", tab.element("kept").inner_text())[0])
    assert 40 <= share < 100
    tab.wait_started()
    tab.page.click('#kept [data-do="open"]')
    wait_progress(tab, 1)
    assert int(tab.element("job-number").inner_text().split()[0]) >= share
    tab.wait_result("song")
    assert digests(tab) == whole


def test_a_crash_of_the_tab_costs_nothing_that_is_finished(
    tab: DemixerPage, open_tab: Callable[[], DemixerPage], whole: list[str]
) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    with tab.page.expect_event("crash"), pytest.raises(Error, match="ERR_ABORTED"):
        tab.page.goto("chrome://crash")
    again = open_tab()
    wait_kept(again, "% done")
    resume(again)
    assert digests(again) == whole


def test_the_same_file_again_goes_on_where_it_stopped(tab: DemixerPage, whole: list[str]) -> None:
    tab.hold(LATE)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    tab.page.click("#cancel")
    wait_kept(tab, "% done")
    tab.hold()
    tab.choose("song.wav", SONG)
    wait_progress(tab, 1)
    assert int(tab.element("job-number").inner_text().split()[0]) >= 40
    tab.wait_result("song")
    assert digests(tab) == whole


def engine_workers(page: DemixerPage) -> list[Worker]:
    return [worker for worker in page.page.workers if worker.url.endswith("engine/worker.js")]


def engines(page: DemixerPage) -> int:
    return len(engine_workers(page))


def wait_without_engines(page: DemixerPage) -> None:
    """Wait until the browser has ended them."""
    for _ in range(300):
        if engines(page) == 0:
            return
        page.page.wait_for_timeout(100)
    pytest.fail("The workers do not end.")


def test_cancel_ends_the_workers(tab: DemixerPage) -> None:
    tab.page.evaluate("window.ended = 0")
    tab.page.evaluate(
        """() => {
          const terminate = Worker.prototype.terminate;
          Worker.prototype.terminate = function () { ended++; return terminate.call(this); };
        }"""
    )
    choose_setting(tab, "workers", "2")
    tab.hold(2)  # the first worker's second one
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    running = engines(tab)
    tab.page.click("#cancel")
    tab.page.wait_for_selector("#job[hidden]", state="attached")
    assert tab.page.evaluate("ended") == running == 2


def test_pause_and_continue(tab: DemixerPage, whole: list[str]) -> None:
    choose_setting(tab, "workers", "1")
    tab.hold(2)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 20)
    tab.page.click("#pause")
    tab.hold()
    tab.page.wait_for_timeout(3000)  # what was being computed is finished
    before = tab.element("job-number").inner_text()
    tab.page.wait_for_timeout(3000)
    assert tab.element("job-number").inner_text() == before != "100 %"
    assert "Paused" in tab.element("job-time").inner_text()
    tab.page.click("#pause")
    tab.wait_result("song")
    assert digests(tab) == whole


def test_a_worker_that_is_killed_is_replaced(tab: DemixerPage, whole: list[str]) -> None:
    """One says so, the other one falls silent: nothing but the watchdog can tell."""
    tab.page.evaluate(_FAST_TICKS)
    choose_setting(tab, "workers", "2")
    tab.hold(2)  # the first worker's second one: the other one does the rest
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    tab.page.evaluate("engine.workers[1].dispatchEvent(new ErrorEvent('error', {message: 'gone'}))")
    tab.page.evaluate("engine.workers[0].terminate()")
    tab.page.evaluate(_FAST_CLOCK)
    tab.hold()
    tab.wait_result("song")
    assert tab.page.evaluate("engine.workers.length") == 3
    assert digests(tab) == whole


# So that the watchdog's patience is over after seconds, not minutes; the third worker is given the
# usual time.
_FAST_TICKS = """() => {
  const { setInterval } = window;
  window.setInterval = (callback, delay) => setInterval(callback, delay / 10);
}"""
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


def test_two_tabs_do_not_get_into_each_others_way(
    open_tab: Callable[[], DemixerPage], whole: list[str]
) -> None:
    first, second = open_tab(), open_tab()
    choose_setting(first, "workers", "1")
    first.hold(LATE)
    first.choose("song.wav", SONG)
    wait_progress(first, 20)
    second.choose("song.wav", SONG)
    assert "in another tab" in second.wait_problem()
    assert second.element("kept").is_hidden()
    first.hold()
    first.wait_result("song")
    assert digests(first) == whole
    first.page.close()
    second.choose("song.wav", SONG)
    second.wait_result("song")
    assert digests(second) == whole


def set_quota(page: DemixerPage, more_bytes: float | None) -> None:
    """Let the origin store so much more than it has stored (None: as much as there is)."""
    origin = page.page.evaluate("location.origin")
    session = page.page.context.new_cdp_session(page.page)
    quota = {} if more_bytes is None else {"quotaSize": usage(page) + more_bytes}
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, **quota})


def usage(page: DemixerPage) -> float:
    estimate = page.page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    return float(estimate)


def test_too_little_storage_is_told_before_the_start(tab: DemixerPage) -> None:
    try:
        set_quota(tab, 100e6)
        tab.choose("song.wav", SONG)
        assert "need 0.2 GB of the browser's storage, which are not left" in tab.wait_problem()
    finally:
        set_quota(tab, None)


def test_storage_that_is_full_in_the_middle_costs_nothing_that_is_finished(
    tab: DemixerPage, whole: list[str]
) -> None:
    choose_setting(tab, "workers", "1")
    tab.hold(LATE)
    tab.choose("song.wav", SONG)
    try:
        wait_progress(tab, 20)
        set_quota(tab, 1e6)
        tab.hold()
        assert "storage is full" in tab.wait_problem()
    finally:
        set_quota(tab, None)
    wait_kept(tab, "% done")
    resume(tab)
    assert digests(tab) == whole


def test_without_network_in_the_middle(tab: DemixerPage, whole: list[str]) -> None:
    choose_setting(tab, "workers", "1")
    tab.hold(2)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 20)
    try:
        tab.page.context.set_offline(True)
        choose_setting(tab, "workers", "2")  # another worker has to be started
        wait_progress(tab, 80)
        tab.hold()
        tab.wait_result("song")
        assert engines(tab) == 2
    finally:
        tab.page.context.set_offline(False)
    assert digests(tab) == whole


# Python asks for more than there is, as often as the cache named "memory" is there.
_NO_MEMORY = """
  if (index === 4 && (await caches.has("memory"))) demixer.np.empty(0x1fffffff);
"""


def test_a_part_for_which_memory_is_short_does_not_cost_the_rest(
    tiny_site: Path, tmp_path: Path, context: BrowserContext, whole: list[str]
) -> None:
    site = Path(shutil.copytree(tiny_site, tmp_path / "site"))
    worker = site / "engine" / "worker.js"
    text = worker.read_text(encoding="utf-8")
    begin = "async function run({ job, index, inputs, network }) {\n"
    assert text.count(begin) == 1
    worker.write_text(text.replace(begin, f"{begin}{_NO_MEMORY}"), encoding="utf-8")
    with server.serving(site) as url:
        page = DemixerPage(context, url).wait_started()
        page.page.evaluate("caches.open('memory')")
        page.choose("song.wav", SONG)
        problem = page.wait_problem()
        assert "could not be separated (11.7-23.4 s)" in problem
        wait_kept(page, "80 % done")
        page.page.evaluate("caches.delete('memory')")
        resume(page)
        assert digests(page) == whole


def test_nothing_waits_for_timers(tab: DemixerPage, whole: list[str]) -> None:
    """Which hardly run in hidden tabs."""
    tab.page.evaluate("window.setTimeout = window.setInterval = () => 0")
    tab.choose("song.wav", SONG)
    tab.wait_result("song")
    assert digests(tab) == whole


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_a_machine_that_sleeps_costs_nothing(tab: DemixerPage, whole: list[str]) -> None:
    """All stands still for longer than a tick of the watchdog, and the clock is then far on."""
    choose_setting(tab, "workers", "2")
    tab.hold(2)
    tab.choose("song.wav", SONG)
    wait_progress(tab, 40)
    before = engine_workers(tab)
    tab.page.evaluate(
        """() => {
          const now = performance.now.bind(performance), slept = now() + 1000;
          performance.now = () => now() + (now() > slept ? 8 * 3600e3 : 0);
        }"""
    )
    asleep = processes()
    for process in asleep:
        os.kill(process, signal.SIGSTOP)
    time.sleep(7)
    for process in asleep:
        os.kill(process, signal.SIGCONT)
    tab.hold()
    tab.wait_result("song")
    assert engine_workers(tab) == before
    assert digests(tab) == whole


def test_with_cross_origin_isolation(
    tiny_site: Path, context: BrowserContext, whole: list[str]
) -> None:
    with server.serving(tiny_site, headers=server.ISOLATION_HEADERS) as url:
        page = DemixerPage(context, url).wait_started()
        assert page.page.evaluate("crossOriginIsolated") is True
        page.choose("song.wav", SONG)
        page.wait_result("song")
        assert digests(page) == whole


def test_idle_workers_end_and_come_back(tab: DemixerPage) -> None:
    choose_setting(tab, "workers", "1")
    tab.page.evaluate(
        """() => {
          window.timers = new Map();
          let last = 1e9;  // no timer from before has such a number
          window.setTimeout = (callback, delay) => {
            timers.set(++last, [callback, delay]);
            return last;
          };
          window.clearTimeout = (timer) => timers.delete(timer);
        }"""
    )
    song = wav(synthetic.song(8.0))
    tab.choose("song.wav", song)
    tab.wait_result("song")
    before = digests(tab)
    assert engines(tab) == 1
    tab.page.evaluate(
        """() => {
          const idle = [...timers.values()].filter(([, delay]) => delay === 120_000);
          for (const [callback] of idle) callback();
        }"""
    )
    wait_without_engines(tab)
    discard(tab)
    tab.choose("song.wav", song)
    tab.wait_result("song")
    assert digests(tab) == before


@needs_proc
def test_twenty_songs_in_one_page(tab: DemixerPage) -> None:
    """Each is new, so that nothing of it is in the store."""
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("HeapProfiler.enable")
    resident, heap = [], []
    for number in range(20):
        tab.choose(f"{number}.wav", wav(synthetic.noise(3.0, seed=number)))
        tab.wait_result(str(number))
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        heap.append(usage["usedSize"] + usage["backingStorageSize"])
        resident.append(resident_bytes())
    # The first songs warm up: code is compiled, pools of memory are filled.
    slopes = [np.polyfit(np.arange(15), sizes[5:], 1)[0] for sizes in (resident, heap)]
    print("bytes per song: renderer {:+.0f}, JavaScript {:+.0f}".format(*slopes))
    # A song of three seconds and its stems are 5 MB.
    assert slopes[0] < 5e6
    assert slopes[1] < 50e3
