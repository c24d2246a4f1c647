"""What the page may load and run, what it requests, and how it treats hostile names."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Error, expect

from tests import synthetic
from tests.browser.page import RATE, DemixerPage, wav
from tests.waiting import until
from web import headers, server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

SONG = wav(synthetic.song(1.0))


@pytest.fixture
def reports() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for browsers' reports of policy violations, and the list of those received."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{running.server_address[1]}/", received
    running.shutdown()
    running.server_close()


def policy_of(site: Path) -> str:
    return headers.of(headers.read(site), "/")[headers.POLICY]


def test_separating_a_song_contacts_no_other_host_and_violates_no_policy(
    context: BrowserContext, tiny_site: Path, reports: tuple[str, list[dict[str, Any]]]
) -> None:
    address, violations = reports
    stated = {headers.POLICY: f"{policy_of(tiny_site)}; report-uri {address}"}
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    with server.serving(tiny_site, headers=stated, cache_control="no-store") as url:
        page = DemixerPage(context, url).wait_started()
        page.separate("song.wav", SONG)
        page.element("play").click()
        assert asked
        assert [one for one in asked if not one.startswith((url, "blob:"))] == []
        assert violations == []
        # This request is forbidden and reported, which proves that the test can fail.
        page.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")
        until(lambda: violations, "The report of what was forbidden")
        assert [one["csp-report"]["violated-directive"] for one in violations] == ["connect-src"]
        # From now on, check the console: the service worker answers with the build's policy.
        page.console.clear()
        answer = page.page.reload()
        assert answer
        assert answer.headers["content-security-policy"] == policy_of(tiny_site)
        page.wait_started()
        page.open_kept("song")
        page.element("play").click()
        assert [said for said in page.console if "Content Security Policy" in said] == []


TRY_TO_EVALUATE = """
  try { postMessage(`ran ${eval("1")}`); } catch { postMessage("refused"); }
"""
ASK_WORKER = """() => new Promise((resolve) => {
  const worker = new Worker("engine/resample-worker.js");
  worker.addEventListener("message", ({ data }) => resolve(data));
})"""


def test_workers_have_the_policy_on_hosts_without_headers(
    context: BrowserContext, own_stub: Path
) -> None:
    (own_stub / "_headers").unlink()
    (own_stub / "engine" / "resample-worker.js").write_text(TRY_TO_EVALUATE)
    with server.serving(own_stub) as url:
        page = DemixerPage(context, url).wait_started()
        page.page.reload()
        page.wait_started()
        assert page.page.evaluate(ASK_WORKER) == "refused"


def test_text_cannot_become_code(started: DemixerPage) -> None:
    write = "() => { document.body.innerHTML += '<b>written</b>'; }"
    with pytest.raises(Error, match="TrustedHTML"):
        started.page.evaluate(write)
    elsewhere = "() => { new Worker('http://127.0.0.1:9/worker.js'); }"
    with pytest.raises(Error, match="TrustedScriptURL"):
        started.page.evaluate(elsewhere)


DAMAGE = """async (names) => {
  const [name] = (await caches.keys()).filter((one) => one.startsWith("py-demixer-assets"));
  const cache = await caches.open(name);
  for (const request of await cache.keys()) {
    if (!names.some((one) => request.url.endsWith(one))) continue;
    const kept = await cache.match(request);
    const bytes = new Uint8Array(await kept.arrayBuffer());
    bytes[bytes.length >> 1] ^= 1;
    await cache.put(request, new Response(bytes, { headers: kept.headers }));
  }
}"""


def test_damaged_cached_files_are_fetched_again(context: BrowserContext, tiny_site: Path) -> None:
    assets = json.loads((tiny_site / "assets.json").read_text())
    part = assets["models"]["htdemucs"]["parts"][0]["url"]
    wheel = assets["wheel"]
    asked: list[str] = []
    options = {"cache_control": "no-store", "on_request": asked.append}
    with server.serving(tiny_site, **options) as url:
        page = DemixerPage(context, url).wait_started()
        before = page.separate("song.wav", SONG)
        page.remove("song")
        asked.clear()
        page.page.evaluate(DAMAGE, [part, wheel])
        page.page.reload()
        page.wait_started()
        heavy = [one for one in asked if one.startswith(("pyodide-", "wheels/", "models/"))]
        assert sorted(heavy) == sorted([part, wheel])
        after = page.separate("song.wav", SONG)
    for source, stem in before.items():
        np.testing.assert_array_equal(after[source], stem)


HOSTILE = "<img src=x onerror=\"document.title='taken'\">& \u202egnp.exe"
TAGS = {"title": "<svg onload=\"document.title='taken'\">../../up", "artist": "<b>\"'&amp;</b>"}


def tagged(audio: np.ndarray) -> bytes:
    """A FLAC file with hostile tags."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, 2, format="FLAC") as writer:
        for name, value in TAGS.items():
            setattr(writer, name, value)
        writer.write(audio.T)
    return file.getvalue()


def test_hostile_names_and_tags_are_shown_as_text(started: DemixerPage) -> None:
    page = started.page
    started.choose(f"{HOSTILE}.flac", tagged(synthetic.song(1.0)))
    page.wait_for_selector('#library li[data-state="finished"]', state="attached")
    name, artist = started.element("song-name"), TAGS["artist"]
    expect(name).to_have_text(HOSTILE)
    assert artist in page.locator("#library li").inner_text()
    made = "#main img, #main b, #songs img, #songs b, [onerror], [onload]"
    assert page.locator(made).count() == 0
    assert page.title() != "taken"
    # A character that reverses the writing direction reverses only the name.
    assert name.evaluate("name => getComputedStyle(name).unicodeBidi") == "isolate"
    # No system takes the file's name for a path, or for another type of file.
    saved, _ = started.save("vocals", "wav16")
    assert saved.endswith(" - vocals.wav")
    assert not set(saved) & set('<>:"/\\|?*\u202e')
