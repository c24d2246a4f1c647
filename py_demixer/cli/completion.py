"""``py-demixer completion``."""

from __future__ import annotations

import argparse
from typing import Any

from py_demixer.extras import require

SHELLS = ("bash", "zsh")


def describe(commands: Any) -> None:
    """Add the command ``completion`` and its options."""
    parser = commands.add_parser(
        "completion",
        help="print a completion script for a shell",
        description="Print a completion script for a shell: for bash, put"
        ' eval "$(py-demixer completion bash)" into ~/.bashrc.',
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from . import make_parser

    shtab: Any = require("shtab")
    print(shtab.complete(make_parser(), shell=options.shell))
    return 0
