"""A sound card that discards what it plays.

Without a sound card, Firefox's audio clock stands still, and playback with it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.environment import ensure_sound

_SECONDS = 20


@contextmanager
def silence() -> Iterator[dict[str, str]]:
    """Run PulseAudio with a null sink during a `with` block.

    Yields
    ------
    dict
        The environment variables by which programs find it.
    """
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "socket"
        door = f"module-native-protocol-unix auth-anonymous=1 socket={socket}"
        command = [ensure_sound(), "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--load=module-null-sink", f"--load={door}"]
        # On a busy machine it would end itself for taking too much real time.
        command += ["--no-cpu-limit=yes", "--realtime=no", "--high-priority=no"]
        # A separate home: none of the user's settings, and no contact with a running sound server.
        own = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder}
        log = Path(folder) / "log"
        with log.open("w") as said:
            running = subprocess.Popen(command, env=own, stderr=said)
        try:
            end = time.monotonic() + _SECONDS
            while not socket.exists():
                if running.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PulseAudio did not start: {log.read_text()}")
                time.sleep(0.05)
            yield {"PULSE_SERVER": f"unix:{socket}"}
            if running.poll() is not None:
                raise RuntimeError(f"PulseAudio ended by itself: {log.read_text()}")
        finally:
            running.terminate()
            running.wait()
