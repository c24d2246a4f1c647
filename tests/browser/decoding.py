"""Run `engine/decode.js` without the engine's Python: files in, 44.1 kHz stereo out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from py_demixer import downmix_matrix

if TYPE_CHECKING:
    from playwright.sync_api import Page

_DECODE = """async ({ engine, content, matrices, wholeMinutes, acceptsPart }) => {
  const { decode } = await import(engine + "decode.js");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const blocks = [];
  const sink = {
    downmix: async (channels) => matrices[channels],
    longestMinutes: 20,
    wholeMinutes,
    acceptsPart,
    expect: async () => {},
    take: async (block) => blocks.push(block),
  };
  const file = new File([bytes], "song");
  const facts = await decode(file, sink, new AbortController().signal).catch((error) => {
    if (error.code === "stoppedDecoding") error.message += ` ${error.values.seconds}`;
    if (error.code === "codec") error.message += ` ${error.values.name}`;
    throw error;
  });
  const song = new Uint8Array(await new Blob(blocks).arrayBuffer());
  let all = "";
  for (let i = 0; i < song.length; i += 4096) {
    all += String.fromCharCode(...song.subarray(i, i + 4096));
  }
  return { song: btoa(all), facts };
}"""
_MATRICES = {str(channels): downmix_matrix(channels).tolist() for channels in range(1, 9)}


class Decode:
    """Decodes files on a page; `facts` are those of the last file."""

    def __init__(self, page: Page, url: str, whole_minutes: float = 20) -> None:
        # A page of the site without the engine, which decoding does not need.
        page.goto(url + "licences.txt")
        self._page = page
        self._options = {
            "engine": url + "engine/",
            "matrices": _MATRICES,
            "wholeMinutes": whole_minutes,
        }
        self.facts: dict[str, object] = {}

    def __call__(self, content: bytes, *, accepts_part: bool = False) -> np.ndarray:
        coded = base64.b64encode(content).decode()
        arguments = {**self._options, "content": coded, "acceptsPart": accepts_part}
        found = self._page.evaluate(_DECODE, arguments)
        self.facts = found["facts"]
        return np.frombuffer(base64.b64decode(found["song"]), np.float32).reshape(-1, 2).T
