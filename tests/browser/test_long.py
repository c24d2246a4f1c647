"""Long songs on the page: memory does not grow with length, and the page stays responsive."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.bench.songs import (
    HALF_HOUR_SECONDS,
    HOUR_SECONDS,
    LONG_SECONDS,
    SHORT_SECONDS,
    USUAL_SECONDS,
    Measured,
    make_released_site,
    measure_song,
    opened,
    write_song,
)
from tests.browser.tasks import LONGEST_TASK, traced

pytestmark = [pytest.mark.browser, pytest.mark.long]

MOST_HEAP, MOST_BESIDE = 500e6, 1e9
STEP = 1.21
"""Growth of a WASM heap in one step, plus a margin.

The tiny model ends so close to a step that an hour's plan may need the next one.
"""


def check(
    site: Path, lengths: tuple[int, int], model: str = "htdemucs", growth: float = 1.05
) -> None:
    short, long = (measure_song(site, seconds, model) for seconds in lengths)
    print(*(in_megabytes(found) for found in (short, long)), sep="\n")
    assert long.heap_bytes <= min(growth * short.heap_bytes, MOST_HEAP)
    assert long.page_bytes <= MOST_BESIDE


def in_megabytes(found: Measured) -> str:
    return (
        f"{found.seconds:.0f} s, heap {found.heap_bytes / 1e6:.0f} MB, "
        f"page {found.page_bytes / 1e6:.0f} MB"
    )


@pytest.mark.real_weights
def test_memory_for_seven_minutes(real_site: Path) -> None:
    """The length of the longest song in MUSDB18's test set, with the released model."""
    check(real_site, (SHORT_SECONDS, LONG_SECONDS))


def test_memory_for_an_hour(tiny_site: Path) -> None:
    check(tiny_site, (SHORT_SECONDS, HOUR_SECONDS), growth=STEP)


@pytest.mark.real_weights
def test_memory_for_half_an_hour_by_open_unmix(tmp_path: Path) -> None:
    """With weights of UMXL's dimensions."""
    check(make_released_site(tmp_path), (USUAL_SECONDS, HALF_HOUR_SECONDS), "umxl")


def test_page_stays_responsive_while_an_hour_is_separated_and_played(
    tiny_site: Path, tmp_path: Path
) -> None:
    song = write_song(tmp_path / "hour.wav", HOUR_SECONDS)
    with opened(tiny_site, 2) as page, traced(page) as tasks:
        page.set_input_files("#file", song)
        page.wait_for_selector("#studio:not([hidden])")
        page.click("#play")
        expect(page.locator("#play")).to_have_attribute("data-state", "playing", timeout=60_000)
        for _ in range(9):
            page.click("#zoom-in")
        page.click("#zoom-fit")
        page.wait_for_timeout(45_000)
        assert page.locator("#queue li[data-state=working]").count() == 1
    print(f"{len(tasks.milliseconds)} tasks, the longest takes {tasks.longest:.0f} ms")
    assert tasks.longest <= LONGEST_TASK
