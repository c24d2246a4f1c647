"""Accessibility: axe-core and the layout in every state, in both themes, on phone and desktop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests import synthetic
from tests.browser import layout
from tests.browser.page import DemixerPage, wav

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

pytestmark = pytest.mark.browser

Theme = Literal["light", "dark"]

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
# WCAG 2.5.5 asks for targets of 44 px for touch, 2.5.8 for 24 px otherwise.
FINGER, POINTER = 44, 24
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async (rules) => {
  const { violations } = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} (${any[0]?.message ?? ""})`));
}"""


@pytest.fixture(scope="module")
def axe(node_modules: Path) -> str:
    return (node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["phone", "desktop"])
def device(
    request: pytest.FixtureRequest, playwright: Playwright, chromium_options: dict[str, object]
) -> Iterator[BrowserContext]:
    """A phone without a mouse, or a desktop."""
    browser: Browser = playwright.chromium.launch(**chromium_options)  # type: ignore[arg-type]
    is_phone = request.param == "phone"
    context = browser.new_context(
        viewport=PHONE if is_phone else DESKTOP,  # type: ignore[arg-type]
        has_touch=is_phone,
        is_mobile=is_phone,
        # Colours in the middle of a transition between themes are not worth checking.
        reduced_motion="reduce",
    )
    yield context
    browser.close()


def open_dialog(page: Page, name: str) -> Callable[[], None]:
    page.evaluate("name => document.getElementById(name).showModal()", name)
    return lambda: page.evaluate("name => document.getElementById(name).close()", name)


def run_axe(page: Page, axe: str, rules: list[str]) -> list[str]:
    page.evaluate(axe)
    return page.evaluate(RUN_AXE, rules)  # type: ignore[no-any-return]


def test_every_state_passes_axe_and_layout_checks(
    device: BrowserContext, stub_url: str, axe: str
) -> None:
    demixer = DemixerPage(device, stub_url)
    page = demixer.page
    is_phone = page.evaluate("matchMedia('(pointer: coarse)').matches")
    found: list[str] = []

    def look(state: str) -> None:
        faults = layout.faults(page, FINGER if is_phone else POINTER)
        page.emulate_media(color_scheme="light")
        faults += run_axe(page, axe, RULES)
        # The other theme differs only in its colours.
        page.emulate_media(color_scheme="dark")
        faults += [f"dark, {fault}" for fault in run_axe(page, axe, ["color-contrast"])]
        found.extend(f"{state}: {fault}" for fault in faults)

    look("start")
    demixer.wait_started()
    look("ready")
    for name in ("help", "keys", "settings", "happening"):
        close = open_dialog(page, name)
        look(name)
        close()
    demixer.choose("Evening Walk.wav", wav(synthetic.noise(2.0)))
    demixer.wait_state("Evening Walk", "finished")
    page.wait_for_selector("#studio:not([hidden])")
    look("result")
    page.click("#save")
    look("save dialog")
    page.keyboard.press("Escape")
    demixer.hold(4)
    demixer.drop(
        ("A longer one.wav", wav(synthetic.noise(8.0))),
        ("take 3.wav", b"not audio at all"),
        ("Blue Hour.wav", wav(synthetic.noise(1.0))),
    )
    demixer.wait_share(10)
    if is_phone:
        page.click("#songs-open")
    look("songs")
    demixer.press("remove", "Evening Walk")
    page.wait_for_selector("#confirm[open]")
    look("question")
    page.keyboard.press("Escape")
    if is_phone:  # opening the dialog has closed the drawer
        page.click("#songs-open")
    demixer.press("open", "A longer one")
    page.wait_for_selector('#song-name:text-is("A longer one")')
    look("working")
    page.select_option("#language", "de")
    found.extend(f"in German: {fault}" for fault in layout.faults(page))
    page.evaluate("document.documentElement.dir = 'rtl'")
    found.extend(f"from right to left: {fault}" for fault in layout.faults(page))
    assert found == []
