"""Pictures of the page for the documentation: python -m tests.screenshots [OUT]

The site as it is published, its own demo song, and nothing made up: each state is shown on a desktop
and on a phone, light and dark. What takes the time is the separation, a minute on an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests import chromium, synthetic
from tests.browser.page import DemixerPage, wav
from tools import environment, site
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

OUT = environment.ROOT / "docs" / "images"
SCREENS = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
"""Width and height in CSS pixels, and how many pixels each of those has."""

DEMO = "Demo song"
WAIT_MS = 900_000


class Camera:
    """Takes the same picture on all screens."""

    def __init__(self, page: Page, out: Path) -> None:
        self._page = page
        self._out = out
        self._session: CDPSession = page.context.new_cdp_session(page)
        out.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def screen(self, name: str) -> Iterator[None]:
        """A desktop with a mouse, or a phone with fingers."""
        width, height, scale = SCREENS[name]
        is_phone = name == "phone"
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale}
        self._session.send("Emulation.setDeviceMetricsOverride", {**metrics, "mobile": is_phone})
        self._session.send("Emulation.setTouchEmulationEnabled", {"enabled": is_phone})
        yield
        self._session.send("Emulation.clearDeviceMetricsOverride")

    def take(self, state: str) -> None:
        """Take pictures of what the page shows, four of them."""
        for name in SCREENS:
            with self.screen(name):
                for scheme in ("light", "dark"):
                    self._take(f"{state}-{name}-{scheme}", name, scheme)

    def _take(self, file: str, screen: str, scheme: str) -> None:
        self._page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        if file.startswith("queue") and screen == "phone":
            self._page.evaluate("document.getElementById('songs').showPopover()")
        self._page.mouse.move(0, 0)
        self._page.wait_for_timeout(700)
        self._page.screenshot(path=self._out / f"{file}.png")
        if file.startswith("queue") and screen == "phone":
            self._page.evaluate("document.getElementById('songs').hidePopover()")


def take_all(url: str, out: Path) -> None:
    """Walk through the page at `url`."""
    options = chromium.options()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(profile, **options)  # type: ignore[arg-type]
        demixer = DemixerPage(context, url)
        camera = Camera(demixer.page, out)
        demixer.page.wait_for_selector("#versions:not(:empty)", timeout=WAIT_MS)
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
    """Do with the finished song what people do: loop four bars, without the voice."""
    page = demixer.page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("body").press("ArrowRight")
    for key in ("[", "ArrowRight", "ArrowRight", "]", "ArrowLeft"):
        page.locator("body").press(key)
    page.locator('[data-stem="other"] [data-mix="pan"]').press("PageUp")
    page.locator('[data-stem="vocals"] [data-mix="muted"]').click()
    page.evaluate("document.activeElement.blur()")


def fill_queue(demixer: DemixerPage) -> None:
    """Add more songs, one of them broken, and wait until that is said."""
    songs = [
        ("Evening Walk.wav", wav(synthetic.song(40))),
        ("take 3.wav", b"not a song"),
        ("Blue Hour (live).wav", wav(synthetic.song(60))),
        ("Paper Boats.wav", wav(synthetic.song(50))),
    ]
    demixer.page.set_input_files(
        "#file",
        [{"name": name, "mimeType": "audio/wav", "buffer": content} for name, content in songs],
    )
    demixer.press("up", "take 3")
    demixer.wait_state("take 3", "failed", WAIT_MS)
    demixer.wait_share(10, WAIT_MS)


def main() -> None:
    """Make the site, and the pictures of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = site.make_site(Path(sys.executable), Path(folder) / "site")
        with server.serving(made) as url:
            take_all(url, options.out)


if __name__ == "__main__":
    main()
