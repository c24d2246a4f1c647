"""Standard output and standard error, whatever they are connected to."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

NAME = "standard output"
"""The name of the file in the errors of writing to it."""


@contextmanager
def ready() -> Iterator[None]:
    """Make them fit to be written to, names of files of all sorts included."""
    with ExitStack() as stack:
        if sys.stderr is None:  # closed, or a program without a console: print would take stdout
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stderr(nowhere))
        if isinstance(sys.stdout, io.TextIOWrapper):
            stack.callback(sys.stdout.reconfigure, errors=sys.stdout.errors)
            sys.stdout.reconfigure(errors=_ANYHOW)
            stack.enter_context(redirect_stdout(_Named(sys.stdout)))
        yield


class _Named:
    """Standard output, whose errors say that it is."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write to it."""
        with named_errors():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write what was not written yet."""
        with named_errors():
            self._stream.flush()


@contextmanager
def named_errors() -> Iterator[None]:
    """Give the errors inside the name of standard output."""
    try:
        yield
    except OSError as error:
        error.filename = NAME
        raise


def flush() -> None:
    """Write what standard output still holds: now there is somebody to tell that it cannot be."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up() -> None:
    """Let standard output go nowhere: Python would try once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_ANYHOW = "py-demixer"


def _anyhow(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a name that are no text as they are, and what has no bytes here by its number."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_ANYHOW, _anyhow)
