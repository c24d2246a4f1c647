"""Drive the page as a user does."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from playwright.sync_api import TimeoutError as GivenUp

from tests import synthetic

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Worker

RATE = 44100
SOURCES = ("drums", "bass", "other", "vocals")

# Pyodide starts in a few seconds on an idle machine; these limits are for a busy one.
START_MS = 240_000
STARTED = "#versions:not(:empty)"
"""Selector that matches once the engine runs; what it matches is in the help."""
OFFERED = "#download:visible"
"""Selector of the download button: nothing is fetched before the user asks for it."""
SONG_MS = 240_000
ANSWER_MS = 60_000
"""Timeout for what the page does without its engine."""
CLEAR_SONGS = """async () => {
  const root = await navigator.storage.getDirectory();
  const clear = async (folder) => {
    for (let tries = 0; tries < 500; tries++) {
      try {
        return await root.removeEntry(folder, { recursive: true });
      } catch (error) {
        if (error.name === "NotFoundError") return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };
  await Promise.all(["samples", "songs"].map(clear));
  await new Promise((resolve, reject) => {
    const gone = indexedDB.deleteDatabase("py-demixer");
    Object.assign(gone, { onsuccess: resolve, onerror: reject });
  });
}"""
"""Delete stored songs, once workers that are shutting down have released the files."""

CHANGE_ENTRIES = """async (change) => {
  const result = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await result(indexedDB.open("py-demixer"));
  const entries = database.transaction("songs", "readwrite").objectStore("songs");
  const before = await result(entries.getAll());
  await Promise.all(before.map(change).filter(Boolean).map((entry) => result(entries.put(entry))));
  database.close();
  return before;
}"""
"""Return all songs' entries, and replace each by what the function `change` returns for it."""

_DIGESTS = """async (sources) => {
  const root = await navigator.storage.getDirectory();
  const songs = await root.getDirectoryHandle("samples");
  const found = [];
  for await (const folder of songs.values()) {
    const names = new Set(await Array.fromAsync(folder.keys()));
    if (!names.has(`${sources[0]}.f32`)) continue; // of a song that waits
    const stems = [];
    for (const source of sources) {
      const handle = await folder.getFileHandle(`${source}.f32`);
      const bytes = await (await handle.getFile()).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      stems.push(`${bytes.byteLength} ${digest}`);
    }
    found.push(stems);
  }
  return found;
}"""

_ASKED_OR_GONE = """(track) => {
  const names = [...document.querySelectorAll("li[data-song] .song-name")];
  const isGone = names.every(({ textContent }) => textContent !== track);
  return isGone || document.querySelector("#confirm") !== null;
}"""

FAST_TICKS = """() => {
  const { setInterval } = window;
  window.setInterval = (callback, delay) => setInterval(callback, delay / 10);
}"""
"""Speed up intervals tenfold, so that the watchdog's timeout takes seconds, not minutes."""

_ENGINE = """
// One worker, unless a test asks for more: each is a Python to start.
Object.defineProperty(navigator, "hardwareConcurrency", { value: 1 });
window.engine = {
  workers: [],
  begun: [],
  held: [],
  waiting: [],
  give(task, post) {
    if (this.held.includes(task)) {
      this.waiting.push([task, post]);
      return;
    }
    if (task !== null) this.begun.push(task);
    post();
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
"""Records the engine's workers, so that tests can end them or hold back their tasks."""

_IDLE = """() => {
  const rest = async () => {
    const root = await navigator.storage.getDirectory();
    for (let turn = 0; turn < 20; turn++) {
      await Array.fromAsync(root.keys());
      // In a hidden page it would not come at all without a timeout.
      await new Promise((resolve) => requestIdleCallback(resolve, { timeout: 50 }));
    }
  };
  const late = new Error("The page did not come to rest within a minute.");
  return Promise.race([rest(), new Promise((_, reject) => setTimeout(reject, 60_000, late))]);
}"""


def clear_songs(context: BrowserContext, url: str) -> None:
    """Delete the songs and settings that the site at `url` has stored in a browser."""
    page = context.new_page()
    page.goto(url + "licences.txt")
    page.evaluate(CLEAR_SONGS)
    page.evaluate("localStorage.clear()")
    page.close()


def wav(audio: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    """A WAV file of ``(channels, samples)``."""
    return encode(audio, rate, "WAV", subtype)


def encode(audio: np.ndarray, rate: int, container: str, subtype: str) -> bytes:
    """A file of ``(channels, samples)`` in a format that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate, format=container, subtype=subtype)
    return file.getvalue()


FIVE_SEGMENTS = wav(synthetic.song(3.7))
"""A song of five segments, for the tiny model and for the stub."""


class DemixerPage:
    """The page in a browser tab."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(ANSWER_MS)
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        self.page.add_init_script(_ENGINE)
        # Without a graphics card, drawing animations takes time from the engine.
        self.page.emulate_media(reduced_motion="reduce")
        self.page.goto(url)

    def element(self, name: str) -> Locator:
        """The element with this id."""
        return self.page.locator(f"#{name}")

    def ask(self) -> DemixerPage:
        """Download what songs need before there is a song: at the start, or in the settings."""
        if self.page.is_visible("#start"):
            self.page.click(OFFERED)
            return self
        self.element("settings").evaluate("dialog => dialog.showModal()")
        self.page.click("#settings-download")
        self.element("settings").evaluate("dialog => dialog.close()")
        return self

    def wait_started(self) -> DemixerPage:
        """Wait until the engine runs; ask for the download if it does not start by itself."""
        self._wait(f"{STARTED}, {OFFERED}", START_MS, "attached")
        if self.page.is_visible(OFFERED):
            self.ask()
        self._wait(STARTED, START_MS, "attached")
        return self

    def hold(self, *tasks: int) -> None:
        """Hold back these tasks of the plan, and release any that were held before.

        However fast the engine is, the song is then not finished before the test has looked at it.
        In Demucs' plans every other task is a segment; the task after it makes stems of it.
        """
        self.page.evaluate("tasks => engine.hold(tasks)", tasks)

    def engine_workers(self) -> list[Worker]:
        """The engine's current workers."""
        return [worker for worker in self.page.workers if worker.url.endswith("engine/worker.js")]

    def engines(self) -> int:
        """The current number of engine workers."""
        return len(self.engine_workers())

    def digests(self) -> list[str]:
        """Length and hash of each stem of the only song in the store."""
        (stems,) = self.page.evaluate(_DIGESTS, list(SOURCES))
        assert len(set(stems)) == len(SOURCES)
        return list(stems)

    def go_on(self, deed: str = "goOn") -> None:
        """Resume the only song from its stored part, and wait until it is finished."""
        self.press(deed, "song")
        self.wait_state("song", "finished")

    def begun(self) -> list[int]:
        """The tasks that workers were given since the page was loaded."""
        return list(self.page.evaluate("engine.begun"))

    def wait_idle(self) -> None:
        """Wait until the page has finished everything that it has already triggered.

        Call this before checking that something did not happen. It waits for many turns of the main
        thread and of the file system; the unwanted event would need only one or two.
        """
        self.page.evaluate(_IDLE)

    def wait_problem(self, timeout: float = SONG_MS) -> str:
        """Wait for an error and return its message."""
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

    def choose_setting(self, name: str, value: str) -> None:
        """Choose a value in the settings dialog: an option, or one of several cards."""
        self.element("settings").evaluate("dialog => dialog.open || dialog.showModal()")
        if name in ("model", "quality"):
            self.page.check(f'#settings input[name="{name}"][value="{value}"]')
        elif value in ("yes", "no"):
            self.element(name).set_checked(value == "yes")
        else:
            self.page.select_option(f"#{name}", value)
        self.element("settings").evaluate("dialog => dialog.close()")

    def song(self, track: str) -> Locator:
        """The row of a song in the queue or in the library."""
        name = self.page.get_by_text(track, exact=True)
        return self.page.locator("li[data-song]").filter(has=name)

    def press(self, deed: str, track: str) -> None:
        """Press a button in a song's row."""
        self.song(track).locator(f'[data-do="{deed}"]').click()

    def remove(self, track: str) -> None:
        """Delete a song, and confirm if the page asks."""
        self.press("remove", track)
        self.page.wait_for_function(_ASKED_OR_GONE, arg=track)
        if (sure := self.page.locator('#confirm [value="yes"]')).count():
            sure.click()
        self.song(track).wait_for(state="detached")

    def wait_state(self, track: str, state: str, timeout: float = SONG_MS) -> None:
        """Wait until a song is in a state; see `State` in song.js."""
        selector = f'li[data-state="{state}"] .song-name:text-is("{track}")'
        self._wait_for(selector, timeout, "attached")

    def wait_share(self, share: int, timeout: float = 120_000) -> None:
        """Wait until this percentage of the song at work is done."""
        with self._telling():
            self.page.wait_for_function(
                """share => {
                  const bar = document.querySelector("#queue li[data-state=working] progress");
                  return bar !== null && bar.hasAttribute("value") && bar.value >= share / 100;
                }""",
                arg=share,
                timeout=timeout,
            )

    def share(self, track: str) -> int:
        """The percentage done of a song in the queue, as its row says."""
        text = self.song(track).locator(".song-state").inner_text()
        return int(re.findall(r"(\d+)%", text)[0])

    def wait_result(self, track: str, timeout: float = SONG_MS) -> None:
        """Wait until nothing is at work and the finished song of that name is shown."""
        busy = "#queue li:is([data-state=waiting], [data-state=reading], [data-state=working])"
        self._wait(f"body:not(:has({busy}))", timeout)
        self.wait_state(track, "finished", timeout)
        self.wait_shown(track)

    def lanes(self) -> list[str | None]:
        """The stems of the song in the studio, in order."""
        return [lane.get_attribute("data-stem") for lane in self.page.locator("#lanes li").all()]

    def wait_shown(self, track: str) -> None:
        """Wait until the song of that name is in the studio."""
        shown = f'#studio:not([hidden]) #song-name:text-is("{track}")'
        self._wait_for(shown, SONG_MS, "visible")

    def open_kept(self, track: str) -> None:
        """Open a finished song from the library."""
        self.wait_state(track, "finished")
        self.press("open", track)
        self.wait_shown(track)

    def separate(
        self, name: str, content: bytes, sources: Sequence[str] = SOURCES
    ) -> dict[str, np.ndarray]:
        """Separate a song and download its stems as 32-bit float: ``(2, samples)`` each."""
        self.choose(name, content)
        self.wait_result(name.rpartition(".")[0])
        return {source: self.download(source, "32f")[1] for source in sources}

    def separate_further(self, stem: str, model: str, button: str = "further") -> None:
        """Separate a stem further, by a button of its lane and a model's name."""
        self.page.click(f'[data-stem="{stem}"] [data-do="{button}"]')
        self.page.check(f'#further input[value="{model}"]')
        self.page.click('#further button[value="yes"]')
        self.page.locator("#further").wait_for(state="detached")

    def save(self, source: str, kind: str) -> tuple[str, bytes]:
        """Save through the dialog; return the file's name and content.

        Parameters
        ----------
        source
            A stem, for its lane's button, or "all" or "mix", for the song's button.
        kind
            A format of engine/save/formats.js.
        """
        dialog = self.element("save-dialog")
        if source in ("all", "mix"):
            self.element("save").click()
            dialog.locator(f'input[value="{source}"]').check(force=True)
        else:
            self.page.click(f'[data-stem="{source}"] [data-do="save"]')
        dialog.locator(f'select:has(> [value="{kind}"])').select_option(kind)
        with self.page.expect_download() as download:
            dialog.locator('[data-do="go"]').click()
        # The finished entry covers what is to be clicked next, until it is dismissed.
        self.page.locator('#saves li[data-state="done"] .icon-button').last.click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def download(self, source: str, kind: str) -> tuple[str, np.ndarray]:
        """Save a stem (kind "16" or "32f") as WAV: the file's name and ``(2, samples)``."""
        name, content = self.save(source, f"wav{kind}")
        info = soundfile.info(io.BytesIO(content))
        expected = {"16": "PCM_16", "32f": "FLOAT"}[kind]
        assert (info.subtype, info.samplerate, info.channels) == (expected, RATE, 2)
        dtype = {"16": "int16", "32f": "float32"}[kind]
        return name, soundfile.read(io.BytesIO(content), dtype=dtype)[0].T

    def _wait(self, selector: str, timeout: float, state: str = "visible") -> None:
        """Wait for `selector`, and fail if the page shows an error."""
        self._wait_for(f"{selector}, #problem:not([hidden])", timeout, state)
        problem = self.element("problem")
        assert problem.is_hidden(), f"{problem.inner_text()}\n{self._seen()}"

    def _wait_for(self, selector: str, timeout: float, state: str) -> None:
        with self._telling():
            self.page.wait_for_selector(selector, timeout=timeout, state=state)  # type: ignore[arg-type]

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Add what the page shows to the error of a wait that times out."""
        try:
            yield
        except GivenUp as error:
            raise AssertionError(f"{error}\n{self._seen()}") from error

    def _seen(self) -> str:
        """The songs' rows and the console, for the message of a test that times out."""
        rows = self.page.locator("li[data-song]").all_inner_texts()
        at_work = self.page.evaluate("({ begun: engine.begun, held: engine.held })")
        return "\n".join([*rows, f"{at_work}", *self.console])
