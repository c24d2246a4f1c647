"""`build.py test`: linters, type checkers and tests, and a summary in the last line."""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.environment import (
    CACHE,
    ROOT,
    CannotGoOn,
    ensure_chromium,
    ensure_display,
    ensure_firefox,
    ensure_graphics,
    ensure_node_modules,
    ensure_pytorch,
    ensure_sound,
    ensure_webkit,
    note,
    with_chromium,
)
from tools.site import make_site

_LONG = "long"
_FAST = ("tests/unit",)
"""Tests that take seconds: behaviour without a browser, and PyTorch's numbers."""

TIMES = CACHE / "times.md"
"""The report written by tests/phases.py."""

_TEST_BYTES = 4 << 30
"""Maximum memory of a test process, including the browsers that it starts."""

# Tests are distributed by file, because the tests of a file share pages and models: each process
# takes the next file, in the order of tests/conftest.py, when it has finished one. A process that
# dies is not replaced, because pytest-xdist 3.8 may then hang.
_IN_PARALLEL = ("--dist=loadfile", "--no-loadscope-reorder", "--max-worker-restart=0")

# Each process has one core; more threads would only compete for it.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Counts:
    """Numbers of checks or tests by result."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run_all(
    python: Path, *, long: bool = False, fast: bool = False, paths: Sequence[str] = ()
) -> int:
    """Run every check, even if some fail, and print how many passed and failed.

    Parameters
    ----------
    python
        The environment's Python.
    long
        Also run the tests marked `long`.
    fast
        Run only those tests that need neither a browser nor the released weights.
    paths
        Files, folders or single tests, as pytest takes them: run only these, and no linters.

    Returns
    -------
    int
        The exit code: 0 if nothing failed.
    """
    begin = time.monotonic()
    tsc = ensure_node_modules() / "typescript" / "bin" / "tsc"
    variables = dict(os.environ) if fast else _set_up(python)
    ready = time.monotonic()
    counts = Counts()
    if not paths:
        counts += _check([
            [python, "-m", "ruff", "check"],
            [python, "-m", "ruff", "format", "--check"],
            [python, "-m", "mypy"],
            ["node", tsc, "--project", ROOT / "web" / "tsconfig.json"],
        ])  # fmt: skip
    counts += _pytest(python, variables, long=long, paths=paths or (_FAST if fast else ()))
    done = time.monotonic()
    print(f"Where the time of the tests went: {TIMES.relative_to(ROOT)}")
    print(f"Set-up took {_clock(ready - begin)}, checks and tests {_clock(done - ready)}.")
    print(counts)
    return int(counts.failed > 0)


def _set_up(python: Path) -> dict[str, str]:
    """Set up everything that is cached, because parallel test processes would conflict doing so.

    Returns
    -------
    dict[str, str]
        The environment variables for tests.
    """
    make_site(python)
    ensure_pytorch()
    ensure_graphics(python)
    for ensure in (ensure_firefox, ensure_webkit, ensure_display, ensure_sound):
        try:
            ensure()
        except CannotGoOn as error:  # the tests that need it fail with the same message
            note(str(error))
    return with_chromium(ensure_chromium(python))


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _check(commands: Sequence[Sequence[str | Path]]) -> Counts:
    """Run linters and type checkers, two at a time, and print the output of each when it ends."""
    with ThreadPoolExecutor(2) as together:
        passed = sum(together.map(_passes, commands))
    return Counts(passed=passed, failed=len(commands) - passed)


def _passes(command: Sequence[str | Path]) -> bool:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(_shown(command), done.stdout, sep="\n", end="", flush=True)
    return done.returncode == 0


def _shown(command: Sequence[str | Path]) -> str:
    return " ".join(["$", *(Path(word).name for word in command)])


def _processes() -> int:
    """The number of test processes: one per core, or fewer if memory for browsers is short."""
    cores = os.cpu_count() or 1
    if not hasattr(os, "sysconf"):
        return cores
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // _TEST_BYTES))


def _pytest(
    python: Path, variables: Mapping[str, str], *, long: bool, paths: Sequence[str]
) -> Counts:
    report = CACHE / "pytest.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    selection = [] if long else ["-m", f"not {_LONG}"]
    command: list[str | Path] = [
        python,
        *("-m", "pytest", "-p", "tests.phases"),
        "--quiet",
        "--instafail",
        "--durations=20",
        f"--junit-xml={report}",
        f"--numprocesses={_processes()}",
        *_IN_PARALLEL,
        *selection,
        *paths,
    ]
    print(_shown(command), flush=True)
    succeeded = _run(command, {**variables, **_ONE_THREAD})
    if not report.exists():
        return Counts(failed=1)
    suite = ElementTree.parse(report).find("testsuite")
    assert suite is not None
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    passed = int(suite.get("tests", 0)) - failed - skipped
    # Pytest can fail without a failed test: after an interrupt, or if no test was collected.
    return Counts(passed, failed or int(not succeeded), skipped)


def _run(command: Sequence[str | Path], variables: Mapping[str, str]) -> bool:
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=variables).returncode == 0
