"""What a page's renderer and its workers hold, seen from outside."""

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
"""Run in a worker before Pyodide starts: keeps hold of its memory, the first that is exported."""


def watched_copy(site: Path, folder: Path) -> Path:
    """The same site, in `folder`, with workers whose memory can be asked for (:func:`heaps`)."""
    copy = Path(shutil.copytree(site, folder))
    worker = copy / "engine" / "worker.js"
    text = worker.read_text(encoding="utf-8")
    worker.write_text(KEEP_MEMORY + text, encoding="utf-8")
    return copy


def heaps(page: Page) -> list[int]:
    """Bytes of WASM memory of each engine worker of a page of a watched site."""
    workers = (worker for worker in page.workers if worker.url.endswith("engine/worker.js"))
    return [worker.evaluate("self.wasmMemory?.buffer.byteLength ?? 0") for worker in workers]


def resident_bytes() -> int:
    """What the renderers of this process's browsers hold, their workers included (Linux)."""
    pages = sum(map(_renderer_pages, Path("/proc").glob("[0-9]*")))
    return pages * os.sysconf("SC_PAGE_SIZE")


def _renderer_pages(process: Path) -> int:
    try:
        if b"--type=renderer" not in (process / "cmdline").read_bytes():
            return 0
        if os.getpid() not in _ancestors(int(process.name)):
            return 0
        return int((process / "statm").read_text().split()[1])
    except OSError:  # it has ended
        return 0


def _ancestors(process: int) -> Iterator[int]:
    while process > 1:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        process = int(stat.rpartition(")")[2].split()[1])
        yield process
