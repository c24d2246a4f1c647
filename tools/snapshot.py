"""The snapshot of Python's memory from which the page's workers start: see web/engine/snapshot.js.

It is made by running Pyodide in Node.js, once for each version of Pyodide, NumPy and the package.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

from tools.environment import CACHE, ROOT, note, run
from web.assemble import PYODIDE_PACKAGES, SNAPSHOT, SNAPSHOT_FACTS, locked_wheels

_SCRIPTS = (ROOT / "tools" / "snapshot.mjs", ROOT / "web" / "engine" / "snapshot.js")
_LIBRARIES = ("_core/_multiarray_umath", "fft/_pocketfft_umath", "linalg/_umath_linalg")
"""The shared libraries that NumPy opens when it is imported, without the ends of their names."""


def ensure_snapshot(pyodide: Path, wheel: Path, cache: Path = CACHE) -> Path:
    """Make the snapshot, unless the last one was made from the same files.

    Parameters
    ----------
    pyodide
        The folder of :func:`tools.pyodide.ensure_pyodide`.
    wheel
        The wheel of py_demixer.
    cache
        The folder for what is made.

    Returns
    -------
    Path
        A folder with the snapshot, compressed by gzip, the shared libraries, and a JSON file with
        the sum of the snapshot's places and the libraries' names by their paths in Pyodide.
    """
    wheels = [*(pyodide / file.name for file in locked_wheels(pyodide, PYODIDE_PACKAGES)), wheel]
    folder = cache / f"snapshot-{_key(pyodide, wheels)}"
    if folder.exists():
        return folder
    note("Making the snapshot from which Python starts ...")
    # Another process may be making the same one.
    old = [other for other in cache.glob("snapshot-*") if other != folder]
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        packages, made = Path(scratch, "packages"), Path(scratch, "made")
        made.mkdir()
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(packages)
        libraries = [_library(packages, name) for name in _LIBRARIES]
        places = _make(pyodide, packages, libraries, made / SNAPSHOT)
        for library in libraries:
            shutil.copy(library, made)
        paths = {f"{_site_packages(pyodide)}/{_relative(p, packages)}": p.name for p in libraries}
        facts = {"places": places, "libraries": paths}
        (made / SNAPSHOT_FACTS).write_text(json.dumps(facts), encoding="utf-8")
        try:
            made.rename(folder)
        except OSError:
            # Another process may have made it meanwhile.
            if not folder.exists():
                raise
    for other in old:
        shutil.rmtree(other, ignore_errors=True)
    return folder


def _key(pyodide: Path, wheels: list[Path]) -> str:
    total = hashlib.sha256()
    for path in (pyodide / "pyodide.asm.wasm", pyodide / "pyodide.asm.mjs", *wheels, *_SCRIPTS):
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def _library(packages: Path, name: str) -> Path:
    (path,) = packages.glob(f"numpy/{name}.*.so")
    return path


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _site_packages(pyodide: Path) -> str:
    """Pyodide's folder for packages."""
    lock = json.loads((pyodide / "pyodide-lock.json").read_bytes())
    major, minor, _ = lock["info"]["python"].split(".")
    return f"/lib/python{major}.{minor}/site-packages"


def _make(pyodide: Path, packages: Path, libraries: list[Path], out: Path) -> int:
    """Write the snapshot to ``out``; return the sum of its places."""
    names = [_relative(path, packages) for path in libraries]
    folders: list[str | Path] = [pyodide, packages, _site_packages(pyodide), out]
    failure = "Cannot make the snapshot of Python. Node.js said:"
    places = run(["node", _SCRIPTS[0], *folders, *names], failure)
    # Named .bin, so that no server sends it with a Content-Encoding of its own.
    out.write_bytes(gzip.compress(out.read_bytes(), mtime=0))
    return int(places)
