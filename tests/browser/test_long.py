"""Long songs through the page: memory does not grow with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.songs import HOUR_SECONDS, LONG_SECONDS, SHORT_SECONDS, Measured, measure_song

pytestmark = [pytest.mark.browser, pytest.mark.long]

MOST_HEAP, MOST_BESIDE = 500e6, 1e9


def check(site: Path, seconds: int) -> None:
    short, long = measure_song(site, SHORT_SECONDS), measure_song(site, seconds)
    print(*(in_megabytes(found) for found in (short, long)), sep="\n")
    assert long.heap_bytes <= min(1.05 * short.heap_bytes, MOST_HEAP)
    assert long.page_bytes <= MOST_BESIDE


def in_megabytes(found: Measured) -> str:
    return (
        f"{found.seconds:.0f} s, heap {found.heap_bytes / 1e6:.0f} MB, "
        f"page {found.page_bytes / 1e6:.0f} MB"
    )


@pytest.mark.real_weights
def test_seven_minutes(real_site: Path) -> None:
    """As long as the longest song of MUSDB18's test set, with the released model."""
    check(real_site, LONG_SECONDS)


def test_an_hour(tiny_site: Path) -> None:
    check(tiny_site, HOUR_SECONDS)
