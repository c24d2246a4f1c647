"""Any number of workers gives the same bytes, and tests of failures that need a real engine."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scipy.stats import theilslopes

from tests import synthetic
from tests.browser.page import FAST_TICKS, FIVE_SEGMENTS, DemixerPage, wav
from tests.renderer import processes, resident_bytes
from tests.waiting import until
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site_url(tiny_url: str) -> str:
    return tiny_url


def test_any_number_of_workers_gives_the_same_bytes(tab: DemixerPage) -> None:
    found: dict[str, list[list[str]]] = {"fast": [], "standard": [], "best": []}
    for workers in ("1", "2", "3"):
        tab.choose_setting("workers", workers)
        for quality, stems in found.items():
            tab.choose_setting("quality", quality)
            tab.choose("song.wav", wav(synthetic.song(2.1)))
            tab.wait_result("song")
            # Workers are started one after the other, and the song is short.
            assert min(2, int(workers)) <= tab.engines() <= int(workers)
            stems.append(tab.digests())
            tab.remove("song")
    for one, two, three in found.values():
        assert one == two == three
    assert found["fast"] != found["standard"] != found["best"]


def test_losing_the_network_in_the_middle(tab: DemixerPage, whole: list[str]) -> None:
    tab.choose_setting("workers", "1")
    tab.hold(2)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(20)
    try:
        tab.page.context.set_offline(True)
        tab.choose_setting("workers", "2")  # another worker has to be started
        tab.wait_share(80)
        tab.hold()
        tab.wait_result("song")
        assert tab.engines() == 2
    finally:
        tab.page.context.set_offline(False)
    assert tab.digests() == whole


# Python asks for more memory than there is, while a cache named "memory" exists.
_NO_MEMORY = """
  if (index === 4 && (await caches.has("memory"))) demixer.np.empty(0x1fffffff);
"""


def test_running_out_of_memory_for_a_part_keeps_the_rest(
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
        page.choose("song.wav", FIVE_SEGMENTS)
        problem = page.wait_problem()
        assert "could not be separated (1.5-3.0 s)" in problem
        page.wait_state("song", "failed")
        page.page.evaluate("caches.delete('memory')")
        page.go_on("retry")
        assert page.digests() == whole


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_sleep_of_the_machine_loses_nothing(tab: DemixerPage, whole: list[str]) -> None:
    """Everything stops for longer than a watchdog tick, and the clock then jumps far ahead."""
    tab.page.evaluate(FAST_TICKS)
    tab.choose_setting("workers", "2")
    tab.hold(2)
    tab.choose("song.wav", FIVE_SEGMENTS)
    tab.wait_share(40)
    before = tab.engine_workers()
    tab.page.evaluate(
        """() => {
          const now = performance.now.bind(performance), slept = now() + 100;
          performance.now = () => now() + (now() > slept ? 8 * 3600e3 : 0);
        }"""
    )
    asleep = processes()
    for process in asleep:
        os.kill(process, signal.SIGSTOP)
    time.sleep(1)
    for process in asleep:
        os.kill(process, signal.SIGCONT)
    tab.hold()
    tab.wait_result("song")
    assert tab.engine_workers() == before
    assert tab.digests() == whole


def test_with_cross_origin_isolation(
    tiny_site: Path, context: BrowserContext, whole: list[str]
) -> None:
    with server.serving(tiny_site, headers=server.ISOLATION_HEADERS) as url:
        page = DemixerPage(context, url).wait_started()
        assert page.page.evaluate("crossOriginIsolated") is True
        page.choose("song.wav", FIVE_SEGMENTS)
        page.wait_result("song")
        assert page.digests() == whole


def test_idle_workers_stop_and_restart(tab: DemixerPage) -> None:
    tab.choose_setting("workers", "1")
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
    song = wav(synthetic.song(1.2))
    tab.choose("song.wav", song)
    tab.wait_result("song")
    before = tab.digests()
    assert tab.engines() == 1
    # It is set a moment after the song is finished.
    tab.page.wait_for_function(
        """() => {
          const idle = [...timers.values()].filter(([, delay]) => delay === 120_000);
          for (const [callback] of idle) callback();
          return idle.length > 0;
        }"""
    )
    until(lambda: tab.engines() == 0, "The end of the idle workers", page=tab.page)
    tab.remove("song")
    tab.choose("song.wav", song)
    tab.wait_result("song")
    assert tab.digests() == before


@needs_proc
def test_twenty_songs_in_one_page(tab: DemixerPage) -> None:
    """Each song is new, so none of it is in the store yet."""
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("HeapProfiler.enable")
    resident, heap = [], []
    for number in range(20):
        tab.choose(f"{number}.wav", wav(synthetic.noise(3.0, seed=number)))
        tab.wait_result(str(number))
        tab.wait_idle()  # what only waits to be collected is not counted
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        heap.append(usage["usedSize"] + usage["backingStorageSize"])
        resident.append(resident_bytes())
    # The first songs warm up: code is compiled, memory pools are filled.
    # The median slope of all pairs, after Theil and Sen: what a single song happened to leave until
    # the next collection does not matter.
    slopes = [theilslopes(sizes[5:]).slope for sizes in (resident, heap)]
    print("bytes per song: renderer {:+.0f}, JavaScript {:+.0f}".format(*slopes))
    # A song of three seconds and its stems take 5 MB.
    assert slopes[0] < 5e6
    assert slopes[1] < 50e3
