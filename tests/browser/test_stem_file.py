"""Stem files for DJs, read as other programs do: by FFmpeg, and as Mixxx looks for the stems."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
from playwright.sync_api import expect

from py_demixer.audio import stem_file
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.boxes import box, boxes
from tests.browser.page import RATE, SOURCES
from tests.browser.test_save import SavePage, Stems, opened, tones, url

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

__all__ = ["url"]

LENGTH = 3 * RATE + 12345
TRACKS = ("mixture", *SOURCES)
TAGS = {"name": "01 - file", "title": "Ein Lied", "artist": "Sörén & 林檎", "album": "Best of"}


@pytest.fixture(scope="module")
def stems() -> Stems:
    """Four stems and their sum, which is too loud."""
    song = synthetic.song(LENGTH / RATE)[:, :LENGTH].astype(np.float32)
    made = {name: np.roll(song, 1000 * at, axis=1) for at, name in enumerate(SOURCES)}
    made["mixture"] = np.sum([*made.values()], axis=0)
    return {
        name: stem * np.float32(1.5 / abs(made["mixture"]).max()) for name, stem in made.items()
    }


@pytest.fixture(scope="module")
def tab(shared_context: BrowserContext, url: str, stems: Stems) -> SavePage:
    page = SavePage(shared_context, url)
    page.give(stems)
    return page


def decoded(path: Path, track: int) -> np.ndarray:
    """What FFmpeg decodes from a track: ``(2, samples)``, float64."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-map", f"0:a:{track}", "-f", "f64le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return np.frombuffer(done.stdout, "<f8").reshape(-1, 2).T


def said_of(path: Path) -> str:
    """What FFmpeg says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)]
    return subprocess.run(command, capture_output=True, check=False).stderr.decode()


def test_file_holds_the_song_and_its_stems(tab: SavePage, stems: Stems, tmp_path: Path) -> None:
    name, content, gain = tab.save(what="all", sources=[*SOURCES], format="stems", song=TAGS)
    assert name == "01 - file.stem.mp4"
    assert gain == pytest.approx((1 - 2.0**-15) / np.abs(stems["mixture"]).max(), rel=1e-9)
    path = tmp_path / name
    path.write_bytes(content)
    for index, track in enumerate(TRACKS):
        found = decoded(path, index)
        assert found.shape == (2, LENGTH)
        assert snr(found, stems[track] * gain) >= 20  # Any shift would bring it to less than 3.
    told = said_of(path)
    assert told.count("Audio: aac (LC)") == len(TRACKS)
    # Programs that know no stems play the song alone.
    assert told.count("(default)") == 1
    for tag in ("title", "artist", "album"):
        assert re.search(rf"^ +{tag} +: {TAGS[tag]}$", told, re.MULTILINE)


def test_stems_are_named_where_programs_look(tab: SavePage) -> None:
    _, content, _ = tab.save(what="all", sources=[*SOURCES], format="stems")
    manifest = json.loads(box(content, "moov", "udta", "stem"))
    assert manifest == stem_file.manifest(SOURCES)  # as on the command line
    assert [stem["name"] for stem in manifest["stems"]] == ["Drums", "Bass", "Other", "Vocals"]
    tracks = [payload for kind, payload in boxes(box(content, "moov")) if kind == "trak"]
    flags = [int.from_bytes(box(track, "tkhd")[1:4], "big") for track in tracks]
    assert [flag & 1 for flag in flags] == [1, 0, 0, 0, 0]  # enabled


def test_region_at_another_rate(tab: SavePage, tmp_path: Path) -> None:
    tab.give({name: tones(2 * RATE, RATE).astype(np.float32) for name in TRACKS})
    half = {"region": [RATE // 2, 3 * RATE // 2], "rate": 48000}
    name, content, gain = tab.save(what="all", sources=[*SOURCES], format="stems", **half)
    path = tmp_path / name
    path.write_bytes(content)
    wanted = tones(96000, 48000)[:, 24000:72000] * gain
    for index in range(len(TRACKS)):
        found = decoded(path, index)
        assert found.shape == (2, 48000)
        assert snr(found[:, 500:-500], wanted[:, 500:-500]) >= 30


def test_only_four_stems_can_be_in_one_file(tab: SavePage) -> None:
    with pytest.raises(AssertionError) as error:
        tab.save(what="all", sources=[*SOURCES[:3]], format="stems")
    assert "notFourStems" in str(error.value.__cause__)


def test_dialog_offers_a_stem_file_where_there_are_four(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = opened(context, url, stems)  # three stems
    stem_file = tab.page.locator('#save-dialog option[value="stems"]')
    assert stem_file.evaluate("option => option.hidden")
    tab.page.locator("#save-dialog").evaluate("dialog => dialog.close()")
    tab.open(stems={"sources": [*SOURCES]})
    assert not stem_file.evaluate("option => option.hidden")
    name, content = tab.download("all", "stems")
    assert name == "Größe & more.stem.mp4"
    assert box(content, "moov", "udta", "stem")
    # As the last time, but a mix is no stem file.
    tab.open(stems={"sources": [*SOURCES]})
    kind = tab.page.get_by_label("Format")
    expect(kind).to_have_value("stems")
    expect(tab.page.locator("#save-dialog")).to_contain_text("FFmpeg (LGPL)")
    tab.page.locator('#save-dialog input[value="mix"]').check(force=True)
    expect(kind).to_have_value("wav24")
