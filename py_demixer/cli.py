"""The command line: ``py-demixer separate``, ``models`` and ``trace``.

Results go to standard output (``separate``: the path of each file written, one a line); everything
else a person should know goes to standard error. Exit codes: 0 done; 1 something was refused or
failed, or two traces differ (one sentence says what); 2 wrong usage; 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer import Stems, audio, load_model, trace
from py_demixer.models import catalog
from py_demixer.models.openunmix import OpenUnmix
from py_demixer.separation import measure, options_of, plan, separate
from py_demixer.sweep import RESIDUAL, WINDOW


class Refusal(Exception):
    """Something a person asked for that cannot be done; the message is a sentence saying why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; None takes them from ``sys.argv``.

    Returns:
        The exit code, see the top of this module.

    Raises:
        SystemExit: with code 2 on wrong usage, and 0 after ``--help``.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (Refusal, audio.AudioError) as error:
        _say(str(error))
        return 1
    except MemoryError:
        _say("There is not enough memory: close other programs, or cut the song in parts.")
        return 1
    except BrokenPipeError:  # who read our output has had enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        _say("Stopped; nothing was written for the song that was being separated.")
        return 130


def _say(sentence: str) -> None:
    print(f"py-demixer: {sentence}", file=sys.stderr, flush=True)


# ---- arguments ----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="py-demixer", description="Separate songs into their stems, on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _describe_separate(
        commands.add_parser(
            "separate",
            help="write the stems of songs",
            description="Write the stems of each song to OUTPUT/<song>/<stem>.<format>. Stems that"
            " are already there are kept (the song is refused) unless --force is given, and so"
            " are two songs of the same name.",
        )
    )
    commands.add_parser(
        "models", help="list the models, their licences and where their weights are"
    ).set_defaults(run=_models)
    _describe_trace(
        commands.add_parser(
            "trace",
            help="show what every step of the network computes",
            description="Run the network on a song's beginning and show what each of its steps"
            " gives, or the first step that departs from an earlier trace.",
        )
    )
    return parser


def _describe_separate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    default = "(default: %(default)s)"
    add("songs", nargs="+", type=Path, metavar="SONG", help="an audio file")
    add(
        "-o",
        "--output",
        type=Path,
        default=Path("separated"),
        help=f"where to {default}",
    )
    _add_model_options(parser)
    _describe_choices(parser)
    add("--two-stems", metavar="STEM", help="write STEM and no_STEM, the sum of the others")
    add("--format", choices=audio.FORMATS, default="wav", help=f"of the files {default}")
    add("--bits", choices=audio.SUBTYPES, default="16", help=f"of a sample {default}")
    add("--force", action="store_true", help="replace stems that are already there")
    parser.set_defaults(run=_separate, usage_error=parser.error)


def _describe_choices(parser: argparse.ArgumentParser) -> None:
    """What one kind of model can be told and the other not."""
    add = parser.add_argument_group("Demucs").add_argument
    add("--overlap", type=float, metavar="X", help="of neighbouring segments (default: 0.25)")
    add("--shifts", type=int, metavar="N", help="random time shifts to average over (default: 0)")
    add("--seed", type=int, metavar="N", help="of the random time shifts (default: 0)")
    add = parser.add_argument_group("Open-Unmix").add_argument
    add("--targets", type=_names, metavar="A,B", help="stems to separate (default: all)")
    add("--residual", action="store_true", default=None, help="one more stem: what they leave")
    add("--niter", type=int, metavar="N", help="iterations of the Wiener filter (default: 1)")


