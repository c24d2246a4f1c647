"""Fixtures for tests of all kinds: models, sites, and a Chromium."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from py_demixer.ops.kernels import Kernels
from tests import chromium, tiny, unmix
from tools import environment, pyodide, site
from tools.kernels import build_native
from tools.snapshot import ensure_snapshot
from web import server
from web.assemble import SNAPSHOT, SNAPSHOT_FACTS, assemble

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

PYTHON = Path(sys.executable)
STUB = Path(__file__).parent / "browser" / "stub" / "worker.js"

MakeSite = Callable[..., Path]

FOLDERS = (
    "unit",  # so that a broken line shows within a minute
    "bench",  # starts its own Playwright, which must happen before others start theirs
    *("released", "gpu", "pyodide", "lite"),  # files that take long, so that none is left for last
    *("browser", "library", "batch", "reference", "packaging", "docs"),
)
"""The test folders, in the order in which they run."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort tests by the order of their folders."""
    here = Path(__file__).parent
    items.sort(key=lambda item: FOLDERS.index(item.path.relative_to(here).parts[0]))


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weight file of the tiny one-second model, named like the released one."""
    path = tmp_path_factory.mktemp("weights") / "htdemucs.safetensors"
    return tiny.write(path, segment_length=tiny.SECOND)


@pytest.fixture(scope="session")
def unmix_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weight file of the tiny Open-Unmix."""
    return unmix.write(tmp_path_factory.mktemp("weights") / "umxhq.safetensors")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The released model's weight file, fetched if missing."""
    return site.ensure_weights(PYTHON, "htdemucs")


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The project's wheel, built from the current sources."""
    return site.build_wheel(PYTHON)


@pytest.fixture(scope="session")
def kernel_wheel() -> Path:
    """The wheel for Pyodide, with the compiled kernels."""
    return site.build_kernel_wheel(PYTHON)


@pytest.fixture(scope="session")
def native_kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """The kernels compiled for this machine."""
    return Kernels(build_native(PYTHON, tmp_path_factory.mktemp("kernels") / "kernels.so"))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return environment.ensure_node_modules()


@pytest.fixture(scope="session")
def pyodide_dir(node_modules: Path) -> Path:
    """Pyodide's runtime and wheels, in a folder named pyodide-<version>."""
    return pyodide.ensure_pyodide(PYTHON, node_modules)


@pytest.fixture(scope="session")
def snapshot(pyodide_dir: Path, kernel_wheel: Path) -> Path:
    """The folder with the snapshot of Python's memory."""
    return ensure_snapshot(pyodide_dir, kernel_wheel)


@pytest.fixture(scope="session")
def make_site(
    tmp_path_factory: pytest.TempPathFactory,
    kernel_wheel: Path,
    pyodide_dir: Path,
    snapshot: Path,
    node_modules: Path,
) -> MakeSite:
    """A function that builds a whole site from weight files, by model name.

    Further keywords replace arguments of `assemble`.
    """

    def make(models: Mapping[str, Path], **others: Path) -> Path:
        out = tmp_path_factory.mktemp("site") / "site"
        usual = {
            "wheel": kernel_wheel,
            "pyodide_dir": pyodide_dir,
            "snapshot": snapshot,
            "node_modules": node_modules,
        }
        assemble(out, models=models, **(usual | others))
        return out

    return make


@pytest.fixture(scope="session")
def tiny_site(make_site: MakeSite, tiny_weights: Path) -> Path:
    """The whole site, with the tiny model in place of the released one."""
    return make_site({"htdemucs": tiny_weights})


@pytest.fixture(scope="session")
def no_pyodide(tmp_path_factory: pytest.TempPathFactory, pyodide_dir: Path) -> Path:
    """Nearly empty files with the names of Pyodide's, for the stub's site."""
    folder = tmp_path_factory.mktemp("stub") / pyodide_dir.name
    folder.mkdir()
    for file in pyodide_dir.iterdir():
        (folder / file.name).write_text(file.name, encoding="utf-8")
    shutil.copy(pyodide_dir / "pyodide-lock.json", folder)
    for wheel in pyodide_dir.glob("*.whl"):
        with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(folder / wheel.name, "w") as copy:
            for name in whole.namelist():
                if ".dist-info/" in name:  # including the licences
                    copy.writestr(name, whole.read(name))
    return folder


@pytest.fixture(scope="session")
def no_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of nothing, for the stub's site."""
    folder = tmp_path_factory.mktemp("snapshot")
    (folder / SNAPSHOT).write_bytes(gzip.compress(b"none", mtime=0))
    facts = {"places": 0, "libraries": {}}
    (folder / SNAPSHOT_FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def make_stub(make_site: MakeSite, no_pyodide: Path, no_snapshot: Path) -> MakeSite:
    """Like `make_site`, but with the stub engine: it starts, and finishes a song, at once."""

    def make(models: Mapping[str, Path], **others: Path) -> Path:
        site = make_site(models, pyodide_dir=no_pyodide, snapshot=no_snapshot, **others)
        shutil.copy(STUB, site / "engine" / "worker.js")
        return site

    return make


@pytest.fixture(scope="session")
def stub_site(make_stub: MakeSite, tiny_weights: Path, unmix_weights: Path) -> Path:
    """A site with two models and the stub engine."""
    return make_stub({"htdemucs": tiny_weights, "umxhq": unmix_weights})


@pytest.fixture(scope="session")
def stub_url(stub_site: Path) -> Iterator[str]:
    """The address of the stub site, served for the whole session."""
    with server.serving(stub_site) as url:
        yield url


@pytest.fixture(scope="session")
def real_site(tmp_path_factory: pytest.TempPathFactory, real_weights: Path) -> Path:
    """The whole site as published."""
    return site.make_site(PYTHON, tmp_path_factory.mktemp("site") / "real")


@pytest.fixture(scope="session")
def tiny_url(tiny_site: Path) -> Iterator[str]:
    """The address of the tiny site, served for the whole session."""
    with server.serving(tiny_site) as url:
        yield url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium_options() -> dict[str, object]:
    """Keyword arguments with which Playwright's launch functions start this machine's Chromium."""
    return chromium.options()


@pytest.fixture
def launch_chromium(
    playwright: Playwright, chromium_options: dict[str, object], tmp_path: Path
) -> Iterator[Callable[..., BrowserContext]]:
    """A function that starts a separate Chromium: `launch(profile=None) -> BrowserContext`.

    A later Chromium with the same profile folder finds what an earlier one stored. Any that are
    still open are closed after the test.
    """
    contexts: list[BrowserContext] = []

    def launch(profile: Path | None = None) -> BrowserContext:
        folder = profile or tmp_path / f"profile-{len(contexts)}"
        context = playwright.chromium.launch_persistent_context(folder, **chromium_options)  # type: ignore[arg-type]
        contexts.append(context)
        return context

    yield launch
    for context in contexts:
        context.close()


@pytest.fixture
def context(launch_chromium: Callable[..., BrowserContext]) -> BrowserContext:
    """A fresh Chromium with nothing stored."""
    return launch_chromium()


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The ffmpeg of imageio-ffmpeg, alone on PATH; a function that runs it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(programs))

    def run(*arguments: object) -> None:
        command = [str(programs / "ffmpeg"), "-v", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True)

    return run
