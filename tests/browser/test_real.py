"""The released weights, on the page as it is published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import py_demixer
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.browser.page import SOURCES, DemixerPage, wav
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.real_weights]

# A segment takes some 90 s in the browser: two segments, and much patience.
PATIENCE_MS = 900_000


def test_a_song_is_separated_offline_as_by_the_command_line(
    launch_chromium: Callable[..., BrowserContext],
    real_site: Path,
    real_weights: Path,
    tmp_path: Path,
) -> None:
    song = synthetic.song(10.0)
    with server.serving(real_site, cache_control="no-store") as url:
        context = launch_chromium(tmp_path / "profile")
        DemixerPage(context, url).wait_started()
        context.close()
    page = DemixerPage(launch_chromium(tmp_path / "profile"), url).wait_started()
    page.drop(("song.wav", wav(song)))
    page.wait_result("song", PATIENCE_MS)
    model = py_demixer.load_model("htdemucs", weights=real_weights)
    expected = py_demixer.separate(song, model)
    for source in SOURCES:
        stem = page.download(source, "32f")[1]
        assert stem.shape == song.shape
        assert snr(stem, expected[source]) >= 100
