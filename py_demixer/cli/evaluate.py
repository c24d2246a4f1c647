"""``py-demixer evaluate``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer import errors
from py_demixer.errors import EvaluationError
from py_demixer.evaluation import comparison, plot, scoring, tables
from py_demixer.evaluation.comparison import Likeness
from py_demixer.evaluation.datasets import SUBSETS, Track, find_tracks
from py_demixer.evaluation.metrics import museval
from py_demixer.evaluation.results import Comparison, Evaluation, Results
from py_demixer.evaluation.tables import Table
from py_demixer.extras import require
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.version import __version__
from py_demixer.weights.checkpoint import sha256

from .common import (
    Refusal,
    add_choices,
    add_jobs,
    add_model,
    choices,
    is_own,
    load_model,
    model_name,
    opened,
    progress_bar,
    say,
    start_workers,
    weight_file,
)


def describe(commands: Any) -> None:
    """Add the command ``evaluate`` and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="measure how good stems are, or how close to PyTorch's",
        description="Separate songs whose true stems are known and print SDR, SIR, ISR and SAR by"
        " BSS Eval v4 (medians over windows of a second, and over songs) beside published scores,"
        " and the log-spectral distance, bleedless and fullness."
        " Needs pip install 'py-demixer[evaluate]', and --against also 'py-demixer[reference]'.",
    )
    add, default = parser.add_argument, "(default: %(default)s)"
    add(
        "path",
        type=Path,
        metavar="PATH",
        help="MUSDB18 or MUSDB18-HQ, a folder with mixture.wav and stems beside it, or a .stem.mp4;"
        " with --against, any audio file or folder",
    )
    add("--tracks", nargs="+", default=(), metavar="NAME", help="only the songs with these names")
    add(
        "--subset",
        choices=(*SUBSETS, "all"),
        default="test",
        help=f"which part of the dataset {default}",
    )
    add_model(parser)
    add_choices(parser)
    add_jobs(parser, "processes that share the work on a song (default: one)")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the results here after each song; songs with results are skipped",
    )
    add("--markdown", type=Path, metavar="FILE", help="write the tables here")
    add("--plot", type=Path, metavar="FILE", help="draw a box plot per stem (.png, .svg, .pdf)")
    add(
        "--against",
        choices=("pytorch",),
        help="compare with the stems of the original implementation, with the same weights;"
        f" a stem below {comparison.LEAST:g} dB ({comparison.LEAST_REFINED:g} where --niter is not"
        " 0) is a failure",
    )
    add(
        "--against-scores",
        action="store_true",
        help="also print the SDR that others have published for whole test sets, with these songs'",
    )
    add(
        "--original",
        type=Path,
        metavar="FOLDER",
        help="with --against, for SCNet: a checkout of https://github.com/starrytong/SCNet, as"
        " there is no package of it",
    )
    parser.set_defaults(run=_evaluate, usage_error=parser.error)


def _evaluate(options: argparse.Namespace) -> int:
    try:
        chosen = choices(options)
    except ValueError as error:
        options.usage_error(str(error))
    if options.original and not options.against:
        options.usage_error("--original is compared with: add --against pytorch.")
    if options.against and (options.plot or options.against_scores):
        options.usage_error("--plot and --against-scores show scores: leave out --against.")
    try:
        return _compare(options, chosen) if options.against else _score(options, chosen)
    except EvaluationError as error:
        raise Refusal(str(error)) from error


def _score(options: argparse.Namespace, chosen: planning.Options) -> int:
    songs = find_tracks(options.path, options.tracks, _subsets(options))
    museval()  # fail now if it is missing, not after the first song
    model = load_model(options)
    results = Evaluation.resume(options.json, _about(options, chosen, ("museval",)))

    def score(track: Track, **how: Any) -> dict[str, Any]:
        return scoring.score(track, model, chosen, **how)

    shown = []
    for name in _each(songs, results, score, model, options):
        shown.append(tables.scores(name, results.tracks()[name]))
        print(shown[-1].text(), end="\n\n", flush=True)
    failed = len(shown) < len(songs)
    if results.songs:
        count = len(results.songs)
        title = f"{model_name(options)}, median over {count} song{'s' * (count > 1)}"
        rest = [tables.scores(title, results.aggregate()), *tables.published_tables(results)]
        if options.against_scores:
            rest += tables.published_sets(results)
        print(*(table.text() for table in rest), sep="\n\n")
        _write_markdown([*shown, *rest], options.markdown)
        if options.plot:
            plot.draw(results, options.plot)
    return int(failed)


def _compare(options: argparse.Namespace, chosen: planning.Options) -> int:
    songs = find_tracks(options.path, options.tracks, _subsets(options), without_stems=True)
    require("py_demixer.evaluation.pytorch", "reference")
    model = load_model(options)
    weights = opened(options)
    packages = ("museval", *comparison.PACKAGES)
    about = {"against": options.against, **_about(options, chosen, packages)}
    results = Comparison.resume(options.json, about)

    def compare(track: Track, **how: Any) -> dict[str, Any]:
        stems = comparison.compare(track, model, weights, chosen, original=options.original, **how)
        return {name: asdict(likeness) for name, likeness in stems.items()}

    shown, far = [], []
    for name in _each(songs, results, compare, model, options):
        stems = {stem: Likeness(**found) for stem, found in results.songs[name].items()}
        shown.append(tables.likenesses(name, stems))
        print(shown[-1].text(), end="\n\n", flush=True)
        bound = comparison.least(chosen)
        far += [f"{stem} of {name}" for stem, of in stems.items() if not of.reaches(bound)]
    print(tables.LEGEND)
    _write_markdown(shown, options.markdown)
    if far:
        say(f"Farther from PyTorch than {bound:g} dB: {', '.join(far)}.")
    return int(bool(far) or len(shown) < len(songs))


def _each(
    songs: Sequence[Track],
    results: Results,
    work: Callable[..., dict[str, Any]],
    model: Model,
    options: argparse.Namespace,
) -> Iterator[str]:
    """Process the songs without results; yield the names of all songs that have results."""
    if options.json:
        results.save(options.json)  # fail now if that is not possible, not hours later
    with ExitStack() as stack:
        workers = stack.enter_context(start_workers(model, options)) if options.jobs else None
        for track in songs:
            if track.name not in results.songs:
                try:
                    with progress_bar(track.name) as progress:
                        found = work(track, workers=workers, progress=progress, warn=say)
                except (errors.AudioError, EvaluationError) as error:  # other songs may work
                    say(f"{track.name}: {error}")
                    continue
                results.songs[track.name] = found
                if options.json:
                    results.save(options.json)
            yield track.name


def _about(
    options: argparse.Namespace, chosen: planning.Options, packages: Sequence[str]
) -> dict[str, Any]:
    """Everything that determines the results."""
    return {
        "weights": sha256(weight_file(options)),
        "model": model_name(options),
        "options": asdict(chosen),
        **({"network": dict(opened(options).metadata)} if is_own(options) else {}),
        "versions": {
            "py-demixer": __version__,
            "numpy": np.__version__,
            **{package: metadata.version(package) for package in packages},
        },
    }


def _subsets(options: argparse.Namespace) -> Sequence[str]:
    return SUBSETS if options.subset == "all" else (options.subset,)


def _write_markdown(shown: Sequence[Table], path: Path | None) -> None:
    if path is None:
        return
    try:
        text = "\n\n".join(table.markdown() for table in shown) + "\n"
        path.write_text(text, "utf-8", "surrogateescape")  # names may not be UTF-8
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from error
