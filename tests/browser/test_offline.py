"""Offline use, updates, bad downloads, an insecure address, and a site under a sub-path."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests import synthetic, tiny
from tests.browser.page import FIVE_SEGMENTS, SOURCES, DemixerPage, wav
from tests.waiting import until
from web import server
from web.assemble import WEB

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

SONG = wav(synthetic.song(0.5))

TEXT = (".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".webmanifest")
MOST_BESIDE_WEIGHTS = 20.4e6
"""With SCNet's weights, 19.5 MB, a first visit downloads less than 40 MB."""


def assert_ready(page: DemixerPage) -> None:
    """Check that the page says that the model works offline."""
    assert page.element("offline").inner_text() == "Ready to work offline"
    assert page.element("offline").get_attribute("data-model") == "htdemucs"


def test_page_works_offline_after_a_browser_restart(
    launch_chromium: Callable[..., BrowserContext], tiny_site: Path, tmp_path: Path
) -> None:
    """The server is stopped, the browser restarted on the same profile, the HTTP cache empty."""
    asked: list[str] = []
    options = {"prefix": "/some/where/", "cache_control": "no-store"}
    with server.serving(tiny_site, **options, on_request=asked.append) as url:
        context = launch_chromium(tmp_path / "profile")
        first = DemixerPage(context, url).wait_started()
        assert_ready(first)
        heavy = fetched_files(tiny_site)
        # Each heavy file crossed the network once, although the HTTP cache may keep nothing.
        everything = heavy | heavy_files(tiny_site)
        assert sorted(path for path in asked if path in everything) == sorted(heavy)
        assert download_size(tiny_site, asked) < MOST_BESIDE_WEIGHTS
        expected = first.separate("song.wav", SONG)
        context.close()
    again = DemixerPage(launch_chromium(tmp_path / "profile"), url).wait_started()
    assert_ready(again)
    stems = again.separate("song.wav", SONG)
    for source in SOURCES:
        np.testing.assert_array_equal(stems[source], expected[source])


def download_size(site: Path, asked: list[str]) -> int:
    """Bytes of the requested files, weights aside, from a host that compresses text."""
    total = 0
    for path in {path for path in asked if not path.startswith("models/")}:
        content = (site / (path or "index.html")).read_bytes()
        total += len(gzip.compress(content) if path.endswith(TEXT) else content)
    return total


def heavy_files(site: Path) -> set[str]:
    """What the page needs for the site's only model."""
    assets = json.loads((site / "assets.json").read_text())
    (model,) = assets["models"].values()
    return {file["url"] for file in (*assets["files"], *model["parts"])}


def fetched_files(site: Path) -> set[str]:
    """The same, as they are fetched: compressed copies of some."""
    assets = json.loads((site / "assets.json").read_text())
    (model,) = assets["models"].values()
    return {file.get("packed", file["url"]) for file in (*assets["files"], *model["parts"])}


def cached(page: DemixerPage) -> set[str]:
    """The heavy files that the page has stored, relative to the site's folder."""
    urls = page.page.evaluate(
        """async () => {
          const ours = (name) => name.startsWith("py-demixer-assets");
          const names = (await caches.keys()).filter(ours);
          const lists = names.map(async (name) => (await caches.open(name)).keys());
          return (await Promise.all(lists)).flat().map((request) => request.url);
        }"""
    )
    return {url.removeprefix(page.page.url) for url in urls}


