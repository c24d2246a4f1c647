"""Child processes that receive Ctrl-C."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """Restore Ctrl-C (``preexec_fn``): shells disable it for tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
