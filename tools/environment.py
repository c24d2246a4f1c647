"""The project's own environment: .venv, web/node_modules, and browsers for the tests.

Each part has a stamp with a hash of what it was made from. While the stamp matches, nothing is run
and no network is needed; otherwise the part is updated with its ordinary client (pip or npm).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
WEIGHTS = ROOT / "weights"
VENV = ROOT / ".venv"
NODE_MODULES = ROOT / "web" / "node_modules"
CHROMIUM_VARIABLE = "PY_DEMIXER_CHROMIUM"
FIREFOX_VARIABLE = "PY_DEMIXER_FIREFOX"

ORIGINALS = ("demucs==4.1.0", "openunmix==1.3.0", "torch==2.13.0")
"""The originals that tests compare with. Users may have other versions."""

_EXTRAS = "cli,fast,weights,dev"
# The headless shell comes first: drawing a window takes the others a fifth of the tests' time.
_HEADLESS_SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
_CHROMIUMS = (
    *_HEADLESS_SHELLS,
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
)
_FIREFOXES = ("firefox-esr", "firefox")
_SETUP_BYTES = 3 << 30
_LAST_LINES = 12


class CannotGoOn(Exception):
    """Something that the build needs is missing; the message says what, and what to do."""


def run(
    command: Sequence[str | Path],
    failure: str,
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> str:
    """Run `command` quietly and return its output.

    Raises
    ------
    CannotGoOn
        The command failed; the message is `failure` (a sentence), then the last lines of output.
    """
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if result.returncode:
        last = "\n".join(result.stdout.strip().splitlines()[-_LAST_LINES:])
        raise CannotGoOn(f"{failure}\n{last}")
    return result.stdout


def note(message: str) -> None:
    """Print a progress message to standard error; standard output is for a command's result."""
    print(message, file=sys.stderr, flush=True)


def ensure_python() -> Path:
    """Make .venv with the project (editable) and everything that pyproject.toml requires.

    Returns
    -------
    Path
        The environment's Python.
    """
    return _ensure_venv(VENV, _EXTRAS, "Setting up .venv (once; takes a minute or two) ...")


def ensure_pytorch() -> Path:
    """Make an environment that also has PyTorch and the original implementations.

    Returns
    -------
    Path
        The environment's Python.
    """
    message = "Setting up PyTorch and the originals to compare with (once; a gigabyte) ..."
    return _ensure_venv(CACHE / "pytorch", "evaluate,reference", message, ORIGINALS)


def _ensure_venv(folder: Path, extras: str, message: str, pins: Sequence[str] = ()) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / ".stamp"
    # A virtual environment contains absolute paths: it must be remade for a moved folder or another
    # Python, whereas changed requirements only need to be installed.
    base = f"{sys.version} {ROOT}\n"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = base + _requirements_hash(project) + "".join(f"\n{pin}" for pin in pins)
    found = stamp.read_text() if stamp.exists() and python.exists() else ""
    if found == wanted and not _holds_a_copy(folder):
        return python
    _check_disk()
    note(message)
    if not found.startswith(base):
        run(
            [sys.executable, "-m", "venv", "--clear", folder],
            f"Cannot make {folder}: this Python has no working venv module; install it "
            "(on Debian or Ubuntu: apt-get install python3-venv).",
        )
    # Pin packages that several extras require to the one version that is tested.
    constraints = folder / "pins.txt"
    constraints.write_text("\n".join([*project["project"]["optional-dependencies"]["dev"], *pins]))
    quietly = ["-m", "pip", "install", "--quiet"]
    run(
        [python, *quietly, "--constraint", constraints, "--editable", f"{ROOT}[{extras}]"],
        "Cannot install the Python packages: the first run needs a connection to the package "
        "index. pip said:",
    )
    stamp.write_text(wanted)
    return python


def _holds_a_copy(environment: Path) -> bool:
    """Whether a copy of the package is installed there, as `pip install .` does."""
    places = (*environment.glob("lib*/python*/site-packages"), environment / "Lib/site-packages")
    return any((place / "py_demixer").exists() for place in places)


def _requirements_hash(project: Mapping[str, Any]) -> str:
    parts = (project["build-system"], project["project"], project["tool"]["setuptools"])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ensure_node_modules() -> Path:
    """Install the packages of web/package.json into web/node_modules and return that folder."""
    return _ensure_npm_packages(ROOT / "web" / "package.json", NODE_MODULES)


def ensure_lighthouse() -> Path:
    """Install Lighthouse, which only `build.py test --long` needs, and return its command."""
    folder = ROOT / "tests" / "lighthouse"
    modules = _ensure_npm_packages(folder / "package.json", folder / "node_modules")
    return modules / "lighthouse" / "cli" / "index.js"


