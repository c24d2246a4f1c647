"""Long songs through the page: memory does not grow with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.songs import (
    HALF_HOUR_SECONDS,
    HOUR_SECONDS,
    LONG_SECONDS,
    SHORT_SECONDS,
    USUAL_SECONDS,
    Measured,
    make_released_site,
    measure_song,
)

pytestmark = [pytest.mark.browser, pytest.mark.long]

MOST_HEAP, MOST_BESIDE = 500e6, 1e9


def check(site: Path, lengths: tuple[int, int], model: str = "htdemucs") -> None:
    short, long = (measure_song(site, seconds, model) for seconds in lengths)
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
    check(real_site, (SHORT_SECONDS, LONG_SECONDS))


def test_an_hour(tiny_site: Path) -> None:
    check(tiny_site, (SHORT_SECONDS, HOUR_SECONDS))


@pytest.mark.real_weights
def test_half_an_hour_by_open_unmix(tmp_path: Path) -> None:
    """With weights of UMXL's dimensions."""
    check(make_released_site(tmp_path), (USUAL_SECONDS, HALF_HOUR_SECONDS), "umxl")
