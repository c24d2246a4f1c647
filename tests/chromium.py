"""How tests and measurements start this machine's Chromium."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.environment import ensure_chromium

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def options() -> dict[str, object]:
    """What Playwright's launch functions take."""
    flags = list(FLAGS)
    if os.geteuid() == 0:
        # Chromium's sandbox refuses to run as root.
        flags.append("--no-sandbox")
    path = ensure_chromium(Path(sys.executable))
    return {"executable_path": path, "headless": True, "args": flags}
