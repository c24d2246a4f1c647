"""Drive JupyterLab as a user does, and run code in its kernel."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

# The kernel starts in a few seconds on an idle machine; these limits are for a busy one.
START_MS = 240_000
RUN_MS = 240_000

CELLS = """() => {
  const { model } = window.jupyterapp.shell.currentWidget.content;
  const cells = Array.from(model.cells).filter(({ type }) => type === "code");
  return cells.map((cell) => ({ ...cell.toJSON(), state: cell.executionState }));
}"""
"""The code cells of the current notebook, as in a notebook file."""

ENDED = f"""() => {{
  const cells = ({CELLS})();
  const failed = ({{ outputs }}) => outputs.some(({{ output_type: type }}) => type === "error");
  const done = ({{ execution_count, state }}) => execution_count !== null && state === "idle";
  return cells.some(failed) || cells.every(done);
}}"""

ASK = """async (code) => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const future = kernel.requestExecute({ code, store_history: false });
  let printed = "";
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") printed += content.text;
  };
  const { content } = await future.done;
  return [content.status, printed];
}"""

PLAY = """async (audio) => {
  audio.muted = true;
  await audio.play();
  await new Promise((resolve) => audio.addEventListener("timeupdate", resolve, { once: true }));
  audio.pause();
  return { seconds: audio.duration, at: audio.currentTime, source: audio.currentSrc };
}"""


class CellFailed(Exception):
    """A notebook cell raised an error; the message has its name and text."""


@dataclass(frozen=True)
class Player:
    """An audio player that has been started once.

    Attributes
    ----------
    seconds
        The duration that it reports.
    at
        Its position a moment after the start, in seconds.
    samples
        The audio it plays: ``(channels, samples)`` int16.
    """

    seconds: float
    at: float
    samples: np.ndarray


class Lab:
    """A JupyterLab in a browser tab.

    Attributes
    ----------
    requests
        The addresses that it and its kernels have requested.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(START_MS)
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url + "lab/index.html")
        self._files = self.page.locator(".jp-DirListing-item")
        self.page.wait_for_selector(".jp-DirListing-content")

    def upload(self, name: str, content: bytes) -> None:
        """Upload a file with the button of the file browser."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_title("Upload Files").click()
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        chooser.value.set_files(file)  # type: ignore[arg-type]
        self._file(name).wait_for()

    def run_all(self, name: str) -> list[dict[str, Any]]:
        """Open an uploaded notebook, run all its cells, and return the code cells.

        Raises
        ------
        CellFailed
            A cell raised an error.
        """
        self._file(name).dblclick()
        self.page.locator(f'[role="tab"]:has-text("{name}").jp-mod-current').wait_for()
        for entry in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=entry, exact=True).click()
        self.page.wait_for_function(ENDED, timeout=RUN_MS)
        cells: list[dict[str, Any]] = self.page.evaluate(CELLS)
        for output in (output for cell in cells for output in cell["outputs"]):
            if output["output_type"] == "error":
                raise CellFailed(f"{output['ename']}: {output['evalue']}")
        return cells

    def ask(self, code: str) -> str:
        """Run code in the kernel of the current notebook; return what it prints."""
        status, printed = self.page.evaluate(ASK, code)
        assert status == "ok", (code, printed)
        return str(printed)

    def array(self, expression: str) -> np.ndarray:
        """A float32 array in the kernel; the notebook has imported NumPy as ``np``."""
        self.ask(f"import base64; _array = np.ascontiguousarray({expression}, '<f4')")
        content = base64.b64decode(self.ask("print(base64.b64encode(_array).decode())"))
        shape = [int(length) for length in self.ask("print(*_array.shape)").split()]
        return np.frombuffer(content, "<f4").reshape(shape)

    def players(self) -> list[Player]:
        """The audio players below the last cell, each started once."""
        last = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").last
        return [_play(player) for player in last.locator("audio").all()]

    def _file(self, name: str) -> Locator:
        return self._files.filter(has_text=name)


def _play(player: Locator) -> Player:
    found = player.evaluate(PLAY)
    content = base64.b64decode(found["source"].removeprefix("data:audio/wav;base64,"))
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    return Player(found["seconds"], found["at"], samples.T)
