"""``py-demixer convert``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from py_demixer.errors import ConvertError
from py_demixer.weights import checkpoint, convert, manifest, own, storage

from .common import Refusal, refuse_to_overwrite, say


def describe(commands: Any) -> None:
    """Add the command ``convert`` and its options."""
    parser = commands.add_parser(
        "convert",
        help="convert PyTorch or ONNX files into a weight file",
        description="Convert a PyTorch or ONNX file into a weight file. A model of several files"
        " needs all of them; their names (drums-....pth and so on) tell which is which. Your own"
        " checkpoint is recognised by its tensors.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", type=Path, help="the weight file to write")
    what.add_argument(
        "--check", action="store_true", help="tell what storing Open-Unmix in 8 bits costs, in dB"
    )
    parser.add_argument(
        "--storage",
        choices=storage.STORAGES,
        help="how the numbers are stored, with what that costs (default: without a loss)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="YAML",
        help="the configuration of the program that trained a checkpoint of your own",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.check:
        return _check(options.files)
    out: Path = options.output
    if not options.force:
        refuse_to_overwrite([out])
    try:
        sentence = _convert(options.files, out, options.config)
        if options.storage:
            _store(out, options.storage)
    except OSError as error:
        raise Refusal(f"{error.filename or out} cannot be used: {error.strerror}.") from error
    print(f"{out} holds {sentence}")
    return 0


def _convert(files: list[Path], out: Path, config: Path | None) -> str:
    """Convert files of a published model, or a checkpoint of one's own; return what it is."""
    if config is not None:
        content = own.open_checkpoint(files[0], own.read_settings(config))
    else:
        try:
            model = convert.convert(files, out, manifest.MODELS.values())
            return f"the weights of {model.title}. {model.licence.text}"
        except convert.MatchesNone as none:
            if len(files) > 1:
                raise
            try:
                content = own.open_checkpoint(files[0])
            except ConvertError as error:
                raise ConvertError(f"{error} {none}") from error
    checkpoint.write(out, content.tensors, content.metadata)
    architecture = content.metadata["architecture"]
    return f"a network of the architecture {architecture}. {content.metadata['licence']}"


def _store(path: Path, kind: str) -> None:
    """Store the numbers of a weight file in another way, and tell what that costs."""
    from py_demixer.evaluation import storage as measured  # it runs networks

    content = checkpoint.read(path.read_bytes())
    stored = storage.stored(content.tensors, kind)
    for line in measured.cost(content, stored):
        say(line)
    checkpoint.write(path, stored, content.metadata)


def _check(files: list[Path]) -> int:
    from py_demixer.evaluation import storage  # imported here, as only --check runs networks

    for path in files:
        for line in storage.report(path):
            print(line)
    return 0
