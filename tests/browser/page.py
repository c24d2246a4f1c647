"""The page as a person uses it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

RATE = 44100
SOURCES = ("drums", "bass", "other", "vocals")

# Pyodide starts in a few seconds on an idle machine; these are for one that has a lot to do.
START_MS = 240_000
SONG_MS = 240_000
CLEAR_SONGS = """async () => {
  const root = await navigator.storage.getDirectory();
  for (let tries = 0; tries < 50; tries++) {
    try {
      return await root.removeEntry("songs", { recursive: true });
    } catch (error) {
      if (error.name === "NotFoundError") return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}"""
"""Deletes what is stored of songs, once workers that are being ended have let go of it."""

_ENGINE = """
window.engine = {
  workers: [],
  held: [],
  waiting: [],
  give(task, post) {
    if (this.held.includes(task)) this.waiting.push([task, post]);
    else post();
  },
  hold(tasks) {
    this.held = tasks;
    for (const [task, post] of this.waiting.splice(0)) this.give(task, post);
  },
};
window.Worker = class extends Worker {
  constructor(url, options) {
    super(url, options);
    if (String(url).endsWith("engine/worker.js")) engine.workers.push(this);
  }
  postMessage(message, transfer) {
    const task = message?.method === "run" ? message.argument.index : null;
    engine.give(task, () => super.postMessage(message, transfer));
  }
};
"""
"""The engine's workers, for tests to end; and what they are given to compute may be held back."""


def wav(audio: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    """A WAV file of ``(channels, samples)``."""
    return encode(audio, rate, "WAV", subtype)


def encode(audio: np.ndarray, rate: int, container: str, subtype: str) -> bytes:
    """A file of ``(channels, samples)`` in a format that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate, format=container, subtype=subtype)
    return file.getvalue()


class DemixerPage:
    """The page in a browser tab."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        self.page.add_init_script(_ENGINE)
        self.page.goto(url)

    def element(self, name: str) -> Locator:
        """The element with an id."""
        return self.page.locator(f"#{name}")

    def wait_started(self) -> DemixerPage:
        """Wait until the engine runs."""
        self._wait("#versions:not(:empty)", START_MS)
        return self

    def hold(self, *tasks: int) -> None:
        """Let these tasks of the plan wait in their workers' hands, and none that waited before.

        However fast the engine is, a song is then not done before a test has looked at it. By
        Demucs' plans every other task is a segment; what follows it makes stems of it.
        """
        self.page.evaluate("tasks => engine.hold(tasks)", tasks)

    def wait_problem(self, timeout: float = SONG_MS) -> str:
        """Wait for an error and return its sentences."""
        self.page.wait_for_selector("#problem:not([hidden])", timeout=timeout)
        return self.element("problem-text").inner_text()

    def choose(self, name: str, content: bytes) -> None:
        """Choose a file in the file picker."""
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.element("file").set_input_files(file)  # type: ignore[arg-type]

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Drop files on the drop zone."""
        listed = [[name, base64.b64encode(content).decode()] for name, content in files]
        transfer = self.page.evaluate_handle(
            """(files) => {
              const transfer = new DataTransfer();
              for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
              }
              return transfer;
            }""",
            listed,
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("#drop", event, {"dataTransfer": transfer})

    def wait_result(self, track: str, timeout: float = SONG_MS) -> None:
        """Wait until the song of that name is separated."""
        self._wait("#job[hidden]", timeout, state="attached")
        self._wait("#result:not([hidden])", timeout)
        assert self.element("result-name").inner_text() == track

    def separate(
        self, name: str, content: bytes, sources: Sequence[str] = SOURCES
    ) -> dict[str, np.ndarray]:
        """Separate a song and download its stems as 32-bit float: ``(2, samples)`` each."""
        self.choose(name, content)
        self.wait_result(name.rpartition(".")[0])
        return {source: self.download(source, "32f")[1] for source in sources}

    def download(self, source: str, kind: str) -> tuple[str, np.ndarray]:
        """Download a stem (kind "16" or "32f"): the file's name and ``(2, samples)``."""
        with self.page.expect_download() as download:
            self.page.click(f'[data-stem="{source}"] [data-format="{kind}"]')
        path = Path(download.value.path())
        info = soundfile.info(path)
        expected = {"16": "PCM_16", "32f": "FLOAT"}[kind]
        assert (info.subtype, info.samplerate, info.channels) == (expected, RATE, 2)
        dtype = {"16": "int16", "32f": "float32"}[kind]
        return download.value.suggested_filename, soundfile.read(path, dtype=dtype)[0].T

    def _wait(self, selector: str, timeout: float, state: str = "visible") -> None:
        """Wait for `selector`, but not past an error that the page shows."""
        either = f"{selector}, #problem:not([hidden])"
        self.page.wait_for_selector(either, timeout=timeout, state=state)  # type: ignore[arg-type]
        problem = self.element("problem")
        assert problem.is_hidden(), f"{problem.inner_text()}\n" + "\n".join(self.console)
