"""Standard output and standard error, whatever they are connected to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr


@contextmanager
def ready() -> Iterator[None]:
    """Make them fit to be written to."""
    with ExitStack() as stack:
        if sys.stderr is None:  # closed, or a program without a console: print would take stdout
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stderr(nowhere))
        yield
