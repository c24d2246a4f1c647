"""What the mixer, loops and tempo do to the sound, measured on what an OfflineAudioContext renders."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.page import RATE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def heard(page: Page, script: str) -> np.ndarray:
    """What a script that returns `render(...)`'s result has rendered: ``(2, samples)``."""
    planes = page.evaluate(
        f"""async () => {{
          const {{ heard }} = await ({script})();
          return heard.map((plane) => {{
            const bytes = new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength);
            let text = "";
            for (let at = 0; at < bytes.length; at += 32768) {{
              text += String.fromCharCode(...bytes.subarray(at, at + 32768));
            }}
            return btoa(text);
          }});
        }}"""
    )
    return np.stack([np.frombuffer(base64.b64decode(plane), np.float32) for plane in planes])


def frequency(tone: np.ndarray) -> float:
    """Of a tone, from its upward zero crossings, each placed between two samples."""
    before = np.flatnonzero((tone[:-1] < 0) & (tone[1:] >= 0))
    places = before - tone[before] / (tone[before + 1] - tone[before])
    return float(RATE * (len(places) - 1) / (places[-1] - places[0]))


@pytest.mark.parametrize(
    ("speed", "semitones"),
    [(0.5, 0), (0.8, 0), (1.25, 0), (1.5, 0), (1, 12), (1, -12), (1, 2), (0.8, -3), (1.5, -12)],
)
def test_speed_and_transposition_are_exact_on_sines(
    bare: Page, speed: float, semitones: int
) -> None:
    for tone in (82.4, 440, 3000):
        audio = heard(
            bare,
            f"""async () => {{
              const at = (_, frame) => 0.5 * Math.sin((2 * Math.PI * {tone} * frame) / RATE);
              const stems = new FakeStems(["drums"], 4 * RATE, at).finish(0, 4 * RATE);
              return render(stems, 10, {{ 0: async (player) => {{
                await player.setTempo({{ speed: {speed}, semitones: {semitones} }});
                player.play();
              }} }});
            }}""",
        )[0]
        sounding = np.flatnonzero(np.abs(audio) > 0.01)
        length = (sounding[-1] + 1 - sounding[0]) / RATE
        middle = audio[sounding[0] + RATE // 2 : sounding[-1] - RATE // 2]
        print(speed, semitones, tone, length, sounding[0], frequency(middle), np.abs(middle).max())
        assert length == pytest.approx(4 / speed, rel=0.01)
        assert frequency(middle) == pytest.approx(tone * 2 ** (semitones / 12), rel=0.001)
