"""Draw the icons of the installed web page from web/icons/icon.svg.

    python -m tools.icons

The icons are in the repository; run this once after changing the drawing. It needs a Chromium.
"""

from __future__ import annotations

import base64
from pathlib import Path

from tests import chromium
from tools.environment import ROOT

ICONS = ROOT / "web" / "icons"
GROUND = "#17181d"
"""Background colour of the drawing, which fills icons that the system crops to its own shape."""

_SIZES = {"icon-192.png": (192, False), "icon-512.png": (512, False), "mask-512.png": (512, True)}
"""Side in pixels, and whether the system may crop everything outside the middle 80 %."""


def draw(folder: Path = ICONS) -> list[Path]:
    """Draw the icons in `folder` and return their paths."""
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
