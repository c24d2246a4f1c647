"""The released weights on the published page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests import synthetic
from tests.browser.page import SOURCES, DemixerPage, wav
from tests.golden import cases, checks
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.real_weights]

# Two segments, each of which takes a busy machine a minute or two.
PATIENCE_MS = 900_000


def test_offline_separation_matches_pytorch(
    launch_chromium: Callable[..., BrowserContext], real_site: Path, tmp_path: Path
) -> None:
    """tests/released/test_golden.py compares the command line with the same numbers."""
    song = synthetic.song(cases.REAL_SONG_SECONDS)
    with server.serving(real_site, cache_control="no-store") as url:
        context = launch_chromium(tmp_path / "profile")
        DemixerPage(context, url).wait_started()
        context.close()
    page = DemixerPage(launch_chromium(tmp_path / "profile"), url).wait_started()
    page.drop(("song.wav", wav(song)))
    page.wait_result("song", PATIENCE_MS)
    stems = np.stack([page.download(source, "32f")[1] for source in SOURCES])
    assert stems.shape == (len(SOURCES), *song.shape)
    checks.check_stems(stems, cases.load("htdemucs")["songs/plain"])