def test_damaged_file_is_refused_and_the_download_resumes(
    own_stub: Path, stub_site: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    assets = json.loads((own_stub / "assets.json").read_text())
    part = assets["models"]["htdemucs"]["parts"][0]["url"]
    damaged = bytearray((own_stub / part).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (own_stub / part).write_bytes(damaged)
    asked: list[str] = []
    with server.serving(own_stub, cache_control="no-store", on_request=asked.append) as url:
        page = open_page(url).ask()
        assert f"arrived damaged ({part})" in page.wait_problem()
        assert part not in cached(page)
        shutil.copyfile(stub_site / part, own_stub / part)
        until(lambda: cached(page), "A file that is kept")
        kept = cached(page)
        asked.clear()
        page.page.click("#retry")
        page.wait_started()
        assert not kept & set(asked)
        assert part in asked
        assert_ready(page)


def test_missing_file_is_named(own_stub: Path, open_page: Callable[[str], DemixerPage]) -> None:
    wheel = next(own_stub.glob("wheels/*/*.whl"))
    wheel.unlink()
    with server.serving(own_stub) as url:
        problem = open_page(url).ask().wait_problem()
    assert "missing on the server" in problem
    assert wheel.name in problem


def test_update_waits_for_the_user(
    make_stub: MakeSite, own_stub: Path, tmp_path: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    with server.serving(own_stub, cache_control="no-store") as url:
        page = open_page(url).wait_started()
        before = cached(page)
        _publish_newer(make_stub, own_stub, tmp_path)
        page.page.reload()
        page.page.wait_for_selector("#update:not([hidden])")
        # Still the old page with the old weights: no update is forced on the user.
        assert page.page.title() == "py-demixer"
        page.wait_started()
        assert cached(page) == before
        with page.page.expect_navigation():
            page.page.click("#update-button")
        expect(page.page).to_have_title("py-demixer, newer")
        page.wait_started()
        assert_ready(page)
        # The new set is complete, and files that only the old set had are gone.
        assert cached(page) == heavy_files(own_stub) != before


def test_update_waits_for_all_tabs_and_reloads_them(
    make_stub: MakeSite, own_stub: Path, tmp_path: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    """A tab still at work on the old page finishes with the old files."""
    with server.serving(own_stub, cache_control="no-store") as url:
        first, second = open_page(url).wait_started(), open_page(url).wait_started()
        before = cached(first)
        first.hold(4)
        first.choose("song.wav", FIVE_SEGMENTS)
        first.wait_share(40)
        _publish_newer(make_stub, own_stub, tmp_path)
        second.page.reload()
        second.page.wait_for_selector("#update:not([hidden])")
        second.page.click("#update-button")
        expect(second.element("notice")).to_contain_text("Another tab is still working")
        first.hold()
        first.wait_result("song")
        assert first.page.title() == "py-demixer"
        assert cached(first) == before
        with first.page.expect_navigation(), second.page.expect_navigation():
            second.page.click("#update-button")
        for page in (first, second):
            expect(page.page).to_have_title("py-demixer, newer")
            page.wait_started()
            page.wait_state("song", "finished")
        # Files that an older tab could need are deleted as soon as only one tab is left.
        assert cached(first) > heavy_files(own_stub)
        second.page.close()
        first.page.reload()
        first.wait_started()
        assert cached(first) == heavy_files(own_stub)


@pytest.mark.parametrize(
    ("changed", "goes_on"),
    [({"wheel": "wheels/another/py_demixer.whl"}, True), ({"numerics": 99}, False)],
)
def test_newer_site_resumes_songs_with_unchanged_numerics(
    own_stub: Path,
    open_page: Callable[[str], DemixerPage],
    changed: dict[str, object],
    goes_on: bool,
) -> None:
    """A started song resumes if the numerics are unchanged; else the page says it starts over."""
    with server.serving(own_stub, cache_control="no-store") as url:
        page = open_page(url).wait_started()
        page.hold(6)
        page.choose("song.wav", FIVE_SEGMENTS)
        page.wait_share(60)
        page.page.evaluate(
            """async () => {
              for (const worker of await navigator.serviceWorker.getRegistrations()) {
                await worker.unregister();
              }
              for (const name of await caches.keys()) {
                if (name.includes("precache")) await caches.delete(name);
              }
            }"""
        )
        manifest = own_stub / "assets.json"
        assets = json.loads(manifest.read_text(encoding="utf-8"))
        if "wheel" in changed:
            old = own_stub / assets["wheel"]
            new = own_stub / str(changed["wheel"])
            new.parent.mkdir()
            old.rename(new)
            for file in assets["files"]:
                if file["url"] == assets["wheel"]:
                    file["url"] = changed["wheel"]
        manifest.write_text(json.dumps(assets | changed), encoding="utf-8")
        page.page.reload()
        page.wait_started()
        page.go_on()
        assert (0 in page.begun()) != goes_on
        said = page.element("notice")
        if goes_on:
            expect(said).to_be_hidden()
        else:
            expect(said).to_contain_text("song starts over")


def _publish_newer(make_stub: MakeSite, site: Path, folder: Path) -> None:
    """Replace the site by a new build, with other weights and another title."""
    models = {"htdemucs": tiny.write(folder / "other.safetensors", seed=1)}
    newer = make_stub(models, web=_changed_web(folder))
    shutil.rmtree(site)
    shutil.copytree(newer, site)


def _changed_web(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules")
    changed = Path(shutil.copytree(WEB, folder / "web", ignore=ignored))
    page = changed / "index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<title>py-demixer<", "<title>py-demixer, newer<"), "utf-8")
    return changed


@pytest.fixture
def open_insecure(
    playwright: Playwright, chromium_options: dict[str, object], tmp_path: Path
) -> Iterator[Callable[[str], DemixerPage]]:
    """A function that opens an address of this machine under a name that is not secure."""
    arguments = chromium_options["args"]
    assert isinstance(arguments, list)
    rules = "--host-resolver-rules=MAP demixer.test 127.0.0.1"
    options = {**chromium_options, "args": [*arguments, rules]}
    context = playwright.chromium.launch_persistent_context(tmp_path / "profile", **options)  # type: ignore[arg-type]
    yield lambda url: DemixerPage(context, url.replace("localhost", "demixer.test"))
    context.close()


def test_insecure_address_works_and_says_what_is_missing(
    open_insecure: Callable[[str], DemixerPage], tiny_url: str
) -> None:
    page = open_insecure(tiny_url + "?backend=numpy").wait_started()
    assert page.page.evaluate("isSecureContext") is False
    assert "numpy backend" in (page.page.text_content("#versions") or "")
    assert "not secure" in page.element("insecure").inner_text()
    assert page.element("offline").inner_text() == ""
    stems = page.separate("song.wav", SONG)
    assert all(np.isfinite(stem).all() for stem in stems.values())
    assert "kept only while this page is open" in page.element("room").inner_text()


def test_library_that_is_missing_is_no_dead_end(
    own_site: Path, open_insecure: Callable[[str], DemixerPage]
) -> None:
    """Where nothing is cached, Emscripten fetches it itself, and waits for ever if that fails."""
    for library in own_site.glob("pyodide-*/*/*.so"):
        library.unlink()
    with server.serving(own_site) as url:
        page = open_insecure(url).wait_started()
        assert [line for line in page.console if "without its snapshot" in line]


def test_songs_stay_in_memory_if_files_cannot_be_written(
    own_stub: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    _before_store(own_stub, _NO_FILES)
    with server.serving(own_stub) as url:
        page = open_page(url).wait_started()
        expect(page.element("formats")).to_contain_text("up to 20 minutes")
        stems = page.separate("song.wav", SONG)
        assert all(np.isfinite(stem).all() for stem in stems.values())


def _before_store(site: Path, code: str) -> None:
    """Prepend code to the store's worker."""
    worker = site / "engine" / "store-worker.js"
    worker.write_text(code + worker.read_text(encoding="utf-8"), encoding="utf-8")


_NO_FILES = """FileSystemFileHandle.prototype.createSyncAccessHandle = async () => {
  throw new DOMException("Backend does not support this operation", "NotSupportedError");
};
"""


def test_cancel_keeps_finished_parts_in_memory_too(
    own_stub: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    _before_store(own_stub, _NO_FILES)
    with server.serving(own_stub) as url:
        page = open_page(url).wait_started()
        page.hold(4)
        page.choose("song.wav", FIVE_SEGMENTS)
        page.wait_share(40)
        page.press("cancel", "song")
        page.wait_state("song", "kept")
        assert page.share("song") == 40
        page.hold()
        page.press("goOn", "song")
        page.wait_result("song")
        assert page.begun().count(0) == 1


_MOMENTARY = """
let left = 2;
const notNow = (kind, name) => {
  const original = kind.prototype[name];
  kind.prototype[name] = function (...given) {
    if (left-- > 0) throw new DOMException("another tab writes it", "NotReadableError");
    return original.apply(this, given);
  };
};
"""


@pytest.mark.parametrize(
    "where",
    [
        'notNow(FileSystemFileHandle, "createSyncAccessHandle")',
        'notNow(IDBObjectStore, "getAll")',
        'notNow(FileSystemDirectoryHandle, "getDirectoryHandle")',
    ],
)
def test_transient_storage_error_hides_no_song(
    own_stub: Path, open_page: Callable[[str], DemixerPage], where: str
) -> None:
    with server.serving(own_stub) as url:
        page = open_page(url).wait_started()
        page.separate("song.wav", SONG, ())
        _before_store(own_stub, f"{_MOMENTARY}{where};\n")
        page.page.evaluate(
            """async () => {
              for (const worker of await navigator.serviceWorker.getRegistrations()) {
                await worker.unregister();
              }
            }"""
        )
        page.page.reload()
        page.wait_state("song", "finished")
        page.open_kept("song")
        expect(page.element("room")).to_contain_text("free, as the browser reports")


def test_browser_without_simd_is_refused(context: BrowserContext, tiny_url: str) -> None:
    context.add_init_script("WebAssembly.validate = () => false")
    assert "WebAssembly with SIMD" in DemixerPage(context, tiny_url).wait_problem()


FAILURES = [
    ('setTimeout(() => { throw new Error("gone"); }); await new Promise(() => {});', "stopped"),
    ('throw new Error("broken");', "Something went wrong in the engine"),
    ('throw new RangeError("Array buffer allocation failed");', "Not enough memory"),
]


def test_failed_engine_shows_a_message_and_restarts(
    own_site: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    worker = own_site / "engine" / "worker.js"
    text = worker.read_text(encoding="utf-8")
    begin = 'case "plan":\n'
    assert text.count(begin) == 1
    # Each worker counts in the browser's storage how many failed before it.
    count = "const failed = (await caches.keys()).filter((name) => /^failed/.test(name)).length;\n"
    note = "await caches.open(`failed ${failed}`);\n"
    fail = "".join(f"if (failed === {n}) {{ {code} }}\n" for n, (code, _) in enumerate(FAILURES))
    worker.write_text(text.replace(begin, begin + count + note + fail), encoding="utf-8")
    with server.serving(own_site) as url:
        page = open_page(url).wait_started()
        for _, says in FAILURES:
            page.choose("song.wav", SONG)
            assert says in page.wait_problem()
        stems = page.separate("song.wav", SONG)
        assert all(np.isfinite(stem).all() for stem in stems.values())
