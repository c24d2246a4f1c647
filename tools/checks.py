"""`build.py test`: linters, type checkers and tests, and one closing line."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.environment import (
    CACHE,
    ROOT,
    ensure_chromium,
    ensure_graphics,
    ensure_node_modules,
    ensure_pytorch,
    with_chromium,
)
from tools.site import make_site

_LONG = "long"

# Two processes, each of which takes the next file when it is done with one, in the usual order:
# tests of a file share pages and models, and those of tests/bench start a Playwright of their own
# before the others have theirs. One that dies is not replaced: pytest-xdist 3.8 may then hang.
_IN_PARALLEL = (
    "--numprocesses=2",
    "--dist=loadfile",
    "--no-loadscope-reorder",
    "--max-worker-restart=0",
)

# A core for each of the processes: threads that wait for each other would take it away.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def run_all(python: Path, *, long: bool) -> int:
    """Run every check, also after one has failed, and print how many passed and failed.

    Parameters
    ----------
    python
        The environment's Python.
    long
        Also the tests marked `long`.

    Returns
    -------
    int
        The exit code: 0 if nothing failed.
    """
    # All that is kept is made here: the processes that run tests would get into each other's way.
    make_site(python)
    ensure_pytorch()
    ensure_graphics(python)
    variables = with_chromium(ensure_chromium(python))
    tsc = ensure_node_modules() / "typescript" / "bin" / "tsc"
    commands: list[Sequence[str | Path]] = [
        [python, "-m", "ruff", "check"],
        [python, "-m", "ruff", "format", "--check"],
        [python, "-m", "mypy"],
        ["node", tsc, "--project", ROOT / "web" / "tsconfig.json"],
    ]
    passed = sum(_succeeds(command, variables) for command in commands)
    failed = len(commands) - passed
    counts = _pytest(python, variables, long=long)
    print(
        f"{passed + counts['passed']} passed, {failed + counts['failed']} failed, "
        f"{counts['skipped']} skipped"
    )
    return int(failed + counts["failed"] > 0)


def _succeeds(command: Sequence[str | Path], variables: Mapping[str, str]) -> bool:
    print("$", *(Path(word).name for word in command), flush=True)
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=variables).returncode == 0


def _pytest(python: Path, variables: Mapping[str, str], *, long: bool) -> dict[str, int]:
    report = CACHE / "pytest.xml"
    report.unlink(missing_ok=True)
    selection = [] if long else ["-m", f"not {_LONG}"]
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        f"--junit-xml={report}",
        "--durations=10",
        *_IN_PARALLEL,
        *selection,
    ]
    succeeded = _succeeds(command, {**variables, **_ONE_THREAD})
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0}
    suite = ElementTree.parse(report).find("testsuite")
    assert suite is not None
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    passed = int(suite.get("tests", 0)) - failed - skipped
    # Pytest can fail without a failed test: an interrupt, or none collected.
    return {"passed": passed, "failed": failed or int(not succeeded), "skipped": skipped}
