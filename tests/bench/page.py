"""One HTDemucs segment in Chromium, with the site's worker and messages (engine/protocol.js)."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row
from tests.browser.page import OFFERED, STARTED, clear_songs
from tests.renderer import KEEP_MEMORY
from web.server import serving

CASES = [("kernels", 1), ("kernels", os.cpu_count() or 1), ("scipy", 1), ("numpy", 1)]
"""Backends and numbers of workers."""

_ONCE = "numpy"  # takes minutes per segment

_PATIENCE_MS = 1_200_000

_KEPT = "text=Ready to work offline"
_IS_THERE = "(selector) => document.querySelector(selector) !== null"
_IS_FINAL = """() => {
  const track = document.querySelector("#seek-track");
  return track?.style.getPropertyValue("--ranges").includes("var(--final)");
}"""

# The worker starts with a few lines that keep the WASM memory: Pyodide's instance is the first to
# export one.
_MEASURE = """
async ({ keepMemory, backend, workers, runs }) => {
  const base = new URL("./", location.href).href;
  const start = `
    ${keepMemory}
    addEventListener("message", ({ data }) => {
      if (data.bench) postMessage({ heap: self.wasmMemory.buffer.byteLength });
    });
    await import("${base}engine/worker.js");
    postMessage("ready");
  `;
  const script = URL.createObjectURL(new Blob([start], { type: "text/javascript" }));
  const assets = await (await fetch("assets.json")).json();
  const noise = (frames) => {
    const song = new Float32Array(2 * frames);
    let state = 1;
    for (let i = 0; i < song.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      song[i] = state / 2 ** 32 - 0.5;
    }
    return song;
  };
  const startWorker = async () => {
    const worker = new Worker(script, { type: "module" });
    const next = (wanted) => new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => {
        if (data.ok === false) reject(new Error(data.error.message));
        else if (wanted(data)) resolve(data);
      };
    });
    let calls = 0;
    const call = async (method, argument) => {
      const id = ++calls;
      worker.postMessage({ id, method, argument });
      return (await next((data) => data.id === id && data.ok)).value;
    };
    await next((data) => data === "ready");
    const model = "htdemucs";
    const info = await call("boot", { base, assets, model, backend, weights: null });
    // So long that the first task is a whole segment.
    const job = { song: JSON.stringify({ length: 1e6, mean: 0, std: 1 }), options: "{}" };
    const { tasks } = await call("plan", job);
    const song = noise(tasks[0].reads[0].length);
    const run = () => call("run", { job, index: 0, inputs: [song], network: null });
    const heap = async () => {
      worker.postMessage({ bench: true });
      return (await next((data) => "heap" in data)).heap;
    };
    return { info, run, heap };
  };
  const started = [];
  for (let count = 0; count < workers; count++) started.push(await startWorker());
  const seconds = [];
  for (let count = 0; count < runs; count++) {
    const begun = performance.now();
    await Promise.all(started.map(({ run }) => run()));
    seconds.push((performance.now() - begun) / 1000);
  }
  const [{ info, heap }] = started;
  return { seconds, heap: await heap(), versions: info.versions, backend: info.backend };
}
"""


def measure(site: Path, runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time one segment per worker on the built site, each case in a fresh browser.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        A row for each of CASES, and the versions of what was measured.
    """
    rows, versions = [], {}
    with serving(site) as url, sync_playwright() as playwright:
        for backend, workers in CASES:
            browser = playwright.chromium.launch(**chromium.options())  # type: ignore[arg-type]
            # The bench creates its own worker, which the site's policy forbids.
            page = browser.new_page(bypass_csp=True)
            # Any file of the site will do; the page itself would start its own engine.
            page.goto(url + "licences.txt")
            given = {
                "keepMemory": KEEP_MEMORY,
                "backend": backend,
                "workers": workers,
            }
            given["runs"] = 1 if backend == _ONCE else runs
            answer = page.evaluate(_MEASURE, given)
            assert answer["backend"] == backend
            rows.append(
                row(
                    SEGMENT,
                    "chromium",
                    "py-demixer",
                    backend,
                    answer["seconds"],
                    answer["heap"],
                    workers=workers,
                    gflop=workers * SEGMENT_GFLOP,
                )
            )
            versions |= {f"pyodide {name}": used for name, used in answer["versions"].items()}
            versions["chromium"] = browser.version
            browser.close()
    return rows, versions


def measure_start(site: Path, runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time from opening the page, everything cached by an earlier visit, until it is ready.

    And until the first part of a song's stems can be heard that was chosen as soon as the page was
    there; that also on the first visit, with all files from this machine.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Three rows, and no versions.
    """
    ready, heard = _visits(site, runs + 1)
    kinds = {
        "page/ready": ready[1:],
        "page/first stem": heard[1:],
        "page/first stem, first visit": heard[:1],
    }
    return [row(what, "chromium", "py-demixer", None, took, 0) for what, took in kinds.items()], {}


def measure_card_start(site: Path) -> tuple[list[Row], dict[str, str]]:
    """The same by a graphics card, usually one that the processor emulates, on a second visit.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Two rows, and no versions.
    """
    ready, heard = _visits(site, 2, "?backend=webgpu", graphics=True)
    kinds = {"page/ready, by a card": ready[1:], "page/first stem, by a card": heard[1:]}
    where = ("chromium-webgpu", "py-demixer", "webgpu")
    return [row(what, *where, took, 0) for what, took in kinds.items()], {}


def _visits(
    site: Path, count: int, query: str = "", *, graphics: bool = False
) -> tuple[list[float], list[float]]:
    """Visit the page, each time with a fresh browser that has what the last one has stored.

    Returns
    -------
    tuple[list[float], list[float]]
        Seconds of each visit until the page is ready, and until the first stems can be heard.
    """
    ready, heard = [], []
    with (
        serving(site) as url,
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as profile,
    ):
        for visit in range(count):
            context = playwright.chromium.launch_persistent_context(
                profile,
                **chromium.options(graphics=graphics),  # type: ignore[arg-type]
            )
            page = context.new_page()
            begun = time.perf_counter()
            page.goto(url + query)
            if visit == 0:
                page.click(OFFERED)
            page.set_input_files("#file", site / "demo" / "song.flac")
            # Asked in every frame: wait_for_selector() soon asks only twice a second.
            page.wait_for_function(_IS_THERE, arg=STARTED, timeout=_PATIENCE_MS)
            ready.append(time.perf_counter() - begun)
            page.wait_for_function(_IS_FINAL, timeout=_PATIENCE_MS)
            heard.append(time.perf_counter() - begun)
            page.wait_for_selector(_KEPT, timeout=_PATIENCE_MS)
            page.goto("about:blank")
            clear_songs(context, url)
            context.close()
    return ready, heard
