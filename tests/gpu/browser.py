"""A graphics card through the page's own runner, in Chromium, on a software adapter."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, Playwright

from py_demixer.gpu.schedule import packed, schedule
from py_demixer.ops.backend import Network
from py_demixer.program.record import record
from tests import chromium
from tools.environment import ROOT
from web.server import serving

_RUN = """
async ({ schedule, sizes, constants, weights, x }) => {
  const { Card } = await import("./engine/gpu/card.js");
  const { Network, Workspace } = await import("./engine/gpu/network.js");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  globalThis.card ??= await Card.open(true);
  const workspace = new Workspace(card);
  const content = {
    schedule,
    sizes: () => bytes(sizes),
    constants: () => bytes(constants),
    weight: (number) => bytes(weights[number]),
  };
  const network = await Network.make(card, content, workspace);
  const made = new Uint8Array((await network.run(new Float32Array(bytes(x).buffer))).buffer);
  network.close();
  workspace.close();
  let text = "";
  for (let at = 0; at < made.length; at += 32768) {
    text += String.fromCharCode(...made.subarray(at, at + 32768));
  }
  return btoa(text);
}
"""


class BrowserCard:
    """Chromium's card: a :class:`py_demixer.ops.backend.Compiler`."""

    name = "Chromium"

    def __init__(self, page: Page) -> None:
        self._page = page

    def compile(
        self,
        network: Callable[[Any], Any],
        shape: tuple[int, ...],
        tensors: Mapping[str, np.ndarray],
    ) -> Network:
        """See :meth:`py_demixer.ops.backend.Compiler.compile`."""
        plan = schedule(record(network, shape, tensors))
        given = {
            "schedule": json.loads(json.dumps(plan.described())),
            "sizes": _text(plan.sizes),
            "constants": _text(plan.constants),
            "weights": [_text(packed(weight, tensors)) for *_, weight in plan.weights],
        }

        def run(x: np.ndarray) -> np.ndarray:
            answer = self._page.evaluate(_RUN, given | {"x": _text(x.astype(np.float32))})
            return np.frombuffer(base64.b64decode(answer), np.float32).reshape(plan.output_shape)

        return run


@contextmanager
def browser_card(playwright: Playwright, folder: Path) -> Iterator[BrowserCard]:
    """A separate Chromium with the page's files, served from that folder."""
    shutil.copytree(ROOT / "web" / "engine", folder / "engine")
    (folder / "index.html").write_text("<!doctype html><title>A card</title>")
    with serving(folder) as url:
        browser = playwright.chromium.launch(**chromium.options(graphics=True))  # type: ignore[arg-type]
        page = browser.new_page()
        page.goto(url + "index.html")
        yield BrowserCard(page)
        browser.close()


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
