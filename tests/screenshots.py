"""Take screenshots for the documentation: python -m tests.screenshots [OUT]

They show the published site with its own demo song, nothing mocked: each state on a desktop and on
a phone, light and dark. It takes minutes, for two separations.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.sync_api import sync_playwright

from tests import chromium, synthetic
from tests.browser.page import DemixerPage, wav
from tools import environment, site
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

OUT = environment.ROOT / "docs" / "images"
SCREENS = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
"""Width and height in CSS pixels, and device pixels per CSS pixel."""

DEMO = "Demo song"
WAIT_MS = 900_000
SETTLE_MS = 700


class Camera:
    """Takes screenshots of one screen, light and dark."""

    def __init__(self, page: Page, screen: str, out: Path) -> None:
        self._page = page
        self._screen = screen
        self._out = out
        out.mkdir(parents=True, exist_ok=True)

    def take(self, state: str) -> None:
        """Take both screenshots of what the page shows."""
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            self._page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self._page.mouse.move(0, 0)
            self._page.wait_for_timeout(SETTLE_MS)
            self._page.screenshot(path=self._out / f"{state}-{self._screen}-{scheme}.png")


def take_all(url: str, screen: str, out: Path) -> None:
    """Walk through the page at `url` on one screen."""
    width, height, scale = SCREENS[screen]
    options = chromium.options() | {
        "viewport": {"width": width, "height": height},
        "device_scale_factor": scale,
        "is_mobile": screen == "phone",
        "has_touch": screen == "phone",
        "locale": "en",
    }
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(profile, **options)  # type: ignore[arg-type]
        demixer = DemixerPage(context, url)
        camera = Camera(demixer.page, screen, out)
        demixer.element("demo").wait_for(timeout=WAIT_MS)
        camera.take("start")
        demixer.element("demo").click()
        demixer.page.wait_for_selector(".lane", timeout=WAIT_MS)
        demixer.wait_share(30, WAIT_MS)
        camera.take("working")
        demixer.wait_state(DEMO, "finished", WAIT_MS)
        mix(demixer)
        camera.take("result")
        fill_queue(demixer)
        camera.take("queue")
        context.close()


def mix(demixer: DemixerPage) -> None:
    """Use the finished song as people do: loop a part of it, without the voice."""
    page = demixer.page
    pan = page.locator('[data-stem="other"] [data-mix="pan"]')
    if pan.is_visible():  # on a phone it is in a sheet
        pan.press("PageUp")
    page.locator('[data-stem="vocals"] [data-mix="muted"]').click()
    page.evaluate("document.activeElement.blur()")
    for key in ("ArrowRight", "[", "ArrowRight", "ArrowRight", "]", "ArrowRight"):
        page.locator("body").press(key)
    page.evaluate("document.getElementById('main').scrollTo(0, 0)")


def fill_queue(demixer: DemixerPage) -> None:
    """Add more songs, one of them broken, and wait until the error is shown."""
    songs = [
        ("take 3.wav", b"not a song"),
        ("Evening Walk.wav", wav(synthetic.song(40))),
        ("Blue Hour (live).wav", wav(synthetic.song(60))),
        ("Paper Boats.wav", wav(synthetic.song(50))),
    ]
    files: list[FilePayload] = [
        {"name": name, "mimeType": "audio/wav", "buffer": content} for name, content in songs
    ]
    demixer.page.set_input_files("#file", files)
    demixer.wait_state("take 3", "failed", WAIT_MS)
    demixer.wait_share(10, WAIT_MS)
    drawer = demixer.element("songs-open")
    if drawer.is_visible():
        drawer.click()


def main() -> None:
    """Build the site and take all screenshots."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = site.make_site(Path(sys.executable), Path(folder) / "site")
        with server.serving(made) as url:
            for screen in SCREENS:
                take_all(url, screen, options.out)


if __name__ == "__main__":
    main()
