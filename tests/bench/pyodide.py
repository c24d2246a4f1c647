"""Run a module of the bench inside Pyodide in Chromium, with a built site's packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests import chromium
from web.server import serving

_RUN = """
async ({ code, name, given }) => {
  const base = new URL("./", location.href).href;
  const assets = await (await fetch("assets.json")).json();
  const indexURL = base + assets.pyodide;
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  const packages = [...assets.packages, base + assets.wheel];
  const pyodide = await loadPyodide({ indexURL, packageBaseUrl: indexURL, packages });
  pyodide.FS.writeFile(`/home/pyodide/${name}.py`, code);
  const measured = JSON.parse(pyodide.pyimport(name).measure(...given));
  return { ...measured, heap: pyodide._module.HEAP8.length };
}
"""


def measure_inside(site: Path, name: str, *given: object) -> dict[str, Any]:
    """Call `measure` of a module in this folder, in a page of its own: WASM memory never shrinks.

    Parameters
    ----------
    site
        The built site.
    name
        The module, which needs only NumPy and the package.
    given
        Arguments of its `measure`: numbers and strings.

    Returns
    -------
    dict[str, Any]
        What it returned as JSON, and `heap`, the bytes of the WASM heap.
    """
    code = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    with serving(site) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
        page = browser.new_page()
        page.goto(url + "licences.txt")
        answer: dict[str, Any] = page.evaluate(_RUN, {"code": code, "name": name, "given": given})
        browser.close()
    return answer
