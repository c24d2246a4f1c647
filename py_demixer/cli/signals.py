"""Signals that end the program tidily, as Ctrl-C does: nothing half written is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_NAMES = ("SIGTERM", "SIGHUP")
"""Somebody ends the program, or the terminal is closed. Windows has the first only."""


class Ended(BaseException):
    """Somebody has asked the program to end.

    Attributes
    ----------
    exit_code
        As shells tell it: 128 and the signal's number.
    """

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number


@contextmanager
def heard() -> Iterator[None]:
    """Raise :class:`Ended` in the main thread, unless somebody listens to the signals already."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may listen
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _: object) -> NoReturn:
        for other in ours:
            signal.signal(other, signal.SIG_IGN)  # while it is tidied up
        raise Ended(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