_CHOICES = ("overlap", "shifts", "seed", "targets", "residual", "niter")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _describe_trace(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("song", type=Path, metavar="SONG", help="an audio file")
    _add_model_options(parser)
    add("--json", type=Path, metavar="FILE", help="write the trace to this file as well")
    add("--compare", type=Path, metavar="FILE", help="show the first step that departs from this")
    add("--force", action="store_true", help="replace the file of --json if it is already there")
    parser.set_defaults(run=_trace)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    default = "(default: %(default)s)"
    add("--model", choices=sorted(catalog.MODELS), default="htdemucs", help=f"its name {default}")
    add("--weights", type=Path, metavar="FILE", help="its weights (default: fetched once, kept)")
    add("--backend", choices=("numpy", "scipy"), help="what multiplies (default: the faster one)")


# ---- separate -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """One song and the files its stems go to."""

    song: Path
    files: Mapping[str, Path]  # by name of the stem

    @property
    def folder(self) -> Path:
        return next(iter(self.files.values())).parent


def _separate(options: argparse.Namespace) -> int:
    _check_choices(options)
    names = _stem_names(options)
    jobs = [_job(song, names, options) for song in options.songs]
    _refuse_collisions(jobs)
    if not options.force:
        _refuse_to_overwrite(path for job in jobs for path in job.files.values())
    model = None
    exit_code = 0
    for job in jobs:
        try:
            mix = audio.load_mix(job.song, warn=_say)
        except audio.AudioError as error:  # the other songs may be good
            _say(str(error))
            exit_code = 1
            continue
        # Only now: nobody should fetch weights to learn that the song is no song.
        model = model or _load_model(options)
        with _workshop(job.folder) as workshop:
            _refuse_to_fill_the_disk(workshop, mix.shape[1], len(names), options.bits)
            stems = _run(mix, model, job.song, options)
            _write(_selected(stems, options.two_stems), job, workshop, options.bits)
    return exit_code


def _run(mix: np.ndarray, model: catalog.Network, song: Path, options: argparse.Namespace) -> Stems:
    with _progress_bar(song.name) as progress:
        try:
            return separate(mix, model, progress=progress, **_choices(options))
        except ValueError as error:
            raise Refusal(f"{song}: {error}") from error


def _choices(options: argparse.Namespace) -> dict[str, Any]:
    """What was said of how to separate."""
    given = {name: getattr(options, name) for name in _CHOICES}
    return {name: value for name, value in given.items() if value is not None}


def _check_choices(options: argparse.Namespace) -> None:
    model = catalog.MODELS[options.model]
    try:
        options_of(model.architecture, _choices(options))
    except ValueError as error:
        options.usage_error(str(error))
    if options.format == "flac" and options.bits == "32f":
        options.usage_error("FLAC holds integers only: choose --bits 24, or --format wav for 32f.")
    for name in options.targets or ():
        _check_stem(options, name, model.sources)
    if options.two_stems is not None:
        names = _separated(options)
        _check_stem(options, options.two_stems, names)
        if len(names) == 1:
            options.usage_error("Of one stem there are no others: add --residual to --two-stems.")


def _check_stem(options: argparse.Namespace, name: str, names: Sequence[str]) -> None:
    if name not in names:
        options.usage_error(f"There is no stem {name!r}: choose one of {', '.join(names)}.")


def _separated(options: argparse.Namespace) -> tuple[str, ...]:
    """The stems that come out of the model."""
    names = catalog.MODELS[options.model].sources
    if options.targets:
        names = tuple(name for name in names if name in options.targets)
    return (*names, RESIDUAL) if options.residual else names


def _stem_names(options: argparse.Namespace) -> tuple[str, ...]:
    if options.two_stems:
        return options.two_stems, f"no_{options.two_stems}"
    return _separated(options)


def _job(song: Path, names: Sequence[str], options: argparse.Namespace) -> _Job:
    # "...flac" has the stem "..", another folder; Windows drops dots and spaces at the end.
    track = song.stem.rstrip(". ") or song.name
    return _Job(song, {n: options.output / track / f"{n}.{options.format}" for n in names})


def _refuse_collisions(jobs: Sequence[_Job]) -> None:
    songs: dict[str, Path] = {}
    for job in jobs:
        # Some file systems take names that differ in case or in Unicode composition for the same.
        key = unicodedata.normalize("NFC", job.folder.name).casefold()
        if key in songs:
            raise Refusal(
                f"{songs[key]} and {job.song} would both be written to {job.folder}: "
                "separate them in two calls, with different folders after -o."
            )
        songs[key] = job.song


def _refuse_to_overwrite(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists():
            raise Refusal(
                f"{path} is already there: say --force to replace it, or choose another place."
            )


def _refuse_to_fill_the_disk(folder: Path, frames: int, stems: int, bits: str) -> None:
    needed = stems * audio.written_bytes(frames, bits)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refusal(
            f"The stems may take {_megabytes(needed)}, but {folder.parent} has only "
            f"{_megabytes(free)} left: make room, or choose another folder with -o."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder`` that is gone afterwards, whatever happens.

    It is made before anything is computed, so that a place that cannot be written to is found out
    early; finished files move from it to ``folder`` in one step each.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder)
    except OSError as error:
        raise Refusal(
            f"{folder} cannot be written to ({error.strerror}): choose another folder with -o."
        ) from error
    try:
        with temporary as name:
            yield Path(name)
    finally:
        with suppress(OSError):  # it goes if it is empty: nothing was written
            folder.rmdir()


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[int, int, float], None]]:
    bar_format = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} parts{postfix}"
    with audio.require("tqdm").tqdm(desc=title, bar_format=bar_format, file=sys.stderr) as bar:

        def progress(done: int, total: int, seconds_left: float) -> None:
            bar.total, bar.n = total, done
            if not math.isnan(seconds_left):
                bar.set_postfix_str(f"{bar.format_interval(seconds_left)} left", refresh=False)
            bar.refresh()

        yield progress


