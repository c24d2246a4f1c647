"""Wait for conditions, with a meaningful error if they do not come true."""

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
        Called repeatedly until it returns something true.
    what
        The beginning of a sentence that ends with "did not come".
    page
        A page whose events the condition depends on: they arrive only while Playwright waits.
    seconds
        The timeout; the default is enough for a busy machine.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s."
        if page:
            page.wait_for_timeout(1000 * PAUSE_SECONDS)
        else:
            time.sleep(PAUSE_SECONDS)
