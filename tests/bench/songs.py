"""Whole songs through the page: how it scales with workers, and its memory."""

from __future__ import annotations

import base64
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from tests import chromium, renderer, synthetic, tiny, unmix
from tests.bench.rows import Row, row
from tests.browser.page import OFFERED, STARTED
from tools import environment, pyodide
from tools.environment import CACHE
from tools.kernels import build_kernels
from tools.site import build_kernel_wheel, ensure_weights
from tools.snapshot import ensure_snapshot
from web.assemble import assemble
from web.server import serving

SHORT_SECONDS, USUAL_SECONDS, LONG_SECONDS = 20, 240, 420
"""The long one is as long as the longest song in MUSDB18's test set."""
HALF_HOUR_SECONDS, HOUR_SECONDS = 1800, 3600

_LONG_SONGS = (
    ("htdemucs", SHORT_SECONDS),
    ("htdemucs", USUAL_SECONDS),
    ("htdemucs", LONG_SECONDS),
    ("umxl", USUAL_SECONDS),
    ("umxl", HALF_HOUR_SECONDS),
    ("umxhq", USUAL_SECONDS),
    ("tiny", SHORT_SECONDS),
    ("tiny", HOUR_SECONDS),
)

SCALED_SECONDS = 46  # eight segments: an equal number for each of 1, 2, 4 and 8 workers
_ROUNDS = 2
_LOOPS = 300_000_000
_REGISTERS = "multiply-add/registers"
_START_MS = 240_000

_RUN_LOOPS = """
async ({ code, workers, loops }) => {
  const script = `
    addEventListener("message", async ({ data: { code, loops } }) => {
      const bytes = Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0));
      const env = {
        memory: new WebAssembly.Memory({ initial: 1 }),
        __indirect_function_table: new WebAssembly.Table({ initial: 1, element: "anyfunc" }),
        __memory_base: new WebAssembly.Global({ value: "i32" }, 0),
        __table_base: new WebAssembly.Global({ value: "i32" }, 0),
        __stack_pointer: new WebAssembly.Global({ value: "i32", mutable: true }, 65536),
      };
      const { instance } = await WebAssembly.instantiate(bytes, { env });
      // Until V8 has compiled it with all its optimisations, which it does beside the first calls.
      for (let call = 0; call < 50; call++) instance.exports.multiply_add(loops / 1000);
      await new Promise((resolve) => setTimeout(resolve, 500));
      postMessage("ready");
      addEventListener("message", () => {
        instance.exports.multiply_add(loops);
        postMessage("done");
      }, { once: true });
    }, { once: true });
  `;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const all = Array.from({ length: workers }, () => new Worker(url));
  const answers = (message) => Promise.all(all.map((worker) => new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(message);
  })));
  await answers({ code, loops });
  const begun = performance.now();
  await answers("go");
  const seconds = (performance.now() - begun) / 1000;
  for (const worker of all) worker.terminate();
  return seconds;
}
"""


@dataclass(frozen=True)
class Measured:
    """One song: seconds, the largest WASM heap of a worker, and the page's memory besides heaps."""

    seconds: float
    heap_bytes: int
    page_bytes: int


def write_song(path: Path, seconds: int, first: int = 0) -> Path:
    """Write a song of any length as a 16-bit WAV file: a repeated minute of the synthetic song.

    It starts with second `first` of that minute.
    """
    minute = synthetic.song(60).T
    minute = np.roll(minute, -first * synthetic.RATE, axis=0)
    with soundfile.SoundFile(path, "w", synthetic.RATE, 2, "PCM_16") as file:
        for start in range(0, seconds, 60):
            file.write(minute[: min(60, seconds - start) * synthetic.RATE])
    return path


