"""``py-demixer separate``."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py_demixer import Workers, errors
from py_demixer.audio import decode
from py_demixer.audio.collection import Job, collect
from py_demixer.audio.files import Separated, separate_file
from py_demixer.errors import CollectionError
from py_demixer.models.network import Model

from . import streams
from .common import (
    Refusal,
    Wanted,
    add_choices,
    add_ensemble,
    add_jobs,
    add_model,
    add_output,
    expanded,
    load_model,
    load_named,
    progress_bar,
    refuse_to_overwrite,
    say,
    start_workers,
    wanted,
)

PIPE = Path("-")
"""As a song: read it from standard input; as the output: write to standard output."""


def describe(commands: Any) -> None:
    """Add the command ``separate`` and its options."""
    parser = commands.add_parser(
        "separate",
        help="separate songs into stems",
        description="Write the stems of each song to OUTPUT/<song>/<stem>.<format>. A folder stands"
        " for all songs below it, and its subfolders are kept. Songs whose stems already exist are"
        " refused unless --force is given, and so are two songs with the same name. Prints the path"
        " of each file written, one per line.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    add(
        "songs",
        nargs="+",
        type=Path,
        metavar="SONG",
        help="an audio file, a folder, or - for standard input",
    )
    add(
        "-o",
        "--output",
        type=Path,
        default=Path("separated"),
        help=f"a folder, or - to write one stem to standard output, as WAV {default}",
    )
    add_model(parser)
    add_ensemble(parser)
    add_choices(parser)
    add_output(parser)
    add("--force", action="store_true", help="replace existing stems")
    add_jobs(parser, "processes that share the work on a song (default: one)")
    add("--json", action="store_true", help="print one JSON object per song, one per line")
    parser.set_defaults(run=_separate, usage_error=parser.error)


def _separate(options: argparse.Namespace) -> int:
    what = wanted(options)
    with ExitStack() as stack:
        out = stack.enter_context(_folder_for(options.output))
        said = expanded(options.songs)
        songs = [stack.enter_context(_file_for(song)) for song in said]
        named = zip(songs, said, strict=True)
        options.piped = next((file for file, song in named if song == PIPE), None)
        try:
            jobs = collect(songs, out)
        except CollectionError as error:
            raise Refusal(str(error)) from error
        _check_pipe(options, what, jobs)
        if not options.force:
            files = (job.files(what.stems, what.output) for job in jobs)
            refuse_to_overwrite(path for paths in files for path in paths.values())
        return _run_all(jobs, what, options, stack)


def _run_all(jobs: list[Job], wanted: Wanted, options: argparse.Namespace, stack: ExitStack) -> int:
    models: _Loaded | None = None
    exit_code = 0
    for job in jobs:
        try:
            decode.probe(job.song)
            # Only now, so that no weights are fetched for a song that is not audio.
            if models is None:
                models = _Loaded.for_songs(wanted, options, stack)
            _run(job, models, wanted, options)
        except errors.AudioError as error:  # other songs may work
            exit_code = 1
            sentence = _told(str(error), options)
            say(sentence)
            if options.json:
                facts = {"song": _called(job.song, options), "error": sentence}
                print(json.dumps(facts), flush=True)
    return exit_code


@dataclass(frozen=True)
class _Loaded:
    """The models, and the processes that share the work."""

    model: Model
    workers: Workers | None
    then: Mapping[str, Model | Workers]

    @classmethod
    def for_songs(cls, wanted: Wanted, options: argparse.Namespace, stack: ExitStack) -> _Loaded:
        """Load what the options name, and start processes if they say so."""
        model = load_model(options)
        then = {stem: load_named(second, options) for stem, second in wanted.then.items()}
        if not options.jobs:
            return cls(model, None, then)
        workers, *others = (
            stack.enter_context(start_workers(one, options)) for one in (model, *then.values())
        )
        return cls(model, workers, dict(zip(then, others, strict=True)))


def _run(job: Job, models: _Loaded, wanted: Wanted, options: argparse.Namespace) -> None:
    began = time.monotonic()
    with progress_bar(job.song.name) as progress:
        try:
            made = separate_file(
                job.song,
                job.folder,
                models.model,
                wanted.choices,
                output=wanted.output,
                then=models.then,
                workers=models.workers,
                progress=progress,
                warn=lambda sentence: say(_told(sentence, options)),
            )
        except ValueError as error:
            raise Refusal(_told(f"{job.song}: {error}", options)) from error
        except OSError as error:
            raise errors.AudioError(f"{job.song}: {error.strerror or error}.") from error
    if made.gain < 1:
        say(
            f"The loudest stem of {job.song.name} would clip: all its stems were turned down by "
            f"{_decibels(made):.2f} dB together (--bits 32f keeps their level)."
        )
    if options.output == PIPE:
        (path,) = made.files.values()
        with path.open("rb") as file, streams.named_errors():
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    elif options.json:
        song = _called(job.song, options)
        print(json.dumps({"song": song, **_report(made, time.monotonic() - began)}), flush=True)
    else:
        print(*made.files.values(), sep="\n", flush=True)


def _called(song: Path, options: argparse.Namespace) -> str:
    """The name of a song as the user gave it."""
    return str(PIPE if song == options.piped else song)


def _told(sentence: str, options: argparse.Namespace) -> str:
    """Replace the path of the temporary file for standard input in a sentence."""
    return sentence.replace(str(options.piped), "standard input") if options.piped else sentence


def _report(made: Separated, took: float) -> dict[str, Any]:
    return {
        "stems": {name: str(path) for name, path in made.files.items()},
        "seconds": round(made.seconds, 3),
        "turned_down_db": round(_decibels(made), 3),
        "took_seconds": round(took, 3),
    }


def _decibels(made: Separated) -> float:
    return 0.0 if made.gain == 1 else -20 * math.log10(made.gain)


# ---- input and output ---------------------------------------------------------------------------


def _check_pipe(options: argparse.Namespace, wanted: Wanted, jobs: list[Job]) -> None:
    if options.songs.count(PIPE) > 1:
        options.usage_error("Standard input can only be read once: give - only once.")
    if options.output != PIPE:
        return
    if len(jobs) != 1 or len(wanted.stems) != 1:
        options.usage_error(
            "Only one stem of one song can go to standard output: choose it with --stems."
        )
    if sys.stdout is None:
        raise Refusal("Standard output is closed: name a folder after -o.")
    if options.json:
        options.usage_error("Standard output holds the stem: leave out --json or -o -.")
    if options.format != "wav":
        options.usage_error("Standard output is written as WAV: leave out --format.")


@contextmanager
def _folder_for(output: Path) -> Iterator[Path]:
    """The folder for stems; a temporary one if they go to standard output."""
    if output != PIPE:
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="py-demixer-") as folder:
        yield Path(folder)


@contextmanager
def _file_for(song: Path) -> Iterator[Path]:
    """The song's file; a temporary one for standard input."""
    if song != PIPE:
        yield song
        return
    with tempfile.TemporaryDirectory(prefix="py-demixer-") as folder:
        if sys.stdin is None:
            raise Refusal("Standard input is closed: name a file instead of -.")
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path
