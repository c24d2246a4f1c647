"""Peak memory of processes, as reported by the system."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.1


def peak_bytes(process: int | None = None) -> int:
    """The largest resident set of a process (None: this one) since its program began.

    On Linux, getrusage does not give this: there, a new process starts with its parent's value.
    """
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path(f"/proc/{process or 'self'}/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) * 1024


@dataclass
class Watched:
    """The largest resident set of the processes started within :func:`children`."""

    peak_bytes: int = 0


@contextmanager
def children() -> Iterator[Watched]:
    """Watch the processes that this one starts, until the end of the block (Linux)."""
    watched, ended = Watched(), threading.Event()
    older, own = _children(), _command("self")

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            for process in _children() - older:
                try:
                    if _command(process) == own:
                        continue  # not another program yet: the memory is ours
                    watched.peak_bytes = max(watched.peak_bytes, peak_bytes(process))
                except (OSError, KeyError):  # it has ended
                    continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()


def _children() -> set[int]:
    lists = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return {int(word) for line in lists for word in line.split()}


def _command(process: int | str) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
