"""A folder for trying a page's examples: with songs, tiny models and programs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import trace
from py_demixer.separation import planning
from py_demixer.weights import manifest
from tests import own, synthetic
from tests.docs import models as tiny_models
from tests.docs import programs
from tests.docs.blocks import Reader

RATE = 44100
ADDRESS = "10.0.0.1:8786"
"""Address of the scheduler in the pages."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny models."""
    folder = tmp_path_factory.mktemp("models")
    tiny_models.write(folder)
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the programs used in the pages."""
    folder = tmp_path_factory.mktemp("programs") / "bin"
    programs.install(folder, sys.executable)
    return folder


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """The files used in the pages: songs, a data set, a trace, and a checkpoint."""
    folder = tmp_path_factory.mktemp("songs")
    song = synthetic.song(3.0)
    for name in ("song.wav", "song.flac"):
        soundfile.write(folder / name, song.T, RATE)
    (folder / "songs" / "album").mkdir(parents=True)
    for name, seconds in {"first.wav": 1.0, "album/second.flac": 2.0}.items():
        soundfile.write(folder / "songs" / name, synthetic.song(seconds).T, RATE)
    track = folder / "musdb18hq" / "test" / "a song"
    track.mkdir(parents=True)
    for name, samples in synthetic.track(2.0).items():
        soundfile.write(track / f"{name}.wav", samples.T, RATE)
    shutil.copyfile(own.CHECKPOINT, folder / "my.ckpt")
    (folder / "my.yaml").write_text(own.SETTINGS)
    shutil.copyfile(own.ROFORMER_CHECKPOINT, folder / "roformer.ckpt")
    (folder / "roformer.yaml").write_text(own.ROFORMER_SETTINGS["mel"])
    _write_trace(song, models / "htdemucs.safetensors", folder / "other.json")
    return folder


def _write_trace(song: np.ndarray, weights: Path, path: Path) -> None:
    """Write a trace like ``py-demixer trace --json``, of the first segment."""
    model = py_demixer.load_model("htdemucs", weights)
    plan = planning.plan(model, py_demixer.measure([song], RATE))
    (part,) = plan.tasks[0].reads
    with trace.record() as steps:
        plan.run(0, [song.T[part.start : part.stop]])
    trace.dump(steps, path)


@pytest.fixture
def reader(
    tmp_path: Path, models: Path, songs: Path, commands: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """A reader in a folder with songs, before the first block."""
    shutil.copytree(songs, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(commands)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    variables = {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PY_DEMIXER_WEIGHTS": str(models),
        "OPENBLAS_NUM_THREADS": "1",  # tiny models gain nothing from more threads
        programs.PORT_VARIABLE: port,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(manifest, "MODELS", tiny_models.described())
    monkeypatch.chdir(tmp_path)
    names = {"mixture": synthetic.song(3.0)}
    yield Reader(tmp_path, dict(os.environ), names, {ADDRESS: f"127.0.0.1:{port}"})
    _end_background(tmp_path / programs.BACKGROUND)


def _end_background(pids: Path) -> None:
    """Kill the programs that a page started, with their child processes."""
    for pid in pids.read_text().split() if pids.exists() else ():
        with suppress(ProcessLookupError):
            os.killpg(int(pid), signal.SIGKILL)
