"""pytest-pyodide with this project's Chromium, and the package installed in Pyodide.

pytest-pyodide 0.59.2 runs Pyodide 314 unchanged (with pytest below 9.2), but launches Playwright's
own browser and serves one folder; the two fixtures that decide this are replaced here.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from pytest_pyodide import spawn_web_server

from tools.environment import ROOT
from web.assemble import FALLBACK_PACKAGES, PYODIDE_PACKAGES

CHECKS = "checks.zip"
"""An archive of the golden checks, their numbers, and the kernels' properties, as in tests/."""

SITE_PACKAGES = Path(hypothesis.__file__).parents[1]

_CHECK_FILES = ("tests/*.py", "tests/golden/*.py", "tests/golden/*.npz")


@pytest.fixture(scope="session")
def playwright_browsers(playwright, chromium_options) -> Iterator[dict]:
    browser = playwright.chromium.launch(**chromium_options)
    yield {"chrome": browser}
    browser.close()


@pytest.fixture(scope="session")
def web_server_main(tmp_path_factory, pyodide_dir, kernel_wheel) -> Iterator[tuple]:
    folder = tmp_path_factory.mktemp("pyodide") / "dist"
    shutil.copytree(pyodide_dir, folder)
    shutil.copy(kernel_wheel, folder)
    with zipfile.ZipFile(folder / CHECKS, "w") as archive:
        for path in _check_files():
            archive.write(path, path.relative_to(ROOT))
        for path in _hypothesis_files():
            archive.write(path, path.relative_to(SITE_PACKAGES))
    with spawn_web_server(folder) as server:
        yield server


def _check_files() -> Iterator[Path]:
    for pattern in _CHECK_FILES:
        yield from ROOT.glob(pattern)


def _hypothesis_files() -> Iterator[Path]:
    """The installed hypothesis and its requirement, which are pure Python."""
    for name in ("hypothesis", "sortedcontainers"):
        yield from (SITE_PACKAGES / name).rglob("*.py")
    yield from SITE_PACKAGES.glob("_hypothesis_*.py")


@pytest.fixture(scope="module")
def in_pyodide(selenium_module_scope, kernel_wheel):
    """A Pyodide with the project's wheel installed by micropip, and the golden checks."""
    selenium_module_scope.set_script_timeout(300)
    selenium_module_scope.load_package([*PYODIDE_PACKAGES, *FALLBACK_PACKAGES])
    selenium_module_scope.run_async(
        f"""
        import sys
        import micropip
        from pyodide.http import pyfetch

        await micropip.install("{selenium_module_scope.base_url}/{kernel_wheel.name}")
        answer = await pyfetch("{selenium_module_scope.base_url}/{CHECKS}")
        await answer.unpack_archive(extract_dir="checks")
        sys.path.insert(0, "checks")
        """
    )
    return selenium_module_scope
