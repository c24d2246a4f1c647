"""Start options of this machine's Chromium, for tests and measurements."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.environment import ensure_chromium

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


GRAPHICS_FLAGS = (
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--disable-accelerated-2d-canvas",
)
"""Flags for WebGPU on a software adapter, which is the same on every machine."""


def options(*, graphics: bool = False) -> dict[str, object]:
    """Keyword arguments for Playwright's launch functions.

    Parameters
    ----------
    graphics
        Whether WebGPU is available.
    """
    flags = [*FLAGS, *(GRAPHICS_FLAGS if graphics else ("--disable-gpu",))]
    if os.geteuid() == 0:
        # Chromium's sandbox refuses to run as root.
        flags.append("--no-sandbox")
    path = ensure_chromium(Path(sys.executable))
    return {"executable_path": path, "headless": True, "args": flags}
