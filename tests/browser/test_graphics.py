"""Separation on the graphics card, which the CPU emulates here, and what goes wrong with cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import py_demixer
from py_demixer.audio import decode
from py_demixer.evaluation.metrics import snr
from tests import chromium, synthetic, tiny
from tests.browser.cards import BY_THE_PROCESSOR, TRUSTED, WITHOUT_SHADERS, patched
from tests.browser.page import RATE, DemixerPage, wav
from tests.own import ROFORMER_CHECKPOINT, ROFORMER_SETTINGS
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

    from tests.conftest import MakeSite

pytestmark = pytest.mark.browser

LEAST_DECIBELS = 100
SEGMENT = 1 << 15
"""Samples, 0.7 s: a graphics card emulated by the CPU is slow."""

SONG = wav(synthetic.song(2.5))  # five segments
CARD = "google swiftshader"
START_MS = 600_000

LOST = "The graphics card stopped responding"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "htdemucs.safetensors"
    return tiny.write(path, segment_length=SEGMENT)


@pytest.fixture(scope="module")
def site(make_site: MakeSite, weights: Path) -> Path:
    return make_site({"htdemucs": weights})


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with server.serving(site) as address:
        yield address


@pytest.fixture(scope="module")
def with_card(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A Chromium with an (emulated) graphics card."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        **chromium.options(graphics=True),  # type: ignore[arg-type]
    )
    yield context
    context.close()


@pytest.fixture(scope="module")
def expected(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> py_demixer.Stems:
    """What the library makes of the song."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    path.write_bytes(SONG)
    model = py_demixer.load_model("htdemucs", weights=weights)
    return py_demixer.separate(decode.load(path, RATE, warn=pytest.fail), model)


@pytest.fixture
def open_tab(with_card: BrowserContext) -> Iterator[Callable[[str], DemixerPage]]:
    """A function that opens a tab; its stored data and settings are deleted afterwards."""
    pages: list[DemixerPage] = []

    def open_page(address: str) -> DemixerPage:
        pages.append(DemixerPage(with_card, address))
        # A graphics card emulated by the CPU also holds up painting while it computes.
        pages[-1].page.set_default_timeout(START_MS)
        return pages[-1]

    yield open_page
    for page in pages:
        session = with_card.new_cdp_session(page.page)
        origin = page.page.evaluate("location.origin")
        page.page.goto("about:blank")
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        page.page.close()


def wait_result(page: DemixerPage) -> None:
    page.wait_result("song", START_MS)


def computers(page: DemixerPage) -> str:
    return page.page.text_content("#versions") or ""


def wait_card(page: DemixerPage) -> None:
    """Wait until the card is in use."""
    found = f"#versions:has-text('{CARD}')"
    page.page.wait_for_selector(found, timeout=START_MS, state="attached")


def note(page: DemixerPage) -> str:
    return page.page.text_content("#computer-note") or ""


def notices(page: DemixerPage) -> None:
    """Record every notice that the page shows from now on."""
    page.page.evaluate(
        """() => {
          window.notices = [];
          const notice = document.querySelector("#notice");
          const look = () => notice.hidden || notices.push(notice.textContent);
          new MutationObserver(look).observe(notice, { childList: true });
        }"""
    )


def said(page: DemixerPage) -> list[str]:
    return list(page.page.evaluate("notices"))


def check(page: DemixerPage, expected: py_demixer.Stems) -> None:
    for source in expected:
        stem = page.download(source, "32f")[1]
        assert stem.shape == expected[source].shape
        assert snr(stem, expected[source]) >= LEAST_DECIBELS


