"""``py-demixer convert``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from py_demixer.weights import convert, manifest

from .common import Refusal, refuse_to_overwrite


def describe(commands: Any) -> None:
    """Add the command ``convert`` and its options."""
    parser = commands.add_parser(
        "convert",
        help="convert PyTorch or ONNX files into a weight file",
        description="Convert a PyTorch or ONNX file into a weight file. A model of several files "
        "needs all of them; their names (drums-....pth and so on) tell which is which.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", type=Path, help="the weight file to write")
    what.add_argument(
        "--check", action="store_true", help="tell what storing Open-Unmix in 8 bits costs, in dB"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.check:
        return _check(options.files)
    out: Path = options.output
    if not options.force:
        refuse_to_overwrite([out])
    try:
        model = convert.convert(options.files, out, manifest.MODELS.values())
    except OSError as error:
        raise Refusal(f"{error.filename or out} cannot be used: {error.strerror}.") from error
    print(f"{options.output} holds the weights of {model.title}. {model.licence.text}")
    return 0


def _check(files: list[Path]) -> int:
    from py_demixer.evaluation import storage  # imported here, as only --check runs networks

    for path in files:
        for line in storage.report(path):
            print(line)
    return 0
