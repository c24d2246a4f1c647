"""``python -m py_demixer.weights fetch NAME``, ``... convert FILE... -o OUT`` or ``--check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from py_demixer.errors import ConvertError, FetchError
from py_demixer.extras import MissingPackageError

from . import catalog, convert, fetch, manifest


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    models = manifest.load()
    options = _parser(models).parse_args(arguments)
    try:
        if options.command == "fetch":
            model = models[options.name]
            directory = options.directory or catalog.default_weights(model.name).parent
            print(fetch.ensure(model, directory, report=_to_stderr))
        elif options.check:
            _check(options.files)
        else:
            model = convert.convert(options.files, options.output, models.values())
            print(f"{options.output} holds the weights of {model.title}. {model.licence.text}")
    except (FetchError, ConvertError, MissingPackageError, OSError) as error:
        _to_stderr(str(error))
        return 1
    return 0


def _parser(models: dict[str, manifest.Model]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m py_demixer.weights", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="download a model's weights and convert them")
    fetching.add_argument("name", choices=sorted(models))
    fetching.add_argument("--directory", type=Path, help="where to keep the file")
    converting = commands.add_parser(
        "convert",
        help="convert a PyTorch or ONNX file you have, or all files of a model",
        description="The files of a model are told apart by their names: drums-....pth and so on.",
    )
    converting.add_argument("files", type=Path, nargs="+", metavar="FILE")
    what = converting.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", type=Path)
    what.add_argument(
        "--check", action="store_true", help="tell what 8 bits cost Open-Unmix's files, in dB"
    )
    return parser


def _check(files: list[Path]) -> None:
    from . import check  # runs networks

    for path in files:
        for line in check.report(path):
            print(line)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
