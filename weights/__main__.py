"""``python -m py_demixer.weights fetch NAME`` and ``... convert FILE -o OUT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from py_demixer.models import catalog

from . import convert, fetch, manifest


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    models = manifest.load()
    options = _parser(models).parse_args(arguments)
    try:
        if options.command == "fetch":
            model = models[options.name]
            directory = options.directory or catalog.default_weights(model.name).parent
            print(fetch.ensure(model, directory, report=_to_stderr))
        else:
            model = convert.convert(options.file, options.output, models.values())
            print(f"{options.output} holds the weights of {model.title}. {model.licence.text}")
    except (fetch.FetchError, convert.ConvertError, OSError) as error:
        _to_stderr(str(error))
        return 1
    return 0


def _parser(models: dict[str, manifest.Model]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m py_demixer.weights", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="download a model's weights and convert them")
    fetching.add_argument("name", choices=sorted(models))
    fetching.add_argument("--directory", type=Path, help="where to keep the file")
    converting = commands.add_parser("convert", help="convert a PyTorch or ONNX file you have")
    converting.add_argument("file", type=Path)
    converting.add_argument("-o", "--output", type=Path, required=True)
    return parser


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
