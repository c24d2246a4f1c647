"""Open-Unmix inside Pyodide in Chromium: time of a four-minute song, from one task of each kind."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium, unmix
from tests.bench.rows import Row, row
from web.server import serving

_MINUTES = 4

# One page for each model, because WASM memory never shrinks.
_MEASURE = """
async ({ code, hidden, minutes, runs }) => {
  const base = new URL("./", location.href).href;
  const assets = await (await fetch("assets.json")).json();
  const indexURL = base + assets.pyodide;
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  const packages = [...assets.packages, base + assets.wheel];
  const pyodide = await loadPyodide({ indexURL, packageBaseUrl: indexURL, packages });
  pyodide.FS.writeFile("/home/pyodide/inside_openunmix.py", code);
  const measured = JSON.parse(pyodide.pyimport("inside_openunmix").measure(hidden, minutes, runs));
  return { ...measured, heap: pyodide._module.HEAP8.length };
}
"""


def measure(site: Path, runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time one worker with the built site's packages and random weights.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        A row for each model, `MODEL/song of 4 min`: in each run, every kind of task is timed once
        and multiplied by its number in the song's plan. `parts` are seconds by kind. No versions.
    """
    code = (Path(__file__).parent / "inside_openunmix.py").read_text(encoding="utf-8")
    rows = []
    with serving(site) as url, sync_playwright() as playwright:
        for model, hidden in unmix.WIDTHS.items():
            browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
            page = browser.new_page()
            page.goto(url + "licences.txt")
            given = {"code": code, "hidden": hidden, "minutes": _MINUTES, "runs": runs}
            answer = page.evaluate(_MEASURE, given)
            browser.close()
            what, backend = f"{model}/song of {_MINUTES} min", answer["backend"]
            measured = row(what, "chromium", "py-demixer", backend, answer["runs"], answer["heap"])
            rows.append(measured | {"parts": answer["parts"]})
    return rows, {}
