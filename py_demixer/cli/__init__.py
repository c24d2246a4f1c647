"""The command line, ``py-demixer``; each command is in a module of its own.

Results go to standard output; everything else a person should know goes to standard error. Exit
codes:

    0    done
    1    something was refused or failed (one sentence says what; what could be done is done),
         or two traces or two implementations differ
    2    wrong usage
    130  stopped with Ctrl-C
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from py_demixer import WorkerError, __version__
from py_demixer.audio import AudioError
from py_demixer.extras import MissingPackageError

from . import batch, completion, evaluate, models, separate, streams, trace
from .common import Refusal, say

_COMMANDS = (separate, batch, models, evaluate, trace, completion)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        What follows the program's name; None takes them from ``sys.argv``.

    Returns
    -------
    int
        The exit code, see the top of this module.

    Raises
    ------
    SystemExit
        With code 2 on wrong usage, and 0 after ``--help`` and ``--version``.
    """
    with streams.ready():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    options = make_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (Refusal, AudioError, MissingPackageError, WorkerError) as error:
        say(str(error))
        return 1
    except MemoryError:
        say("There is not enough memory: close other programs, or choose a shorter --segment.")
        return 1
    except BrokenPipeError:  # who read our output has had enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        say("Stopped; nothing was written for the song that was being worked on.")
        return 130


def make_parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(
        prog="py-demixer",
        description="Separate songs into their stems, on this machine.",
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"py-demixer {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.describe(commands)
    return parser
