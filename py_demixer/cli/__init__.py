"""The command line, ``py-demixer``; each command is in a module of its own.

Results go to standard output; everything else a person should know goes to standard error. Exit
codes:

    0    done
    1    something was refused or failed (a sentence says what; everything else was done),
         or two traces or two implementations differ
    2    wrong usage
    130  stopped with Ctrl-C
    143  terminated (128 plus the number of the signal)
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from py_demixer.errors import PyDemixerError
from py_demixer.version import __version__

from . import (
    batch,
    completion,
    convert,
    evaluate,
    fetch,
    models,
    separate,
    signals,
    streams,
    trace,
)
from .common import Refusal, say

_COMMANDS = (separate, batch, models, fetch, convert, evaluate, trace, completion)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The arguments after the program's name; None takes them from ``sys.argv``.

    Returns
    -------
    int
        The exit code; see the module's docstring.

    Raises
    ------
    SystemExit
        With code 2 for wrong usage, and 0 after ``--help`` and ``--version``.
    """
    with streams.ready(), signals.heard():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    options = make_parser().parse_args(arguments)
    try:
        exit_code = int(options.run(options))
        streams.flush()
        return exit_code
    except (Refusal, PyDemixerError) as error:
        say(str(error))
        return 1
    except MemoryError:
        say("There is not enough memory: close other programs, or choose a shorter --segment.")
        return 1
    except BrokenPipeError:  # the reader of our output closed the pipe, as head does
        streams.give_up()
        return 1
    except OSError as error:
        if error.filename == streams.NAME:
            streams.give_up()
        what = error.filename or "A file"
        say(f"{what} could not be read or written: {error.strerror or error}.")
        return 1
    except KeyboardInterrupt:
        say(_STOPPED)
        return 130
    except signals.Ended as ended:
        say(_STOPPED)
        return ended.exit_code


_STOPPED = "Stopped; nothing was written for the song that was being worked on."


def make_parser() -> argparse.ArgumentParser:
    """Make the parser for the command line."""
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
