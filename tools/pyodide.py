"""The Pyodide distribution the site ships: the runtime from npm, the wheels its lock file names.

A wheel comes from Pyodide's CDN; where that cannot be reached, from a PyPI wheel that carries the
same files. Either way the lock file's sha256 decides whether it is used.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from tools.environment import CACHE, CannotGoOn, note, run
from web.assemble import (
    FALLBACK_PACKAGES,
    PYODIDE_PACKAGES,
    PYODIDE_RUNTIME,
    LockedFile,
    locked_wheels,
)

PACKAGES = (*PYODIDE_PACKAGES, *FALLBACK_PACKAGES, "micropip")
"""What the page may need, and what other pages install the package's wheel with: the tests do."""

CDN_VARIABLE = "PY_DEMIXER_PYODIDE_URL"

_CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
_CARRIER = "open-webui==0.12.4"
_CARRIER_FOLDER = "open_webui/frontend/pyodide/"
_TIMEOUT_SECONDS = 5


def ensure_pyodide(python: Path, node_modules: Path, cache: Path = CACHE) -> Path:
    """Bring the runtime and the wheels together in `cache`/pyodide-<version>.

    Parameters
    ----------
    python
        The environment's Python, whose pip is used for the fallback.
    node_modules
        Where npm has put the package `pyodide`.
    cache
        The folder that keeps what was fetched.

    Returns
    -------
    Path
        The folder, complete, every wheel verified.

    Raises
    ------
    CannotGoOn
        A wheel cannot be had from either place with the right sha256.
    """
    package = node_modules / "pyodide"
    version = _version(package)
    folder = cache / f"pyodide-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PYODIDE_RUNTIME:
        source, target = package / name, folder / name
        # Not again: another process may be reading it.
        if not (target.exists() and filecmp.cmp(source, target, shallow=False)):
            shutil.copyfile(source, target)
    wheels = locked_wheels(folder, PACKAGES)
    missing = [file for file in wheels if not _verified(folder / file.name, file)]
    if missing:
        missing = _from_cdn(missing, folder, version)
    if missing:
        _from_carrier(missing, folder, python)
    return folder


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def _verified(path: Path, file: LockedFile) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _keep(data: bytes, file: LockedFile, folder: Path) -> bool:
    """Write `data` under the file's name, if it is what the lock file says it is."""
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return False
    temporary = folder / (file.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(folder / file.name)
    return True


def _from_cdn(files: list[LockedFile], folder: Path, version: str) -> list[LockedFile]:
    """Fetch what the CDN has; return the files still missing."""
    base = os.environ.get(CDN_VARIABLE, _CDN.format(version=version))
    for number, file in enumerate(files):
        try:
            with urllib.request.urlopen(base + file.name, timeout=_TIMEOUT_SECONDS) as answer:
                data = answer.read()
        except OSError:
            # Unreachable once is unreachable for all: do not wait for one time-out per file.
            return files[number:]
        if not _keep(data, file, folder):
            return files[number:]
    return []


def _from_carrier(files: list[LockedFile], folder: Path, python: Path) -> None:
    names = ", ".join(file.name for file in files)
    failure = (
        f"Cannot fetch the Pyodide wheels {names}: neither Pyodide's CDN nor {_CARRIER} on the "
        "Python package index can be reached. The first run needs a connection. pip said:"
    )
    note(f"Pyodide's CDN cannot be reached; taking its wheels from {_CARRIER} (once) ...")
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        options = ["--quiet", "--no-deps", "--ignore-requires-python", "--only-binary=:all:"]
        run([python, "-m", "pip", "download", *options, "--dest", scratch, _CARRIER], failure)
        (carrier,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(carrier) as archive:
            for file in files:
                if not _keep(archive.read(_CARRIER_FOLDER + file.name), file, folder):
                    raise CannotGoOn(
                        f"{file.name} from {_CARRIER} does not have the sha256 that Pyodide's lock "
                        "file states; nothing unverified is used."
                    )
