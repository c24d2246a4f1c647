"""Build a JupyterLite that works without the internet, for testing notebooks.

It uses this project's Pyodide. The other packages that its kernel needs (IPython and its
dependencies) come from PyPI, in the versions named in Pyodide's lock file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.environment import CACHE, CannotGoOn, run
from web.assemble import locked_wheels

_KERNEL_PACKAGES = ("ipython", "jedi")
"""Packages of Pyodide's distribution that the kernel needs."""

_COMM = "comm-0.2.3-py3-none-any.whl"
"""A wheel that the kernel needs and that is not in Pyodide's distribution."""


def make_lite(python: Path, pyodide_dir: Path, out: Path, cache: Path = CACHE) -> Path:
    """Build a JupyterLite with the Pyodide kernel: static files, for any host.

    Parameters
    ----------
    python
        The environment's Python, which has jupyterlite-core and jupyterlite-pyodide-kernel.
    pyodide_dir
        Pyodide's runtime, NumPy and micropip: see `ensure_pyodide`.
    out
        The folder for JupyterLite; its page is ``lab/index.html`` in there.
    cache
        The folder for fetched files.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    CannotGoOn
        A wheel cannot be fetched, or JupyterLite cannot be built.
    """
    wheels = _ensure_wheels(python, pyodide_dir, cache / "jupyterlite")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        sources = Path(scratch)
        _copy_pyodide(pyodide_dir, wheels, sources / "static" / "pyodide")
        # JupyterLite looks here for wheels that Pyodide does not have.
        (sources / "pypi").mkdir()
        shutil.copy(wheels / _COMM, sources / "pypi")
        # `window.jupyterapp` lets tests query the variables of a kernel.
        settings = {"jupyter-config-data": {"exposeAppInBrowser": True}}
        _write_json(sources / "jupyter-lite.json", {"jupyter-lite-schema-version": 0, **settings})
        options = (f"--lite-dir={sources}", f"--output-dir={out}", "--no-sourcemaps")
        run(
            [python, "-m", "jupyterlite_core", "build", *options],
            "Cannot build JupyterLite. It said:",
            cwd=sources,
        )
    return out


def _ensure_wheels(python: Path, pyodide_dir: Path, folder: Path) -> Path:
    """Collect the kernel's wheels in `folder`."""
    wanted = [_COMM, *(file.name for file in locked_wheels(pyodide_dir, _KERNEL_PACKAGES))]
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        _download(python, _python_version(pyodide_dir), missing, folder)
    return folder


def _download(python: Path, version: str, names: Sequence[str], folder: Path) -> None:
    failure = (
        f"Cannot fetch {', '.join(names)} from the Python package index, for JupyterLite. The "
        "first run needs a connection. pip said:"
    )
    options = ["--quiet", "--no-deps", "--only-binary=:all:", f"--python-version={version}"]
    requirements = ["==".join(name.split("-")[:2]) for name in names]
    run([python, "-m", "pip", "download", *options, "--dest", folder, *requirements], failure)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise CannotGoOn(f"{failure} nothing, but {', '.join(missing)} did not come.")


def _python_version(pyodide_dir: Path) -> str:
    return str(_read_lock(pyodide_dir)["info"]["python"])


def _copy_pyodide(pyodide_dir: Path, wheels: Path, target: Path) -> None:
    """Copy Pyodide and the wheels, with a lock file that has the hashes of these wheels.

    Pyodide's own builds of these wheels contain the same files, but were zipped again.
    """
    shutil.copytree(pyodide_dir, target)
    lock = _read_lock(pyodide_dir)
    for entry in lock["packages"].values():
        wheel = wheels / entry["file_name"]
        if wheel.exists():
            shutil.copy(wheel, target)
            entry["sha256"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    _write_json(target / "pyodide-lock.json", lock)


def _read_lock(pyodide_dir: Path) -> dict[str, Any]:
    lock: dict[str, Any] = json.loads((pyodide_dir / "pyodide-lock.json").read_bytes())
    return lock


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
