"""The ceiling, matrix products and operations of a segment, inside Pyodide in Chromium."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests import chromium
from tests.bench.rows import Row, row
from web.server import serving

SHAPES = (
    (512, 2688, 512),
    (2048, 2688, 512),
    (768, 2688, 3456),
    (192, 43008, 864),
    (96, 172032, 432),
)
"""(M, N, K) of matrix products in a segment: projections, feed-forward, rewrites of decoders."""

LAYER = (96, 128, 336), (192, 96, 3, 3)
"""Input and weights of the convolution done in every way: the rewrite of decoder 2."""

_HERE = Path(__file__).parent

_MEASURE = """
async ({ code, runs, sizes }) => {
  const base = new URL("./", location.href).href;
  const assets = await (await fetch("assets.json")).json();
  const indexURL = base + assets.pyodide;
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  const packages = [...assets.packages, ...assets.fallbackPackages, base + assets.wheel];
  const pyodide = await loadPyodide({ indexURL, packageBaseUrl: indexURL, packages });
  const demixer = pyodide.pyimport("py_demixer.pyodide.browser");
  const { partsOf, readAsset } = await import(`${base}engine/assets.js`);
  const memory = demixer.allocate(assets.models.htdemucs.bytes);
  let offset = 0;
  for (const file of partsOf(assets, "htdemucs")) {
    const part = new Uint8Array(await (await readAsset(base, file)).arrayBuffer());
    const view = memory.getBuffer("u8");
    view.data.set(part, offset);
    view.release();
    offset += part.length;
  }
  pyodide.FS.writeFile("/home/pyodide/inside.py", code);
  const answer = pyodide.pyimport("inside").measure(memory, runs, sizes);
  return JSON.parse(answer);
}
"""


def measure(site: Path, runs: int) -> tuple[list[Row], dict[str, str]]:
    """Measure on the built site, with the backend that the page would choose.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows of four kinds: `multiply-add/registers`; `gemm/MxNxK`, with its `share_of_ceiling`
        relative to the first row's GFLOP/s; `convolution/WAY`, one layer done in every way; and
        `htdemucs/OPERATION SHAPE`, summed over its calls, with its `share` of the segment's time,
        preceded by `htdemucs/all but matrix products`. No versions.
    """
    with serving(site) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
        page = browser.new_page()
        page.goto(url + "licences.txt")
        given = {
            "code": (_HERE / "inside.py").read_text(encoding="utf-8"),
            "runs": runs,
            "sizes": json.dumps([SHAPES, LAYER]),
        }
        answer = page.evaluate(_MEASURE, given)
        browser.close()
    backend = answer["backend"]
    ceiling = _row("multiply-add/registers", None, answer["ceiling"])
    rows = [ceiling]
    for product in answer["products"]:
        what = "gemm/" + "x".join(map(str, product["shape"]))
        measured = _row(what, backend, product)
        rows.append(measured | {"share_of_ceiling": _share(measured, ceiling)})
    rows += [
        _row(f"convolution/{way['way']}", way["backend"], way) | {"peak_bytes": way["peak_bytes"]}
        for way in answer["convolutions"]
    ]
    operations = answer["operations"]
    others = operations["total"] - operations["products"]
    rows.append(
        _row("htdemucs/all but matrix products", backend, {"seconds": others, "gflop": 0})
        | {"share": round(others / operations["total"], 4)}
    )
    for entry in operations["found"]:
        what = f"htdemucs/{entry['operation']} {entry['shape']}"
        rows.append(
            _row(what, backend, entry)
            | {"calls": entry["calls"], "share": round(entry["share"], 4)}
        )
    return rows, {}


def _row(what: str, backend: str | None, measured: dict[str, Any]) -> Row:
    runs = measured.get("runs", [measured["seconds"]])
    gflop = measured["gflop"] or None
    return row(what, "chromium", "py-demixer", backend, runs, 0, gflop=gflop)


def _share(measured: Row, ceiling: Row) -> float:
    return float(round(measured["gflops"] / ceiling["gflops"], 3))


if __name__ == "__main__":
    for found in measure(Path(sys.argv[1]), 5)[0]:
        print(json.dumps(found))
