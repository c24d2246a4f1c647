"""What unit tests share."""

import subprocess

import imageio_ffmpeg
import pytest


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """The ffmpeg of imageio-ffmpeg, and nothing else, on PATH; runs it with some arguments."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(programs))

    def run(*arguments):
        command = [str(programs / "ffmpeg"), "-v", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True)

    return run
