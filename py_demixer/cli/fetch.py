"""``py-demixer fetch``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from py_demixer.weights import fetch, loading, manifest

from .common import Refusal, say


def describe(commands: Any) -> None:
    """Add the command ``fetch`` and its options."""
    parser = commands.add_parser(
        "fetch",
        help="download models before they are needed",
        description="Download the weights of models, check and convert them, and print where they "
        "are. Models that are already there are left alone.",
    )
    parser.add_argument("names", choices=tuple(manifest.MODELS), nargs="+", metavar="MODEL")
    parser.add_argument(
        "--directory",
        type=Path,
        help="where to keep the files (default: the cache of this system)",
    )
    parser.set_defaults(run=_run)


def _default_directory(name: str) -> Path:
    try:
        return loading.default_weights(name).parent
    except FileNotFoundError as error:
        raise Refusal(str(error)) from error


def _run(options: argparse.Namespace) -> int:
    for name in options.names:
        directory = options.directory or _default_directory(name)
        print(fetch.ensure(manifest.named(name), directory, report=say))
    return 0
