"""Waiting for what comes, and saying what it was if it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAUSE_SECONDS = 0.02


def until(
    condition: Callable[[], object], what: str, *, page: Page | None = None, seconds: float = 240
) -> None:
    """Wait until a condition holds.

    Parameters
    ----------
    condition
        Is asked again and again.
    what
        The beginning of a sentence that ends with "did not come".
    page
        One whose events the condition goes by: they arrive while Playwright waits.
    seconds
        How long: enough for a machine that has a lot else to do.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s."
        if page:
            page.wait_for_timeout(1000 * PAUSE_SECONDS)
        else:
            time.sleep(PAUSE_SECONDS)
