"""``py-demixer convert``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from py_demixer.errors import ConvertError
from py_demixer.weights import checkpoint, convert, manifest, own, storage
from py_demixer.weights.checkpoint import Checkpoint

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
    parser.set_defaults(run=_run, usage_error=parser.error)


def _run(options: argparse.Namespace) -> int:
    if options.config and len(options.files) > 1:
        options.usage_error("--config belongs to one checkpoint: give one file.")
    if options.check:
        if options.config or options.storage:
            options.usage_error("--check only reads: leave out --config and --storage.")
        return _check(options.files)
    out: Path = options.output
    if not options.force:
        refuse_to_overwrite([out])
    try:
        content, sentence = _opened(options.files, options.config)
        if options.storage:
            content = _stored(content, options.storage)
        checkpoint.write(out, content.tensors, content.metadata)
    except OSError as error:
        raise Refusal(f"{error.filename or out} cannot be used: {error.strerror}.") from error
    print(f"{out} holds {sentence}")
    return 0


def _opened(files: list[Path], config: Path | None) -> tuple[Checkpoint, str]:
    """The files of a published model or a checkpoint of one's own, as a weight file; what it is.

    Networks trained from a published one look like it: what is not published is one's own.
    """
    models = manifest.MODELS.values()
    reason = ""
    if config is not None:
        return _own(files[0], own.read_settings(config))
    if len(files) == 1 and not convert.is_published(files[0], models):
        try:
            return _own(files[0])
        except ConvertError as error:
            reason = f"{error} "
    try:
        model, content = convert.assembled(files, models)
    except ConvertError as error:
        raise ConvertError(f"{reason}{error}") from error
    return content, f"the weights of {model.title}. {model.licence.text}"


def _own(file: Path, settings: own.Settings | None = None) -> tuple[Checkpoint, str]:
    content = own.open_checkpoint(file, settings)
    about = content.metadata
    return content, f"a network of the architecture {about['architecture']}. {about['licence']}"


def _stored(content: Checkpoint, kind: str) -> Checkpoint:
    """Store the numbers of a weight file in another way, and tell what that costs."""
    from py_demixer.evaluation import storage as measured  # it runs networks

    if content.metadata["architecture"] == "openunmix":
        raise ConvertError("Open-Unmix is stored in one way only: leave out --storage.")
    stored = storage.stored(content.tensors, kind)
    for line in measured.cost(content, stored):
        say(line)
    return Checkpoint(stored, content.metadata)


def _check(files: list[Path]) -> int:
    from py_demixer.evaluation import storage  # imported here, as only --check runs networks

    for path in files:
        for line in storage.report(path):
            print(line)
    return 0
