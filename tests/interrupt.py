"""Child processes that Ctrl-C is sent to."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """For ``preexec_fn``: a shell that runs the tests in the background switches Ctrl-C off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
