"""The cover picture of a song's file, in what is saved of it."""

from __future__ import annotations

import io
import subprocess
import zipfile
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from PIL import Image

from tests import synthetic
from tests.browser.page import DemixerPage, wav

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


def picture(kind: str) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, size=(40, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module", params=[("flac", "jpeg"), ("mp3", "png"), ("m4a", "jpeg")])
def song(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song with a cover, tagged by FFmpeg."""
    container, kind = request.param
    folder = tmp_path_factory.mktemp("cover")
    (folder / "song.wav").write_bytes(wav(synthetic.song(1.2)))
    (folder / f"cover.{kind}").write_bytes(picture(kind))
    path = folder / f"song.{container}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(folder / "song.wav")]
    command += ["-i", str(folder / f"cover.{kind}"), "-map", "0", "-map", "1", "-c:v", "copy"]
    command += ["-disposition:v", "attached_pic", "-metadata:s:v", "comment=Cover (front)"]
    subprocess.run([*command, str(path)], check=True)
    return path


def cover_of(kind: str, content: bytes) -> bytes | None:
    file = io.BytesIO(content)
    if kind == "mp3":
        return next((bytes(frame.data) for frame in ID3(file).getall("APIC")), None)
    if kind == "stems":
        return bytes(MP4(file).tags["covr"][0])
    return bytes(FLAC(file).pictures[0].data)


def test_cover_is_carried_over(shared_context: BrowserContext, stub_url: str, song: Path) -> None:
    page = DemixerPage(shared_context, stub_url).wait_started()
    page.choose(song.name, song.read_bytes())
    page.wait_result("song")
    page.page.reload()  # It is kept with the song.
    page.wait_started()
    page.open_kept("song")
    expected = picture("png" if song.suffix == ".mp3" else "jpeg")
    assert cover_of("flac16", page.save("drums", "flac16")[1]) == expected
    with zipfile.ZipFile(io.BytesIO(page.save("all", "mp3")[1])) as archive:
        covers = {cover_of("mp3", archive.read(name)) for name in archive.namelist()}
    assert covers == {expected}
    assert cover_of("stems", page.save("all", "stems")[1]) == expected
    page.save("drums", "wav16")
    page.remove("song")
    page.page.close()
