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
"""The file name in errors from writing to standard output."""


@contextmanager
def ready() -> Iterator[None]:
    """Prepare both streams for writing, including file names that are not valid text."""
    with ExitStack() as stack:
        if sys.stderr is None:  # closed, or no console: print(file=None) would write to stdout
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stderr(nowhere))
        if isinstance(sys.stdout, io.TextIOWrapper):
            stack.callback(sys.stdout.reconfigure, errors=sys.stdout.errors)
            sys.stdout.reconfigure(errors=_ANYHOW)
            stack.enter_context(redirect_stdout(_Named(sys.stdout)))
        yield


class _Named:
    """Standard output, with errors that name it as their file."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text."""
        with named_errors():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write out buffered text."""
        with named_errors():
            self._stream.flush()


@contextmanager
def named_errors() -> Iterator[None]:
    """Set the file name of OSErrors raised inside to that of standard output."""
    try:
        yield
    except OSError as error:
        error.filename = NAME
        raise


def flush() -> None:
    """Flush standard output now, while errors can still be reported."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up() -> None:
    """Redirect standard output to nowhere, because Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_ANYHOW = "py-demixer"


def _anyhow(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write undecodable bytes of a name unchanged, and unencodable characters as escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_ANYHOW, _anyhow)
