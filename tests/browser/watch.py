"""Catch what no page may do in any test: leave an error uncaught, or contact another host."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

OWN_HOSTS = ("localhost", "127.0.0.1", "demixer.test")
"""This machine, and the name for it that tests use as an insecure address."""

WITHOUT_HOST = ("blob", "data", "about", "chrome", "chrome-extension")


@dataclass
class Watch:
    """Forbidden things that pages did since the last test."""

    faults: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages and workers of a browser context."""
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("request", lambda request: self._look(request.url))

    def _look(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in WITHOUT_HOST and address.hostname not in OWN_HOSTS:
            self.faults.append(f"asked for {url}")


def watching(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch every browser context that Playwright opens in Chromium or Firefox from now on."""
    from playwright.sync_api import Browser, BrowserType

    watch = Watch()
    for owner, name in ((BrowserType, "launch_persistent_context"), (Browser, "new_context")):
        original = getattr(owner, name)

        @functools.wraps(original)
        def opened(*arguments: Any, _original: Any = original, **options: Any) -> BrowserContext:
            context: BrowserContext = _original(*arguments, **options)
            watch.follow(context)
            return context

        monkeypatch.setattr(owner, name, opened)
    return watch
