"""Songs for a batch, and helpers to see which process works on a song."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests import synthetic
from tests.interrupt import hear_ctrl_c

LONG = "00 long"
BROKEN = "11 broken"
RATE = 44100


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20 files, some in a subfolder: a long song, one without audio, short ones."""
    folder = tmp_path_factory.mktemp("batch") / "songs"
    (folder / "album").mkdir(parents=True)
    soundfile.write(folder / f"{LONG}.wav", synthetic.song(20.0).T, RATE)
    (folder / f"{BROKEN}.flac").write_text("This is no song.")
    for number in range(1, 19):
        place = folder / "album" if number % 2 else folder
        path = place / f"{number:02} short.{'flac' if number % 3 else 'wav'}"
        soundfile.write(path, synthetic.song(0.3 + 0.1 * number).T, RATE)
    return folder


def batch(*arguments: object) -> subprocess.Popen[str]:
    """Start ``py-demixer batch``."""
    command = [sys.executable, "-m", "py_demixer", "batch", *map(str, arguments), "--json"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, dict[str, str]], str]:
    """Exit code, the reported line of each song by name, and standard error."""
    stdout, stderr = process.communicate(timeout=300)
    lines = map(json.loads, stdout.splitlines())
    return process.returncode, {Path(line["song"]).stem: line for line in lines}, stderr


def contents(out: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def statuses(said: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: line["status"] for name, line in said.items()}


def wait_for(condition: Callable[[], object]) -> object:
    """Wait until the condition returns something true, and return it."""
    deadline = time.monotonic() + 120
    while not (answer := condition()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)
    return answer


def busy_with(song: Path) -> int | None:
    """The process that has an unfinished stem file of this song open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()).startswith(f"{song}/.unfinished-"):
                return int(link.parts[2])
        except OSError:  # it has ended, or belongs to another user
            continue
    return None


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
