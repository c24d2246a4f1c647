"""Stand-ins for the programs in the pages, as far as a test can run them.

``py-demixer`` and ``dask`` run with tiny models in place of the published ones. Commands that need
a connection or an hour are only checked: whether the extras of ``pip install``, the arguments of
``build.py``, the paths and the modules exist.

    python -m tests.docs.programs NAME ARGUMENTS...

Imports are made where they are used: most programs need none, and there are many.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from tools import environment

BACKGROUND = Path("background.pids")
"""A file with the pids, one per line, of processes that run until the page is done."""

PORT_VARIABLE = "DOCS_SCHEDULER_PORT"
"""Name of the variable with the scheduler's port."""

_REQUIREMENT = re.compile(r"(?P<name>\.|[\w-]+)(\[(?P<extras>[\w,]+)\])?(==(?P<version>[\d.]+))?")


def install(folder: Path, python: str) -> None:
    """Create a command for each program in a folder."""
    folder.mkdir()
    for name in PROGRAMS:
        path = folder / name
        words = f'PYTHONPATH="{environment.ROOT}" exec "{python}" -m {__spec__.name} {name} "$@"'
        path.write_text(f"#!/bin/sh\n{words}\n")
        path.chmod(0o755)


# ---- programs -----------------------------------------------------------------------------------


def _demixer(arguments: Sequence[str]) -> int:
    if "--against" in arguments and importlib.util.find_spec("torch") is None:
        python = environment.ensure_pytorch()
        command = [python, "-m", __spec__.name, "py-demixer", *arguments]
        return subprocess.run(command).returncode
    from py_demixer import cli
    from py_demixer.weights import manifest
    from tests.docs import models

    manifest.MODELS = models.described()
    return cli.main(arguments)


def _python(arguments: Sequence[str]) -> int:
    match arguments:
        case ["build.py", *words]:
            import build

            sys.argv = ["build.py", *words]
            build._options()
        case ["-m", "venv", folder]:
            place = Path(folder)
            place.mkdir(parents=True)
            (place / "bin").symlink_to(Path(shutil.which("python") or "").parent)
        case ["-m", "pytest", *words]:
            _check_pytest(words)
        case ["-m", module, *_]:
            assert importlib.util.find_spec(module), f"There is no module {module}."
        case _:
            raise AssertionError(f"python {arguments} cannot be checked.")
    return 0


def _check_pytest(words: Sequence[str]) -> None:
    known = {line.split(":")[0] for line in _project()["tool"]["pytest"]["ini_options"]["markers"]}
    for word, before in zip(words, ["", *words], strict=False):
        if before == "-m":
            assert word in known, f"There is no marker {word}."
        elif not word.startswith("-"):
            assert (environment.ROOT / word).exists(), f"There is no {word}."


def _pip(arguments: Sequence[str]) -> int:
    command, *words = arguments
    assert command == "install"
    extras = _project()["project"]["optional-dependencies"]
    lines = (*chain.from_iterable(extras.values()), *environment.ORIGINALS)
    pins = {line for line in lines if "==" in line}
    pinned = {pin.split("==")[0] for pin in pins}
    for word in words:
        if word.startswith("--"):
            continue
        found = _REQUIREMENT.fullmatch(word)
        assert found, f"{word} is no requirement."
        if found["name"] in (".", "py-demixer"):
            unknown = set(filter(None, (found["extras"] or "").split(","))) - set(extras)
            assert not unknown, f"There is no extra {unknown}."
        elif found["name"] in pinned and found["version"]:
            assert word in pins, f"{word} is not the pinned version."
    return 0


def _dask(arguments: Sequence[str]) -> int:
    """Start a scheduler or a worker in the background."""
    kind, *words = arguments
    port = os.environ[PORT_VARIABLE]
    command = [sys.executable, "-m", "dask", kind, *words, "--no-dashboard"]
    if kind == "scheduler":
        command += ["--host", "127.0.0.1", "--port", port]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with BACKGROUND.open("a") as file:
        file.write(f"{process.pid}\n")
    deadline = time.monotonic() + 30
    while not _listens(int(port)):
        assert time.monotonic() < deadline, "The scheduler does not answer."
        time.sleep(0.1)
    return 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _checker(arguments: Sequence[str]) -> int:
    """Tools that `build.py test` runs itself: only check that their arguments exist."""
    for word in arguments:
        if "/" in word and "node_modules" not in word:
            assert (environment.ROOT / word).exists(), f"There is no {word}."
    return 0


def _project() -> dict:
    return tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))


PROGRAMS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "py-demixer": _demixer,
    "python": _python,
    "pip": _pip,
    "dask": _dask,
    "ruff": _checker,
    "mypy": _checker,
    "node": _checker,
}

if __name__ == "__main__":
    sys.exit(PROGRAMS[sys.argv[1]](sys.argv[2:]))