def _ensure_npm_packages(package: Path, modules: Path) -> Path:
    """Install the packages of a package.json into the folder node_modules next to it."""
    stamp = modules / ".stamp"
    wanted = hashlib.sha256(package.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return modules
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise CannotGoOn(
            "Node.js and npm are missing: install them (on Debian or Ubuntu: apt-get install "
            "nodejs npm) and run this again."
        )
    _check_disk()
    note(f"Installing npm packages into {modules.relative_to(ROOT)} (once) ...")
    run(
        [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"],
        "Cannot install the npm packages: the first run needs a connection to the npm registry. "
        "npm said:",
        cwd=package.parent,
    )
    stamp.write_text(wanted)
    return modules


def ensure_chromium(python: Path) -> str:
    """Return the path of a Chromium, installing one if there is none.

    The order is: the environment variable PY_DEMIXER_CHROMIUM, a browser on the PATH, Debian's
    headless shell or Chromium (as root), Playwright's own build.
    """
    found = _find_chromium()
    if found is None and _can_install():
        try:
            _install("Chromium's headless shell", _HEADLESS_SHELLS[0])
        except CannotGoOn:  # Debian has this package, but its derivatives may not
            _install("Chromium", "chromium")
        found = _find_chromium()
    return found or _playwright_chromium(python)


def ensure_firefox() -> str:
    """Return the path of a Firefox, installing Debian's if there is none.

    The environment variable PY_DEMIXER_FIREFOX comes before a browser on the PATH.

    Raises
    ------
    CannotGoOn
        There is none, and it cannot be installed on this machine.
    """
    named = os.environ.get(FIREFOX_VARIABLE)
    if named and not Path(named).is_file():
        raise CannotGoOn(f"{FIREFOX_VARIABLE} names {named}, which is not a file.")
    return named or _ensure_program("Firefox", _FIREFOXES, "firefox-esr", FIREFOX_VARIABLE)


def ensure_webkit() -> str:
    """Return the path of WebKitGTK's WebDriver, which finds its browser itself.

    Raises
    ------
    CannotGoOn
        There is none, and it cannot be installed on this machine.
    """
    return _ensure_program("WebKitGTK's WebDriver", ("WebKitWebDriver",), "webkit2gtk-driver")


def ensure_display() -> str:
    """Return the path of Xvfb, a virtual display for browsers that need one.

    Raises
    ------
    CannotGoOn
        There is none, and it cannot be installed on this machine.
    """
    return _ensure_program("Xvfb, a display without a screen,", ("Xvfb",), "xvfb")


def ensure_sound() -> str:
    """Return the path of PulseAudio, which provides a null output if there is no sound card.

    Raises
    ------
    CannotGoOn
        There is none, and it cannot be installed on this machine.
    """
    return _ensure_program("PulseAudio", ("pulseaudio",), "pulseaudio")


def _ensure_program(what: str, names: Sequence[str], package: str, variable: str = "") -> str:
    """The path of the first of these programs that exists, installing the package if necessary."""
    found = _find_program(names)
    if found is None and _can_install():
        _install(what, package)
        found = _find_program(names)
    if found is None:
        named = f", or set {variable} to its path" if variable else ""
        raise CannotGoOn(
            f"{what} was not found, and the tests need it: install it (on Debian or Ubuntu: "
            f"apt-get install {package}){named}, and run this again."
        )
    return found


def _find_program(names: Sequence[str]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def ensure_graphics(python: Path) -> None:
    """Install a software graphics card, Mesa's lavapipe, if there is no other.

    Raises
    ------
    CannotGoOn
        There is none, and it cannot be installed on this machine.
    """
    if _has_graphics(python):
        return
    if _can_install():
        _install("Mesa's Vulkan drivers", "mesa-vulkan-drivers")
    if not _has_graphics(python):
        raise CannotGoOn(
            "No graphics card was found for Vulkan, Metal or DX12, and the tests need one: install "
            "a driver, such as Mesa's lavapipe (on Debian or Ubuntu: apt-get install "
            "mesa-vulkan-drivers), and run this again."
        )


def _has_graphics(python: Path) -> bool:
    look = "from py_demixer.gpu.native import Card; Card()"
    return subprocess.run([python, "-c", look], cwd=ROOT, capture_output=True).returncode == 0


def _can_install() -> bool:
    """Whether apt-get exists and this process may use it."""
    return bool(shutil.which("apt-get")) and getattr(os, "geteuid", lambda: 1)() == 0


def _install(what: str, package: str) -> None:
    note(f"Installing {what} with apt-get (once) ...")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    failure = f"Cannot install {what} with apt-get. It said:"
    run(["apt-get", "update"], failure, environment=quiet)
    run(["apt-get", "install", "-y", package], failure, environment=quiet)


def with_chromium(path: str) -> dict[str, str]:
    """Return this process's environment variables, with the one that names the Chromium to use."""
    return {**os.environ, CHROMIUM_VARIABLE: path}


def _find_chromium() -> str | None:
    named = os.environ.get(CHROMIUM_VARIABLE)
    if named and not Path(named).is_file():
        raise CannotGoOn(f"{CHROMIUM_VARIABLE} names {named}, which is not a file.")
    return named or _find_program(_CHROMIUMS)


def _playwright_chromium(python: Path) -> str:
    where = (
        "from playwright.sync_api import sync_playwright as s\n"
        "with s() as p: print(p.chromium.executable_path)"
    )
    failure = (
        "No Chromium on this machine, and Playwright cannot fetch one: install Chromium, or set "
        f"{CHROMIUM_VARIABLE} to its path. Playwright said:"
    )
    path = run([python, "-c", where], failure).strip()
    if not Path(path).is_file():
        note("Fetching Playwright's Chromium (once) ...")
        run([python, "-m", "playwright", "install", "chromium"], failure)
    return path


def _check_disk() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < _SETUP_BYTES:
        raise CannotGoOn(
            f"Only {free / 1e9:.1f} GB are free on this disk; setting up needs about "
            f"{_SETUP_BYTES / 1e9:.0f} GB. Make room and run this again."
        )
