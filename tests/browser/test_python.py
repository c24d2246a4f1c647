"""How the engine's workers start Python: from a snapshot of its memory, or without it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import synthetic
from tests.browser.page import DemixerPage, wav
from web import server
from web.assemble import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.browser

SONG = wav(synthetic.song(0.6))
COMPLAINT = "Python starts without its snapshot"


def after_a_song(
    site: Path, open_page: Callable[[str], DemixerPage]
) -> tuple[DemixerPage, list[str]]:
    """Separate a song; the page, and what it asked the server for."""
    asked: list[str] = []
    with server.serving(site, on_request=asked.append) as url:
        page = open_page(url).wait_started()
        page.choose("song.wav", SONG)
        page.wait_result("song")
    return page, asked


def break_memory(site: Path, assets: dict[str, Any]) -> None:
    """Put a snapshot on a site that is none."""
    url = assets["snapshot"]["file"]["url"]
    packed = gzip.compress(bytes(1 << 20))
    (site / url).write_bytes(packed)
    digest = base64.b64encode(hashlib.sha256(packed).digest()).decode()
    changed = {"integrity": f"sha256-{digest}", "bytes": len(packed)}
    for file in (assets["snapshot"]["file"], *assets["files"]):
        if file["url"] == url:
            file |= changed


def break_places(_site: Path, assets: dict[str, Any]) -> None:
    """As if this browser placed functions differently."""
    assets["snapshot"]["places"] += 1


def test_python_starts_from_the_snapshot(
    tiny_site: Path, open_page: Callable[[str], DemixerPage]
) -> None:
    page, asked = after_a_song(tiny_site, open_page)
    assert [url for url in asked if url.endswith(SNAPSHOT)]
    assert not [url for url in asked if "numpy-" in url]
    assert not [line for line in page.console if COMPLAINT in line]


@pytest.mark.parametrize("damage", [break_memory, break_places])
def test_without_a_snapshot_that_fits_python_starts_as_usual(
    own_site: Path,
    open_page: Callable[[str], DemixerPage],
    damage: Callable[[Path, dict[str, Any]], None],
) -> None:
    manifest = own_site / "assets.json"
    assets = json.loads(manifest.read_text(encoding="utf-8"))
    damage(own_site, assets)
    manifest.write_text(json.dumps(assets), encoding="utf-8")
    page, asked = after_a_song(own_site, open_page)
    assert [url for url in asked if "numpy-" in url]
    assert [line for line in page.console if COMPLAINT in line]
    # The server is gone.
    page.page.reload()
    page.wait_started()
