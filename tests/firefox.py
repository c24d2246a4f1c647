"""How tests start this machine's Firefox: by Playwright, with a relay between the two.

Playwright 1.65 drives a Firefox as Mozilla builds it by WebDriver BiDi, but speaks a newer one than
Firefox 153 ESR does. The relay is a program that Playwright takes for Firefox: it starts the real
one, and hands on what the two say to each other, but for what they do not have in common.

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
"""A command that every context begins with. Without it the page sees what the machine prefers."""

PREFERENCES = {
    # No word to any other host: updates, experiments, captive portals, telemetry, lists.
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
    """What Playwright's `firefox.launch_persistent_context` takes, besides the profile.

    Parameters
    ----------
    folder
        Where a small script may be written.
    variables
        Of the environment, that Firefox gets as well.
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
        # Playwright tells downloads apart by an id; a file that the page made has its address.
        message["params"].setdefault("download", message["params"]["url"])
    return message


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