@contextmanager
def opened(site: Path, workers: int) -> Iterator[Page]:
    """The started page of a site, in a browser with nothing stored."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(renderer.watched_copy(site, Path(folder) / "site")) as url,
        sync_playwright() as playwright,
    ):
        context = playwright.chromium.launch_persistent_context(
            Path(folder) / "profile",
            **chromium.options(),  # type: ignore[arg-type]
            # The bench creates its own worker in a page, which the site's policy forbids.
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto(url)
        page.click(OFFERED)
        page.wait_for_selector(STARTED, timeout=_START_MS, state="attached")
        choose_workers(page, workers)
        yield page
        context.close()


def choose_workers(page: Page, count: int) -> None:
    """Choose the number of workers as a user does."""
    page.evaluate("document.querySelector('#settings').showModal()")
    page.select_option("#workers", str(count))
    page.evaluate("document.querySelector('#settings').close()")


def separate(page: Page, song: Path) -> Measured:
    """Separate a song on the page, sampling the memory twice a second."""
    begun = time.perf_counter()
    page.set_input_files("#file", song)
    heap = beside = 0
    while page.locator("#library li").count() == 0 and page.is_hidden("#problem"):
        found = renderer.heaps(page)
        heap = max(heap, *found, 0)
        beside = max(beside, renderer.resident_bytes() - sum(found))
        page.wait_for_timeout(500)
    seconds = time.perf_counter() - begun
    assert page.is_hidden("#problem"), page.inner_text("#problem")
    return Measured(seconds, heap, beside)


def make_tiny_site(folder: Path) -> Path:
    """Build the site with the tiny model in place of the released one."""
    return _make_site(folder / "tiny", {"htdemucs": tiny.write(folder / "tiny.safetensors")})


def make_released_site(folder: Path) -> Path:
    """Build the site with all models, Open-Unmix with seeded weights of the released dimensions."""
    models = {
        name: unmix.write_released(folder / f"{name}.safetensors", name) for name in unmix.WIDTHS
    }
    models["htdemucs"] = ensure_weights(Path(sys.executable), "htdemucs")
    return _make_site(folder / "released", models)


def _make_site(site: Path, models: Mapping[str, Path]) -> Path:
    node_modules, python = environment.ensure_node_modules(), Path(sys.executable)
    pyodide_dir = pyodide.ensure_pyodide(python, node_modules)
    wheel = build_kernel_wheel(python)
    assemble(
        site,
        wheel=wheel,
        pyodide_dir=pyodide_dir,
        snapshot=ensure_snapshot(pyodide_dir, wheel),
        node_modules=node_modules,
        models=models,
    )
    return site


def measure_scaling(site: Path) -> tuple[list[Row], dict[str, str]]:
    """Measure the speed-up by several workers, for a song and for a loop that stays in registers.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows ``song/46s`` and ``multiply-add/registers``, for one worker and for one per core; the
        latter have a ``speed_up``. No versions.
    """
    most = os.cpu_count() or 1
    module, *_ = build_kernels(Path(sys.executable), CACHE / "kernels")
    code = base64.b64encode(module.read_bytes()).decode()
    loops: dict[int, list[float]] = {1: [], most: []}
    songs: dict[int, list[float]] = {1: [], most: []}
    with tempfile.TemporaryDirectory() as folder, opened(site, most) as page:
        other = page.context.new_page()
        other.goto(page.url + "licences.txt")
        # Going to fewer workers stops some, going to more starts some: the larger number comes
        # first.
        order = [most, *[most] * _ROUNDS, *[1] * _ROUNDS]
        for number, workers in enumerate(order):
            choose_workers(page, workers)
            # A different song each time: all of the same song would be in the store already.
            song = write_song(Path(folder) / f"{number}.wav", SCALED_SECONDS, first=number)
            loops[workers].append(
                other.evaluate(_RUN_LOOPS, {"code": code, "workers": workers, "loops": _LOOPS})
            )
            seconds = separate(page, song).seconds
            if number > 0:  # the first time includes starting all workers
                songs[workers].append(seconds)
    return [*_scaled(f"song/{SCALED_SECONDS}s", songs), *_scaled(_REGISTERS, loops)], {}


def measure_long() -> tuple[list[Row], dict[str, str]]:
    """Measure long songs with one worker per core, by the released models and the tiny one.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows with seconds; ``peak_bytes`` is the largest WASM heap of a worker, ``page_bytes`` the
        page's memory besides heaps. No versions.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        released, tiny_site = make_released_site(Path(folder)), make_tiny_site(Path(folder))
        for model, seconds in _LONG_SONGS:
            if model == "tiny":
                found = measure_song(tiny_site, seconds)
            else:
                found = measure_song(released, seconds, model)
            what, workers = f"{model}/song of {seconds} s", os.cpu_count() or 1
            entry = _row(what, workers, [found.seconds], found.heap_bytes)
            rows.append(entry | {"page_bytes": found.page_bytes})
    return rows, {}


def measure_song(site: Path, seconds: int, model: str = "htdemucs") -> Measured:
    """Separate a song of this many seconds in a fresh browser."""
    with tempfile.TemporaryDirectory() as folder, opened(site, os.cpu_count() or 1) as page:
        choose_model(page, model)
        return separate(page, write_song(Path(folder) / "song.wav", seconds))


def choose_model(page: Page, name: str) -> None:
    """Choose a model as a user does, and wait until it is ready."""
    card = f'#settings input[name="model"][value="{name}"]'
    if page.is_checked(card):
        return
    page.evaluate("document.querySelector('#settings').showModal()")
    page.check(card)
    page.evaluate("document.querySelector('#settings').close()")
    page.click(OFFERED)
    page.wait_for_selector(STARTED, timeout=_START_MS, state="attached")


def _scaled(what: str, found: dict[int, list[float]]) -> list[Row]:
    """The total work is constant for a song, but proportional to the workers for the loop."""
    one = statistics.median(found[1])
    rows = []
    for workers, seconds in sorted(found.items()):
        times = workers if what == _REGISTERS else 1
        speed_up = times * one / statistics.median(seconds)
        rows.append(_row(what, workers, seconds, 0) | {"speed_up": round(speed_up, 3)})
    return rows


def _row(what: str, workers: int, seconds: list[float], heap: int) -> Row:
    return row(what, "chromium", "py-demixer", "kernels", seconds, heap, workers=workers)


if __name__ == "__main__":
    for result in globals()[f"measure_{sys.argv[1]}"](*map(Path, sys.argv[2:]))[0]:
        print(json.dumps(result))
