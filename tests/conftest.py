"""What tests of all kinds share: models, sites, and a Chromium to look at them with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import chromium, tiny
from tools import environment, pyodide, site
from web import server
from web.assemble import assemble

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

PYTHON = Path(sys.executable)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weight file of the tiny model, named as the released one's would be."""
    return tiny.write(tmp_path_factory.mktemp("weights") / "htdemucs.safetensors")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The released model's weight file; fetched when it is not there yet."""
    return site.ensure_weights(PYTHON, "htdemucs")


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The project's wheel, built from the sources as they are."""
    return site.build_wheel(PYTHON)


@pytest.fixture(scope="session")
def kernel_wheel() -> Path:
    """The same with the compiled kernels, for Pyodide."""
    return site.build_kernel_wheel(PYTHON)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return environment.ensure_node_modules()


@pytest.fixture(scope="session")
def pyodide_dir(node_modules: Path) -> Path:
    """Pyodide's runtime and wheels, in a folder named pyodide-<version>."""
    return pyodide.ensure_pyodide(PYTHON, node_modules)


@pytest.fixture(scope="session")
def tiny_site(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_weights: Path,
    kernel_wheel: Path,
    pyodide_dir: Path,
    node_modules: Path,
) -> Path:
    """The whole site, with the tiny model in the place of the released one."""
    out = tmp_path_factory.mktemp("site") / "tiny"
    models = {"htdemucs": tiny_weights}
    assemble(
        out,
        wheel=kernel_wheel,
        pyodide_dir=pyodide_dir,
        node_modules=node_modules,
        models=models,
    )
    return out


@pytest.fixture(scope="session")
def real_site(tmp_path_factory: pytest.TempPathFactory, real_weights: Path) -> Path:
    """The whole site as it is published."""
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
    """What Playwright's launch functions need to start this machine's Chromium."""
    return chromium.options()


@pytest.fixture
def launch_chromium(
    playwright: Playwright, chromium_options: dict[str, object], tmp_path: Path
) -> Iterator[Callable[..., BrowserContext]]:
    """A function that starts a Chromium of its own: `launch(profile=None) -> BrowserContext`.

    With the same profile folder a later one finds what an earlier one has stored. Whatever is still
    open is closed after the test.
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
