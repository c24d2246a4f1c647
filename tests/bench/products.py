"""The matrix products of HTDemucs in Chromium, beside what the processor can do at all there."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium
from tests.bench.rows import Row, row
from tools.kernels import build_module
from web.server import serving

SHAPES = (
    (512, 2688, 512),
    (2048, 2688, 512),
    (768, 2688, 3456),
    (192, 43008, 864),
    (96, 172032, 432),
)
"""(rows, columns, depth): projections, feed-forward, and the decoders' rewrite convolutions."""

_OUT_WIDTH, _KERNEL = 336, 3
_CEILING_ROUNDS, _CEILING_GFLOP = 10_000_000, 0.96

# A product that can be a 3 x 3 convolution is measured as one.
_PYTHON = """
import json, time
import numpy as np
from py_demixer.ops import backend

def prepare(rows, columns, depth):
    global work
    backend.use("kernels")
    random = np.random.default_rng(0)
    weights = random.standard_normal((rows, depth)).astype(np.float16)
    out = np.empty((rows, columns), np.float32)
    if depth % (KERNEL * KERNEL):
        x = random.standard_normal((depth, columns), np.float32)
        work = lambda: backend.kernels().gemm(weights, x, out)
    else:
        size = columns // WIDTH, WIDTH
        x = random.standard_normal((depth // KERNEL**2, *size), np.float32)
        taps = [(i - 1, j - 1) for i in range(KERNEL) for j in range(KERNEL)]
        work = lambda: backend.kernels().convolve(weights, x, out, taps=taps, size=size)
""".replace("KERNEL", str(_KERNEL)).replace("WIDTH", str(_OUT_WIDTH))

_MEASURE = """
async ({ python, shapes, ceiling, rounds, budget }) => {
  const assets = await (await fetch("assets.json")).json();
  const base = new URL("./", location.href).href;
  const script = `
    onmessage = async ({ data: { python, shapes, ceiling, rounds, budget, assets } }) => {
      const { loadPyodide } = await import("${base}" + assets.pyodide + "pyodide.mjs");
      const indexURL = "${base}" + assets.pyodide;
      const pyodide = await loadPyodide({ indexURL, packageBaseUrl: indexURL });
      await pyodide.loadPackage(assets.packages, { messageCallback: () => {} });
      const wheel = "${base}" + assets.wheel;
      await pyodide.pyimport("micropip").install.callKwargs(wheel, { deps: false });
      const code = Uint8Array.from(atob(ceiling), (letter) => letter.charCodeAt(0));
      const peak = (await WebAssembly.instantiate(code)).instance.exports.ceiling;
      pyodide.runPython(python);
      const time = (work) => {
        const seconds = [];
        work();
        for (let spent = 0; spent < budget; spent += seconds.at(-1)) {
          const begun = performance.now();
          work();
          seconds.push((performance.now() - begun) / 1000);
        }
        return seconds;
      };
      const results = [];
      for (const shape of shapes) {
        pyodide.globals.get("prepare")(...shape);
        const work = pyodide.globals.get("work");
        results.push({ ceiling: time(() => peak(rounds)), product: time(() => work()) });
      }
      postMessage({ results, heap: pyodide._module.HEAPU8.length });
    };
    addEventListener("unhandledrejection", ({ reason }) => { throw reason; });
  `;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage({ python, shapes, ceiling, rounds, budget, assets });
  });
}
"""


def measure(site: Path, budget: float = 0.5) -> tuple[list[Row], dict[str, str]]:
    """Time every product, packing and all, and before each the ceiling.

    Args:
        site: the built site, with kernels in its wheel.
        budget: seconds for each measurement.

    Returns:
        Two rows a product, of which `share` is the ratio of the medians, and no versions.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(__file__).with_name("ceiling.c")
        module = build_module(Path(sys.executable), source, Path(folder) / "ceiling.wasm")
        ceiling = base64.b64encode(module.read_bytes()).decode()
    given = {"python": _PYTHON, "shapes": SHAPES, "ceiling": ceiling, "budget": budget}
    with serving(site) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
        page = browser.new_page()
        page.goto(url + "licences.txt")
        answer = page.evaluate(_MEASURE, given | {"rounds": _CEILING_ROUNDS})
        browser.close()
    rows = []
    for shape, result in zip(SHAPES, answer["results"], strict=True):
        gflop, name = 2e-9 * shape[0] * shape[1] * shape[2], "x".join(map(str, shape))
        common = ("chromium", "py-demixer", "kernels")
        peak = row("multiply-add", *common, result["ceiling"], answer["heap"], gflop=_CEILING_GFLOP)
        product = row(name, *common, result["product"], answer["heap"], gflop=gflop)
        rows += [peak, {**product, "share": round(product["gflops"] / peak["gflops"], 2)}]
    return rows, {}
