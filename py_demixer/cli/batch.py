"""``py-demixer batch``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from py_demixer.audio.collection import collect
from py_demixer.batch import run
from py_demixer.batch.run import Executor, LocalExecutor, Outcome, Recipe
from py_demixer.errors import BatchError, CollectionError
from py_demixer.extras import require
from py_demixer.weights import checkpoint

from .common import (
    Refusal,
    add_choices,
    add_jobs,
    add_model,
    add_output,
    expanded,
    is_own,
    load_model,
    model_name,
    say,
    wanted,
    weight_file,
)


def describe(commands: Any) -> None:
    """Add the command ``batch`` and its options."""
    parser = commands.add_parser(
        "batch",
        help="separate many songs, on many processes or machines",
        description="Write the stems of all songs below FOLDER to OUTPUT/<song>/, keeping"
        f" subfolders, with a {run.MANIFEST} of hashes beside them. Songs that are done and intact"
        " are skipped, so a batch that was stopped resumes where it was. If a process dies, only"
        " its song is tried again. Prints the folder of each song, one per line.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="a folder, or an audio file")
    add("-o", "--output", type=Path, default=Path("separated"), help=f"a folder {default}")
    add_model(parser)
    add_choices(parser)
    add_output(parser)
    add("--force", action="store_true", help="replace stems that were made with other settings")
    add_jobs(parser, "songs to separate at once, one process each (default: one per core)")
    add("--scheduler", metavar="ADDRESS", help="run on the Dask cluster at this address instead")
    add("--json", action="store_true", help="print one JSON object per song, one per line")
    parser.set_defaults(run=_batch, usage_error=parser.error)


def _batch(options: argparse.Namespace) -> int:
    what = wanted(options)
    if options.scheduler and options.jobs:
        options.usage_error("--jobs is for this machine: leave out --scheduler.")
    if options.config:
        options.usage_error(
            "The processes of a batch do not read --config: convert the checkpoint first "
            "(py-demixer convert)."
        )
    try:
        folders = [folder.absolute() for folder in expanded(options.folders)]
        jobs = collect(folders, options.output.absolute())
        model = load_model(options)
        weights = weight_file(options)
        name = None if is_own(options) else model_name(options)
        recipe = Recipe(
            name, checkpoint.sha256(weights), model.backend.name, what.choices, what.output
        )
        executor = _executor(options, weights)
        with closing(run.run(jobs, recipe, executor, replace=options.force)) as outcomes:
            return _report(outcomes, len(jobs), options)
    except (BatchError, CollectionError) as error:
        raise Refusal(str(error)) from error


def _executor(options: argparse.Namespace, weights: Path) -> Executor:
    if not options.scheduler:
        return LocalExecutor(options.jobs or require("loky").cpu_count(), weights)
    require("distributed", "cluster")
    require("threadpoolctl", "cluster")
    from py_demixer.batch.dask import DaskExecutor

    return DaskExecutor(options.scheduler, weights)


def _report(outcomes: Iterable[Outcome], total: int, options: argparse.Namespace) -> int:
    count: Counter[str] = Counter()
    tqdm: Any = require("tqdm").tqdm
    for outcome in tqdm(outcomes, total=total, unit="song", desc=model_name(options)):
        count[_status(outcome)] += 1
        for sentence in (*outcome.warnings, outcome.error):
            if sentence:
                say(sentence)
        if options.json:
            print(json.dumps(_facts(outcome)), flush=True)
        elif outcome.error is None:
            print(outcome.job.folder, flush=True)
    say(
        f"{count['done']} songs were separated, {count['skipped']} were already done, "
        f"{count['failed']} failed."
    )
    return int(count["failed"] > 0)


def _status(outcome: Outcome) -> str:
    if outcome.error is not None:
        return "failed"
    return "skipped" if outcome.skipped else "done"


def _facts(outcome: Outcome) -> dict[str, Any]:
    facts = {"song": str(outcome.job.song), "status": _status(outcome)}
    if outcome.error is not None:
        return facts | {"error": outcome.error}
    return facts | {"folder": str(outcome.job.folder)}