def test_song_is_separated_on_the_card(
    url: str, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    """Chosen in the settings, because an emulated card is never chosen automatically."""
    page = open_tab(url).wait_started()
    assert "emulated by the processor" in note(page)
    assert "kernels backend" in computers(page)
    page.choose_setting("computer", "graphics")
    wait_card(page)
    assert note(page).startswith(f"{CARD}, ")
    notices(page)
    page.choose("song.wav", SONG)
    page.wait_share(20)
    # The other workers have nothing to do, so there is only one.
    assert sum(worker.url.endswith("engine/worker.js") for worker in page.page.workers) == 1
    wait_result(page)
    check(page, expected)
    assert said(page) == []


def test_scnet_with_its_shorter_segments_is_separated_on_the_card(
    make_site: MakeSite, tmp_path: Path, open_tab: Callable[[str], DemixerPage]
) -> None:
    """The last two segments of the song are not padded: each has a network of its own."""
    weights = tiny.write(tmp_path / "scnet.safetensors", name="scnet", segment_length=SEGMENT)
    song = synthetic.song(1.5)
    with server.serving(make_site({"scnet": weights})) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        assert CARD in computers(page), note(page)
        notices(page)
        page.choose("song.wav", wav(song, subtype="FLOAT"))
        wait_result(page)
        check(page, py_demixer.separate(song, py_demixer.load_model("scnet", weights)))
        assert said(page) == []


def test_roformer_is_separated_on_the_card(
    url: str, open_tab: Callable[[str], DemixerPage], tmp_path: Path
) -> None:
    """A checkpoint of one's own."""
    settings = tmp_path / "mel.yaml"
    settings.write_text(ROFORMER_SETTINGS["mel"])
    song, content = synthetic.song(1.2), ROFORMER_CHECKPOINT.read_bytes()
    page = open_tab(url + "?backend=webgpu")
    files = ("mel.ckpt", content), ("mel.yaml", settings.read_bytes())
    page.drop(*files, ("song.wav", wav(song, subtype="FLOAT")))
    wait_result(page)
    assert CARD in computers(page), note(page)
    check(
        page, py_demixer.separate(song, py_demixer.load_checkpoint(ROFORMER_CHECKPOINT, settings))
    )


@pytest.mark.long
def test_card_resumes_a_song_it_started(
    url: str, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    page = open_tab(f"{url}?backend=webgpu").wait_started()
    page.choose("song.wav", SONG)
    wait_result(page)
    check(page, expected)
    whole = page.digests()
    page.remove("song")
    page.choose("song.wav", SONG)
    page.wait_share(40)
    page.page.reload()
    page.wait_state("song", "kept")
    page.wait_started()
    notices(page)
    page.press("goOn", "song")
    wait_result(page)
    assert page.digests() == whole
    assert said(page) == []


@pytest.mark.long
def test_processor_resumes_a_song_it_started(
    url: str, open_tab: Callable[[str], DemixerPage]
) -> None:
    page = open_tab(url).wait_started()
    page.choose("song.wav", SONG)
    wait_result(page)
    whole = page.digests()
    page.remove("song")
    page.choose("song.wav", SONG)
    page.wait_share(40)
    page.page.goto(f"{url}?backend=webgpu")
    page.wait_started()
    assert CARD in computers(page)
    notices(page)
    page.choose("song.wav", SONG)
    wait_result(page)
    assert page.digests() == whole
    assert said(page) == ["This song is already here: song."]


def test_card_lost_in_the_middle_of_a_song(
    site: Path, tmp_path: Path, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    begin = "  async run(segment) {\n"
    lost = ("gpu/network.js", begin, begin + _AFTER_THE_SECOND_SEGMENT)
    copy = patched(site, tmp_path, *BY_THE_PROCESSOR, lost)
    with server.serving(copy) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        notices(page)
        page.choose("song.wav", SONG)
        wait_result(page)
        check(page, expected)
        (sentence,) = said(page)
        assert sentence.startswith(LOST)
        # The next song is computed on the card again, and so are segments that are timed.
        wait_card(page)
        page.element("happening").evaluate("dialog => dialog.showModal()")
        page.page.click("#benchmark")
        expect(page.element("report")).to_contain_text("graphics card")
        expect(page.element("benchmark")).to_be_enabled()
        page.page.goto("about:blank")


_AFTER_THE_SECOND_SEGMENT = """
    globalThis.runs = (globalThis.runs ?? 0) + 1;
    if (globalThis.runs === 3) setTimeout(() => this.#card.device.destroy(), 1);
"""


def test_card_missing_after_a_reload(
    site: Path, tmp_path: Path, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    """What the card has finished is kept, and the CPU does the rest."""
    gone = (
        "gpu/card.js",
        "    if (!navigator.gpu) {\n",
        '    if (!navigator.gpu || (await caches.has("gone"))) {\n',
    )
    copy = patched(site, tmp_path, *BY_THE_PROCESSOR, gone)
    with server.serving(copy) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        page.hold(6)
        page.choose("song.wav", SONG)
        page.wait_share(40)
        page.page.evaluate("caches.open('gone')")
        page.page.reload()
        page.wait_state("song", "kept")
        page.wait_started()
        assert "This browser has no WebGPU" in note(page)
        notices(page)
        page.press("goOn", "song")
        page.wait_share(40)  # immediately
        wait_result(page)
        check(page, expected)
        (sentence,) = said(page)
        assert sentence == (
            f"This song was started on {CARD}, which is not in use now. The processor continues it."
        )


def test_card_without_enough_memory(
    site: Path, tmp_path: Path, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    """The page asks for more memory than the card has, so that the driver's own error is tested."""
    copy = patched(site, tmp_path, _NO_ROOM, _ALL_LIMITS)
    with server.serving(copy) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        assert "low on memory" in note(page)
        assert "kernels backend" in computers(page)
        page.choose("song.wav", SONG)
        wait_result(page)
        check(page, expected)


_NO_ROOM = (
    "gpu/card.js",
    "return this.device.createBuffer({ size, usage });",
    "return this.device.createBuffer({ size: this.device.limits.maxBufferSize, usage });",
)
_ALL_LIMITS = (
    "gpu/card.js",
    "await adapter.requestDevice()",
    "await adapter.requestDevice({ requiredLimits: "
    "{ maxBufferSize: adapter.limits.maxBufferSize } })",
)


def test_card_with_wrong_results_is_refused(
    site: Path, tmp_path: Path, open_tab: Callable[[str], DemixerPage], expected: py_demixer.Stems
) -> None:
    copy = patched(site, tmp_path, *WITHOUT_SHADERS)
    with server.serving(copy) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        assert note(page).startswith(f"The graphics card ({CARD}) failed a test")
        assert "kernels backend" in computers(page)
        page.choose("song.wav", SONG)
        wait_result(page)
        check(page, expected)


def test_model_without_shaders_runs_on_the_processor(
    make_site: MakeSite, tmp_path: Path, open_tab: Callable[[str], DemixerPage]
) -> None:
    weights = tmp_path / "hdemucs_mmi.safetensors"
    tiny.write(weights, name="hdemucs_mmi", segment_length=tiny.SECOND)
    site = make_site({"hdemucs_mmi": weights})
    with server.serving(patched(site, tmp_path, TRUSTED)) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        assert note(page) == ("This kind of network has no shaders: it runs on the processor.")
        page.choose("song.wav", wav(synthetic.song(0.5)))
        wait_result(page)


@pytest.mark.long
@pytest.mark.real_weights
def test_card_agrees_on_the_released_network(
    real_site: Path, real_weights: Path, open_tab: Callable[[str], DemixerPage]
) -> None:
    song = synthetic.song(5.0)
    with server.serving(real_site) as url:
        page = open_tab(f"{url}?backend=webgpu").wait_started()
        assert CARD in computers(page)
        page.choose("song.wav", wav(song, subtype="FLOAT"))
        page.wait_result("song", 3_600_000)
        model = py_demixer.load_model("htdemucs", weights=real_weights)
        check(page, py_demixer.separate(song, model))
        assert page.element("notice").is_hidden()


def test_browser_without_a_card(started: DemixerPage) -> None:
    assert note(started) == (
        "The browser found no usable graphics card, so the processor does the work."
    )
    assert started.element("notice").is_hidden()


def test_corrupt_stored_paces_are_ignored(started: DemixerPage) -> None:
    started.page.evaluate("localStorage.setItem('py-demixer paces', '{broken')")
    started.page.reload()
    started.wait_started()
    started.page.evaluate("localStorage.removeItem('py-demixer paces')")
