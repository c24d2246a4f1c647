"""How long the tasks of a page's main thread take.

By the processor's time, as Chromium's tracing tells it: the Long Tasks API has a clock's, in which
a machine that has other things to do holds any task up.
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
"""Milliseconds: what takes longer is felt as a hitch."""


@dataclass
class Tasks:
    """What the main threads of a page's processes did.

    Attributes
    ----------
    milliseconds
        Of each task.
    """

    milliseconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """In milliseconds."""
        return max(self.milliseconds)


@contextmanager
def traced(page: Page) -> Iterator[Tasks]:
    """Watch a page; the tasks are known afterwards."""
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
