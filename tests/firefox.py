"""Start this machine's Firefox with Playwright, through a relay.

Playwright 1.65 drives a stock Mozilla Firefox over WebDriver BiDi, but uses a newer version of the
protocol than Firefox 153 ESR implements. The relay is a program that Playwright takes for Firefox:
it starts the real one and passes their messages on, except for the differences.

    python -m tests.firefox ARGUMENTS OF FIREFOX
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tools.environment import FIREFOX_VARIABLE, ROOT, ensure_firefox

UNKNOWN = "emulation.setMediaFeaturesOverride"
"""A command sent for every context. Without it, pages see the machine's own preferences."""

PREFERENCES = {
    # No connection to other hosts: updates, experiments, captive portals, telemetry, lists.
    "app.normandy.enabled": False,
    "browser.newtabpage.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.unified": False,
}

_LISTENING = re.compile(r"(WebDriver BiDi listening on )(ws://\S+)")


def options(folder: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments for Playwright's `firefox.launch_persistent_context`, without the profile.

    Parameters
    ----------
    folder
        A folder for a small start script.
    variables
        Additional environment variables for Firefox.
    """
    script = folder / "firefox"
    script.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tests.firefox "$@"\n')
    script.chmod(0o755)
    return {
        "channel": "moz-firefox",
        "executable_path": script,
        "headless": True,
        "firefox_user_prefs": PREFERENCES,
        "env": {**os.environ, **variables, FIREFOX_VARIABLE: ensure_firefox()},
    }


async def _main(arguments: list[str]) -> int:
    firefox = await asyncio.create_subprocess_exec(
        os.environ[FIREFOX_VARIABLE], *arguments, stderr=asyncio.subprocess.PIPE
    )
    assert firefox.stderr
    async for line in firefox.stderr:
        said = line.decode(errors="replace")
        if found := _LISTENING.search(said):
            server = await serve(_relay_to(found[2]), "127.0.0.1", 0, max_size=None)
            host, port = next(iter(server.sockets)).getsockname()
            said = f"{found[1]}ws://{host}:{port}\n"
        print(said, end="", file=sys.stderr, flush=True)
    return await firefox.wait()


def _relay_to(address: str) -> Any:
    async def relay(playwright: ServerConnection) -> None:
        assert playwright.request
        path = playwright.request.path
        async with connect(address + path, max_size=None, compression=None) as firefox:
            asked: set[int] = set()
            there = _hand_on(playwright, firefox, lambda message: _note(message, asked))
            back = _hand_on(firefox, playwright, lambda message: _mend(message, asked))
            await asyncio.gather(there, back)

    return relay


async def _hand_on(source: Any, target: Any, look: Any) -> None:
    try:
        async for text in source:
            await target.send(json.dumps(look(json.loads(text))))
    except websockets.ConnectionClosed:
        pass
    await target.close()


def _note(message: dict[str, Any], asked: set[int]) -> dict[str, Any]:
    if message["method"] == UNKNOWN:
        asked.add(message["id"])
    return message


def _mend(message: dict[str, Any], asked: set[int]) -> dict[str, Any]:
    if message.get("error") == "unknown command" and message["id"] in asked:
        return {"type": "success", "id": message["id"], "result": {}}
    if message.get("method", "").startswith("browsingContext.download"):
        # Playwright identifies downloads by an id; a file made by the page is identified by its
        # URL.
        message["params"].setdefault("download", message["params"]["url"])
    return message


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
