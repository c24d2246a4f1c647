"""The page with only the studio and the transport, over stems that the test makes.

It is the site's own page with its style sheets and content security policy; only `ui/main.js` is
replaced by a script that starts no engine and exposes its objects to the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.page import SOURCES, DemixerPage
from tests.browser.rendering import HELPERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import BrowserContext

MAIN = """
import { Player } from "../engine/player.js";
import { wireShell } from "./shell.js";
import { Studio } from "./studio/studio.js";
import { Keys } from "./transport/keys.js";
import { Transport } from "./transport/transport.js";
import { trustOwnScripts } from "./trusted.js";
import { startSpeaking } from "./words.js";

(HELPERS)(new URL("../", import.meta.url).href);

/** What a stem sounds like where the test does not say: a tone that comes and goes. */
const usual = (source, frame) => {
  const number = source.length;
  const envelope = 0.5 + 0.5 * Math.cos(frame / RATE / number);
  return 0.6 * envelope * Math.sin((2 * Math.PI * 55 * number * frame) / RATE);
};

class ShownStems extends FakeStems {
  work = [];
  working() {
    return this.work;
  }
  setWork(work) {
    this.work = work;
    this.dispatchEvent(new Event("working"));
  }
  /** Of a few samples of each column: what is drawn is not what is tested of peaks. */
  async peaks(source, start, length, columns) {
    this.asked = Math.max(this.asked ?? 0, columns);
    const peaks = new Float32Array(2 * columns).fill(NaN);
    const sources = source === "mixture" ? this.sources : [source];
    for (let column = 0; column < columns; column++) {
      const from = start + Math.floor((column * length) / columns);
      const to = start + Math.floor(((column + 1) * length) / columns);
      if (source !== "mixture" && !this.isFinal(from, to - from)) continue;
      let most = 0;
      for (let i = 0; i < 4; i++) {
        const frame = from + Math.floor((i * (to - from)) / 4);
        const sum = sources.reduce((sum, one) => sum + this.at(one, frame, 0), 0);
        most = Math.max(most, Math.abs(sum));
      }
      peaks.set([-most, most], 2 * column);
    }
    return peaks;
  }
}

trustOwnScripts();
startSpeaking();
wireShell();
const saved = [];
const studio = new Studio({
  pause: () => {},
  cancel: () => {},
  save: (song, source) => saved.push(source),
  offerToDrag: () => {},
  describe: () => "Demucs v4",
});
const transport = new Transport();
new Keys(studio, transport);

const show = (sources, seconds, song, at = usual) => {
  const stems = new ShownStems(sources, Math.round(seconds * RATE), at);
  const context = new AudioContext({ latencyHint: "playback", sampleRate: RATE });
  const player = new Player(stems, context);
  document.getElementById("start").hidden = true;
  Object.assign(window, { stems, player });
  studio.show({ song, stems, player });
  transport.show({ stems, player });
};
Object.assign(window, { show, studio, transport, saved });
""".replace("HELPERS", HELPERS)

FINISHED = {"name": "Evening Walk", "artist": "", "state": "finished", "isAtWork": False}
WORKING = FINISHED | {"state": "working", "isAtWork": True, "share": 0.62, "secondsLeft": 48}


class StudioPage(DemixerPage):
    """A song on the page, with no engine behind it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        context.route(
            "**/ui/main.js",
            lambda route: route.fulfill(body=MAIN, content_type="text/javascript"),
        )
        super().__init__(context, url)
        self.page.wait_for_function("() => 'studio' in window")

    def show(
        self,
        sources: Sequence[str] = SOURCES,
        seconds: float = 240,
        song: dict[str, Any] | None = None,
        at: str = "undefined",
    ) -> StudioPage:
        """Show a song without any final samples; `at` is JavaScript that gives its samples."""
        song = {"share": 1, "secondsLeft": None, "toldAt": 0} | (song or FINISHED)
        self.page.evaluate(
            f"([sources, seconds, song]) => show(sources, seconds, song, {at})",
            [list(sources), seconds, song],
        )
        return self

    def finish(self, start: float = 0, stop: float = 1) -> StudioPage:
        """Make a part of the song final; `start` and `stop` are between 0 and 1."""
        self.page.evaluate(
            "(range) => stems.finish(...range.map((share) => Math.round(share * stems.length)))",
            [start, stop],
        )
        return self

    def frames(self) -> None:
        """Wait until changes have been drawn."""
        self.page.evaluate(
            """async () => {
              for (let i = 0; i < 4; i++) {
                await new Promise((resolve) => requestAnimationFrame(resolve));
                await new Promise((resolve) => setTimeout(resolve, 20));
              }
            }"""
        )
