"""Memory of a page's renderer and its workers, measured from outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEEP_MEMORY = """
for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const result = await original(...given);
    self.wasmMemory ??= (result.instance ?? result).exports.memory;
    return result;
  };
}
"""
"""Run in a worker before Pyodide starts: keeps its memory, the first one that is exported."""


def watched_copy(site: Path, folder: Path) -> Path:
    """A copy of the site in `folder` whose workers expose their memory to :func:`heaps`."""
    copy = Path(shutil.copytree(site, folder))
    worker = copy / "engine" / "worker.js"
    text = worker.read_text(encoding="utf-8")
    worker.write_text(KEEP_MEMORY + text, encoding="utf-8")
    return copy


def heaps(page: Page) -> list[int]:
    """Bytes of WASM memory of each engine worker, for a page of a watched site."""
    workers = (worker for worker in page.workers if worker.url.endswith("engine/worker.js"))
    return [worker.evaluate("self.wasmMemory?.buffer.byteLength ?? 0") for worker in workers]


def resident_bytes() -> int:
    """Resident memory of the page's renderer, including its workers (Linux).

    It is the largest renderer of this process's browsers, which have others for tabs that show
    nothing.
    """
    largest = max((_resident_pages(process) for process in processes()), default=0)
    return largest * os.sysconf("SC_PAGE_SIZE")


def _resident_pages(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:  # it has ended
        return 0


def processes() -> list[int]:
    """The renderers of this process's browsers (Linux)."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_renderer(path)]


def _is_renderer(process: Path) -> bool:
    try:
        is_any = b"--type=renderer" in (process / "cmdline").read_bytes()
        return is_any and os.getpid() in _ancestors(int(process.name))
    except OSError:  # it has ended
        return False


def _ancestors(process: int) -> Iterator[int]:
    while process > 1:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        process = int(stat.rpartition(")")[2].split()[1])
        yield process
