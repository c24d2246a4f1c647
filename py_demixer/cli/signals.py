"""Handle signals that end the program, so that it cleans up as for Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_NAMES = ("SIGTERM", "SIGHUP")
"""The program is terminated, or the terminal is closed. Windows has only the first."""


class Ended(BaseException):
    """A signal asked the program to end.

    Attributes
    ----------
    exit_code
        128 plus the number of the signal, as in shells.
    """

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number


@contextmanager
def heard() -> Iterator[None]:
    """Make signals raise :class:`Ended` in the main thread, unless they already have handlers."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _: object) -> NoReturn:
        for other in ours:
            signal.signal(other, signal.SIG_IGN)  # during the clean-up
        raise Ended(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
