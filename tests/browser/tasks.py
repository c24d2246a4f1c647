"""Measure how long the tasks of a page's main thread take.

CPU time is measured, from Chromium's tracing. The Long Tasks API measures wall-clock time, in which
other load on the machine makes any task look long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page


LONGEST_TASK = 100
"""Milliseconds of CPU time; longer tasks are noticeable as a hitch."""


@dataclass
class Tasks:
    """Tasks of the main threads of a page's processes.

    Attributes
    ----------
    milliseconds
        CPU time of each task.
    """

    milliseconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """CPU time of the longest task, in milliseconds."""
        return max(self.milliseconds)


@contextmanager
def traced(page: Page) -> Iterator[Tasks]:
    """Trace a page; the tasks are filled in when the context ends."""
    session = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    ended: list[object] = []
    session.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    session.on("Tracing.tracingComplete", lambda told: ended.append(told))
    config = {"includedCategories": ["toplevel"], "excludedCategories": ["*"]}
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    tasks = Tasks()
    yield tasks
    session.send("Tracing.end")
    until(lambda: ended, "The trace", page=page)
    session.detach()
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks.milliseconds = [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and "tdur" in event
        and (event["pid"], event["tid"]) in threads
    ]
