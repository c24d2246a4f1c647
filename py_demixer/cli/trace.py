"""``py-demixer trace``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer import separate, trace
from py_demixer.audio import decode
from py_demixer.models.network import Model
from py_demixer.models.openunmix import OpenUnmix
from py_demixer.separation import planning
from py_demixer.separation.recurrent import WINDOW
from py_demixer.separation.statistics import measure

from .common import Refusal, add_model, load_model, refuse_to_overwrite, say


def describe(commands: Any) -> None:
    """Add the command ``trace`` and its options."""
    parser = commands.add_parser(
        "trace",
        help="show what every step of the network computes",
        description="Run the network on the beginning of a song and show the result of each step,"
        " or the first step that differs from an earlier trace.",
    )
    add = parser.add_argument
    add("song", type=Path, metavar="SONG", help="an audio file")
    add_model(parser)
    add("--json", type=Path, metavar="FILE", help="write the trace to this file as well")
    add(
        "--compare",
        type=Path,
        metavar="FILE",
        help="show the first step that differs from this trace",
    )
    add("--force", action="store_true", help="replace the file of --json if it exists")
    parser.set_defaults(run=_trace)


_NUMBERS = ("min", "max", "mean", "std", "sum")
_COLUMNS = "{:<34} {:>16}" + " {:>11}" * len(_NUMBERS) + " {:>9} {:>9}"


def _trace(options: argparse.Namespace) -> int:
    if options.json and not options.force:
        refuse_to_overwrite([options.json])
    theirs = _read_trace(options.compare) if options.compare else None
    decode.probe(options.song)  # before weights are fetched, as the song may not be audio
    model = load_model(options)
    mix = decode.load(options.song, model.sample_rate, say)
    with trace.record() as steps:
        _run_beginning(mix, model)
    if options.json:
        _write_trace(steps, options.json)
    if theirs is not None:
        return _print_difference(steps, theirs)
    _print_steps(steps)
    return 0


def _run_beginning(mix: NDArray[np.float32], model: Model) -> None:
    """Run the network once, on the beginning of the song as in :func:`py_demixer.separate`."""
    if isinstance(model, OpenUnmix):
        separate(mix[:, : WINDOW * model.config.n_fft // 4 - 1], model)
        return
    work = planning.plan(model, measure([mix], model.sample_rate))
    (part,) = work.tasks[0].reads
    work.run(0, [mix.T[part.start : part.stop]])


def _read_trace(path: Path) -> list[trace.Step]:
    try:
        return trace.load(path)
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Refusal(str(error)) from error


def _write_trace(steps: Sequence[trace.Step], path: Path) -> None:
    try:
        trace.dump(steps, path)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from error


def _print_difference(ours: Sequence[trace.Step], theirs: Sequence[trace.Step]) -> int:
    pair = trace.first_difference(ours, theirs)
    if pair is None:
        say(f"All {len(ours)} steps agree.")
        return 0
    say("The first step that differs (this run above, the other trace below):")
    _print_steps(pair)
    return 1


def _print_steps(steps: Sequence[trace.Step | None]) -> None:
    print(_COLUMNS.format("step", "shape", *_NUMBERS, "argmin", "argmax"))
    for step in steps:
        print(_row(step) if step else "(no such step: the trace ends before it)")


def _row(step: trace.Step) -> str:
    shape = " x ".join(map(str, step.shape))
    numbers = [f"{getattr(step, name):.4e}" for name in _NUMBERS]
    return _COLUMNS.format(step.name, shape, *numbers, step.argmin, step.argmax)
