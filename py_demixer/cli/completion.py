"""``py-demixer completion``."""

from __future__ import annotations

import argparse
from typing import Any

from py_demixer.extras import require

SHELLS = ("bash", "zsh")


def describe(commands: Any) -> None:
    """What can be said after ``completion``."""
    parser = commands.add_parser(
        "completion",
        help="print what makes a shell complete this command line",
        description="Print what makes a shell complete this command line: for bash, put"
        ' eval "$(py-demixer completion bash)" into ~/.bashrc.',
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from . import make_parser

    shtab: Any = require("shtab")
    print(shtab.complete(make_parser(), shell=options.shell))
    return 0
