"""Draws the icons of the installed page from web/icons/icon.svg.

    python -m tools.icons

They are in the repository: whoever changes the drawing runs this once, which needs a Chromium.
"""

from __future__ import annotations

import base64
from pathlib import Path

from tests import chromium
from tools.environment import ROOT

ICONS = ROOT / "web" / "icons"
GROUND = "#17181d"
"""Of the drawing, to its edges where the system cuts the icon to a form of its own."""

_SIZES = {"icon-192.png": (192, False), "icon-512.png": (512, False), "mask-512.png": (512, True)}
"""Side in pixels, and whether the system may cut off what is outside of the middle 80 %."""


def draw(folder: Path = ICONS) -> list[Path]:
    """Draw them into `folder` and return their paths."""
    from playwright.sync_api import sync_playwright

    drawing = base64.b64encode((ICONS / "icon.svg").read_bytes()).decode()
    drawn = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
        for name, (side, is_mask) in _SIZES.items():
            page = browser.new_page(viewport={"width": side, "height": side})
            inset, ground = (side // 10, GROUND) if is_mask else (0, "transparent")
            page.set_content(
                f'<body style="margin:0;padding:{inset}px;background:{ground}">'
                f'<img style="display:block" width="{side - 2 * inset}" '
                f'src="data:image/svg+xml;base64,{drawing}">'
            )
            path = folder / name
            page.screenshot(path=path, omit_background=True)
            drawn.append(path)
        browser.close()
    return drawn


if __name__ == "__main__":
    draw()