def _selected(stems: Stems, wanted: str | None) -> dict[str, np.ndarray]:
    """The stems to write, each (2, T): all of them, or one and the sum of the others."""
    if wanted is None:
        return {name: stems[name] for name in stems.sources}
    # As Demucs does it: the sum of the other stems, not the mix minus the wanted one.
    others = np.zeros_like(stems[wanted])
    for name in stems.sources:
        if name != wanted:
            others += stems[name]
    return {wanted: stems[wanted], f"no_{wanted}": others}


def _write(stems: Mapping[str, np.ndarray], job: _Job, workshop: Path, bits: str) -> None:
    gain = audio.shared_gain(list(stems.values()), bits)
    if gain < 1:
        _say(
            f"The loudest stem of {job.song.name} would clip: all its stems were turned down by "
            f"{-20 * math.log10(gain):.2f} dB together (--bits 32f keeps their level)."
        )
    for name, path in job.files.items():
        audio.write(workshop / path.name, stems[name], bits, gain)
    for path in job.files.values():
        try:
            os.replace(workshop / path.name, path)
        except OSError as error:  # another program may hold the old file open
            raise Refusal(f"{path} could not be replaced: {error.strerror}.") from error
        print(path, flush=True)


# ---- models and their weights -------------------------------------------------------------------


def _load_model(options: argparse.Namespace) -> catalog.Network:
    if options.weights is None:
        _fetch_weights_if_missing(options.model)
    try:
        model = load_model(options.model, weights=options.weights, backend=options.backend)
    except (OSError, ValueError, ImportError) as error:
        raise Refusal(str(error)) from error
    if model.sources != catalog.MODELS[options.model].sources:
        raise Refusal(
            f"{options.weights} is for a model with the stems {', '.join(model.sources)}, "
            f"which is not {options.model}: choose another file."
        )
    return model


def _fetch_weights_if_missing(name: str) -> None:
    path = catalog.default_weights(name)
    if path.exists():
        return
    from py_demixer.weights import fetch, manifest  # knows networks: not for those who need none

    try:
        fetch.ensure(manifest.load()[name], path.parent, report=_say)  # says licence and size first
    except fetch.FetchError as error:
        raise Refusal(str(error)) from error


def _models(_: argparse.Namespace) -> int:
    from py_demixer.weights import manifest

    for name, model in manifest.load().items():
        path = catalog.default_weights(name)
        state = "here" if path.exists() else "fetched when first needed"
        print(f"{name}: {model.title}")
        print(f"  stems    {', '.join(model.stems)}")
        print(f"  licence  {model.licence.text} {model.licence.url}")
        print(f"  weights  {_megabytes(model.file.bytes)}, {state}: {path}")
    return 0


# ---- trace --------------------------------------------------------------------------------------

_NUMBERS = ("min", "max", "mean", "std", "sum")
_COLUMNS = "{:<34} {:>16}" + " {:>11}" * len(_NUMBERS) + " {:>9} {:>9}"


def _trace(options: argparse.Namespace) -> int:
    if options.json and not options.force:
        _refuse_to_overwrite([options.json])
    theirs = _read_trace(options.compare) if options.compare else None
    mix = audio.load_mix(options.song, warn=_say)
    model = _load_model(options)
    with trace.record() as steps:
        _run_beginning(mix, model)
    if options.json:
        _write_trace(steps, options.json)
    if theirs is not None:
        return _print_difference(steps, theirs)
    _print_steps(steps)
    return 0


def _run_beginning(mix: np.ndarray, model: catalog.Network) -> None:
    """Run the network once, as :func:`py_demixer.separate` begins."""
    if isinstance(model, OpenUnmix):
        separate(mix[:, : WINDOW * model.config.n_fft // 4 - 1], model)
        return
    work = plan(model, measure(mix, model.sample_rate), options_of("htdemucs", {}))
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
        _say(f"All {len(ours)} steps agree.")
        return 0
    _say("The first step that departs (this run above, the other trace below):")
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
