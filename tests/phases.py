"""A pytest plugin that measures where the suite's time goes: by file, and by activity.

At the end of a run it writes `.cache/times.md`, a table that can go into docs/development.md as it
is.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.checks import TIMES

KINDS = ("site", "Chromium", "page", "engine", "song", "waiting", "rest")

_spent: dict[str, float] = defaultdict(float)
_inner = [0.0]
"""Seconds already counted inside each timed call, innermost last."""


def _timed(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function to record its time, less that of timed calls inside it."""

    @functools.wraps(function)
    def measured(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return function(*arguments, **options)
        begin = time.perf_counter()
        _inner.append(0.0)
        try:
            return function(*arguments, **options)
        finally:
            took = time.perf_counter() - begin
            _spent[kind] += took - _inner.pop()
            _inner[-1] += took

    return measured


def _watch() -> None:
    """Time the functions that every kind of waiting goes through."""
    from playwright.sync_api import BrowserType, Page

    import web.assemble
    from tests.browser.page import DemixerPage
    from tools import site

    for kind, owner, names in (
        ("site", web.assemble, ("assemble",)),
        ("site", site, ("build_wheel", "build_kernel_wheel", "make_site")),
        ("Chromium", BrowserType, ("launch", "launch_persistent_context")),
        ("page", DemixerPage, ("__init__",)),
        ("page", Page, ("goto", "reload")),
        ("engine", DemixerPage, ("wait_started",)),
        ("song", DemixerPage, ("wait_result", "wait_state", "wait_share")),
        ("waiting", Page, ("wait_for_timeout",)),
        ("waiting", time, ("sleep",)),
    ):
        for name in names:
            setattr(owner, name, _timed(kind, getattr(owner, name)))


def pytest_configure() -> None:
    _watch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Attach the times since the last report to the report of the phase."""
    item.user_properties.append(("phases", (call.when, call.duration, dict(_spent))))
    _spent.clear()
    return (yield)


class _Table:
    """Collects the times from the reports, in the process that prints."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":
            return
        row = self.files[report.nodeid.partition("::")[0]]
        for name, value in report.user_properties:
            if name != "phases":
                continue
            _, duration, spent = value  # type: ignore[misc]
            row["all"] += duration
            row["rest"] += duration - sum(spent.values())
            for kind, seconds in spent.items():
                row[kind] += seconds

    def pytest_sessionfinish(self) -> None:
        rows = sorted(self.files.items(), key=lambda entry: -entry[1]["all"])
        total = {kind: sum(row[kind] for row in self.files.values()) for kind in ("all", *KINDS)}
        lines = [
            "| file | s | " + " | ".join(KINDS) + " |",
            "| --- |" + " ---: |" * (len(KINDS) + 1),
        ]
        for name, row in [*rows, ("all", total)]:
            cells = [f"{row[kind]:.0f}" for kind in ("all", *KINDS)]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        TIMES.parent.mkdir(exist_ok=True)
        TIMES.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # xdist's worker processes have no table
        session.config.pluginmanager.register(_Table(), "phase-table")
