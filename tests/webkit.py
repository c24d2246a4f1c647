"""Start this machine's WebKitGTK: its MiniBrowser, driven by WebDriver, on a separate display.

When driven, MiniBrowser stores nothing, like a private window: pages have no file system, and the
cache is lost with the browser.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.environment import ensure_display, ensure_webkit

if TYPE_CHECKING:
    from selenium.webdriver import WebKitGTK

SIZE = (1280, 2000)
"""Window size. MiniBrowser takes some of the page's height for a list of downloads."""

CONSOLE = "console"
"""A file in the browser's home that includes what pages log to the console."""


@contextmanager
def display(size: tuple[int, int] = SIZE) -> Iterator[str]:
    """Run a virtual display during a `with` block, which gets its name."""
    width, height = size
    command = [ensure_display(), "-displayfd", "1", "-nolisten", "tcp"]
    command += ["-screen", "0", f"{width}x{height}x24"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as running:  # type: ignore[call-overload]
        try:
            yield f":{running.stdout.readline().strip()}"
        finally:
            running.terminate()


@contextmanager
def browser(
    home: Path, downloads: Path, environment: Mapping[str, str] | None = None
) -> Iterator[WebKitGTK]:
    """Run the browser during a `with` block, which gets its Selenium driver.

    Parameters
    ----------
    home
        An empty folder for the files that the browser writes.
    downloads
        The folder for files that the page downloads.
    environment
        Additional environment variables.
    """
    from selenium import webdriver
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    config = home / ".config"
    config.mkdir()
    (config / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{downloads}"\n')
    with display() as name:
        own = {"HOME": str(home), "DISPLAY": name, "GDK_BACKEND": "x11"}
        for variable, folder in (("CONFIG", config), ("DATA", home), ("CACHE", home)):
            own[f"XDG_{variable}_HOME"] = str(folder)
        variables = {**os.environ, **(environment or {}), **own}
        service = Service(ensure_webkit(), log_output=str(home / CONSOLE), env=variables)
        options = Options()
        options.add_argument("--automation")
        options.add_argument("--enable-write-console-messages-to-stdout=true")
        driver = webdriver.WebKitGTK(options=options, service=service)
        driver.set_window_size(*SIZE)
        try:
            yield driver
        finally:
            driver.quit()
