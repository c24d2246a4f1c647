"""Code shared by the commands: messages, models, options, workers and progress."""

from __future__ import annotations

import argparse
import glob
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from py_demixer import DemucsOptions, OpenUnmixOptions, Workers, backends
from py_demixer.audio import encode
from py_demixer.audio.files import FORMATS, Output
from py_demixer.errors import FetchError
from py_demixer.extras import require
from py_demixer.models.ensemble import COMBINATIONS, Ensemble
from py_demixer.models.network import Model
from py_demixer.separation import planning
from py_demixer.separation.recurrent import RESIDUAL
from py_demixer.separation.tasks import chosen_stems
from py_demixer.weights import checkpoint, loading, manifest, networks, own
from py_demixer.weights.checkpoint import Checkpoint

BACKENDS = tuple(name for name in backends.BACKENDS if name != "kernels")  # WebAssembly only


class Refusal(Exception):
    """A request that cannot be fulfilled; the message is a sentence that says why."""


def say(sentence: str) -> None:
    """Print a message for the user to standard error."""
    print(f"py-demixer: {sentence}", file=sys.stderr, flush=True)


def expanded(places: Iterable[Path]) -> list[Path]:
    """Expand patterns such as ``*.wav``, because not every shell does.

    A path that exists is taken literally, and a pattern without matches is kept unchanged.
    """
    found = []
    for place in places:
        pattern = str(place)
        is_pattern = glob.escape(pattern) != pattern and not place.exists()
        fitting = sorted(glob.glob(pattern, recursive=True)) if is_pattern else []
        found += [Path(name) for name in fitting] or [place]
    return found


def refuse_to_overwrite(paths: Iterable[Path]) -> None:
    """Raise a Refusal if one of the files exists."""
    for path in paths:
        if path.exists():
            raise Refusal(
                f"{path} already exists: add --force to replace it, or choose another place."
            )


# ---- models -------------------------------------------------------------------------------------


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options for the model, its weights and the backend."""
    add = parser.add_argument
    add(
        "--model",
        choices=tuple(manifest.MODELS),
        help=f"the model to use (default: {manifest.DEFAULT}, or the one that --weights holds)",
    )
    add(
        "--weights",
        type=Path,
        metavar="FILE",
        help="its weight file, or a checkpoint of your own: PyTorch or safetensors (default: the "
        "published weights, fetched once)",
    )
    add(
        "--config",
        type=Path,
        metavar="YAML",
        help="the configuration of the program that trained a checkpoint of your own",
    )
    add(
        "--backend",
        choices=BACKENDS,
        help="what runs the model; webgpu is the graphics card (default: the processor)",
    )
    parser.set_defaults(ensemble=None, then=())


def add_ensemble(parser: argparse.ArgumentParser) -> None:
    """Add the options for several models, beside those of :func:`add_model`."""
    add = parser.add_argument
    add(
        "--ensemble",
        type=_members,
        metavar="A,B",
        help="several models whose stems are combined: names or checkpoints of your own, each with "
        ":WEIGHT if they are not to count alike",
    )
    add(
        "--combine",
        choices=COMBINATIONS,
        default=COMBINATIONS[0],
        help="how: the mean of samples or the median of spectra (default: %(default)s)",
    )
    add(
        "--then",
        type=_second,
        action="append",
        default=[],
        metavar="STEM=MODEL",
        help="separate a stem further with a second model, a name or a checkpoint of your own; once"
        " for each stem",
    )


def _members(text: str) -> tuple[argparse.Namespace, ...]:
    members = [part.strip() for part in text.split(",")]
    if not all(members):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of models: A,B or A:2,B")
    return tuple(map(_member, members))


def _member(text: str) -> argparse.Namespace:
    name, _, weight = text.rpartition(":")
    try:
        return _named(name, float(weight)) if name else _named(text)
    except ValueError:  # a colon in the name of a file
        return _named(text)


def _second(text: str) -> tuple[str, argparse.Namespace]:
    stem, equals, model = text.partition("=")
    if not (stem and equals and model):
        raise argparse.ArgumentTypeError(f"{text} is not of the form STEM=MODEL")
    return stem, _named(model)


def _named(text: str, weight: float = 1.0) -> argparse.Namespace:
    """A model as the options of :func:`add_model` would choose it; a configuration is beside it."""
    one = argparse.Namespace(weight=weight, ensemble=None, backend=None, config=None)
    one.model = text if text in manifest.MODELS else None
    one.weights = None if one.model else Path(text)
    if one.weights:
        beside = (one.weights.with_suffix(ending) for ending in (".yaml", ".yml"))
        one.config = next((path for path in beside if path.is_file()), None)
    return one


def is_own(options: argparse.Namespace) -> bool:
    """Whether the model is whatever the file of ``--weights`` holds."""
    return options.model is None and options.weights is not None


def model_name(options: argparse.Namespace) -> str:
    """The name of the chosen model; that of its file if it has no other."""
    return str(options.weights.stem) if is_own(options) else options.model or manifest.DEFAULT


def opened(options: argparse.Namespace) -> Checkpoint:
    """The content of the weight file of the chosen model; a checkpoint of one's own is read once.

    Raises
    ------
    Refusal
        It cannot be read, or nothing is known about such a network.
    """
    try:
        if not is_own(options):
            return checkpoint.read(weight_file(options).read_bytes())
        if not hasattr(options, "opened"):
            settings = own.read_settings(options.config) if options.config else None
            options.opened = own.open_checkpoint(options.weights, settings)
    except FileNotFoundError as error:
        raise Refusal(f"There is no file {error.filename}.") from error
    except OSError as error:
        raise Refusal(f"{error.filename} cannot be read: {error.strerror}.") from error
    except (ValueError, ImportError) as error:
        raise Refusal(str(error)) from error
    content: Checkpoint = options.opened
    return content


def _described(options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """The architecture of the chosen model and its stems, before it is loaded."""
    if options.ensemble:
        stems = [stem for member in options.ensemble for stem in _described(member)[1]]
        return Ensemble.architecture, tuple(dict.fromkeys(stems))
    if is_own(options):
        held = networks.read_networks(opened(options))
        return held.architecture, held.config.sources
    model = manifest.named(model_name(options))
    return model.architecture, model.stems


def load_model(options: argparse.Namespace) -> Model:
    """Load the chosen model, fetching its weights if necessary."""
    try:
        if options.ensemble:
            members = tuple(load_named(one, options) for one in options.ensemble)
            weights = tuple(one.weight for one in options.ensemble)
            are_alike = all(weight == 1 for weight in weights)
            return Ensemble(members, () if are_alike else weights, options.combine)
        if is_own(options):
            return loading.load_opened(opened(options), options.backend)
        return loading.load_model(model_name(options), options.weights, options.backend, say)
    except (FetchError, OSError, ValueError, ImportError) as error:
        raise Refusal(str(error)) from error


def load_named(one: argparse.Namespace, options: argparse.Namespace) -> Model:
    """Load a model that another option than ``--model`` names, for the same backend."""
    one.backend = options.backend
    return load_model(one)


def weight_file(options: argparse.Namespace) -> Path:
    """The path of the weight file of the chosen model, which has been loaded."""
    path: Path = options.weights or loading.default_weights(model_name(options))
    return path


# ---- options of models --------------------------------------------------------------------------


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options of models; not every kind of model has every option."""
    parser.add_argument(
        "--stems", type=_names, metavar="A,B", help="which stems to make (default: all)"
    )
    add = parser.add_argument_group("Demucs").add_argument
    usual = DemucsOptions()
    overlap = f"how far neighbouring segments overlap (default: {usual.overlap})"
    add("--overlap", type=float, metavar="X", help=overlap)
    shifts = f"average over N random time shifts (default: {usual.shifts})"
    add("--shifts", type=int, metavar="N", help=shifts)
    add("--seed", type=int, metavar="N", help=f"of the random shifts (default: {usual.seed})")
    add("--segment", type=float, metavar="S", help="seconds in a segment (default: the model's)")
    add = parser.add_argument_group("Open-Unmix").add_argument
    add("--residual", action="store_true", default=None, help="add a stem of what the others leave")
    niter = f"iterations of the Wiener filter (default: {OpenUnmixOptions().niter})"
    add("--niter", type=int, metavar="N", help=niter)


def choices(options: argparse.Namespace) -> planning.Options:
    """The separation options for the chosen model.

    Raises
    ------
    ValueError
        The model has no such option, or a value is out of range.
    """
    kinds = [procedure.options for procedure in planning.PROCEDURES.values()]
    every = {field.name for kind in kinds for field in fields(kind)}
    if options.ensemble and (options.model or options.weights or options.config):
        raise ValueError("--ensemble names all models: leave out --model, --weights and --config.")
    if options.config and not is_own(options):
        raise ValueError("--config is for a checkpoint of your own: name it with --weights.")
    said = {name: value for name, value in vars(options).items() if name in every}
    given = {name: value for name, value in said.items() if value is not None}
    return planning.make_options(_described(options)[0], given)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


# ---- output -------------------------------------------------------------------------------------


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options for how stems are written."""
    add, default = parser.add_argument, "(default: %(default)s)"
    add("--two-stems", metavar="STEM", help="write STEM and no_STEM, the sum of the others")
    add(
        "--sum-to-mixture",
        action="store_true",
        help="stems that add up to the song: what they leave goes to other or, if there is no such "
        "stem, to one of its own, remainder",
    )
    add("--remainder-into", metavar="STEM", help="the same, with another stem, or with remainder")
    add("--format", choices=FORMATS, default="wav", help=f"format of the files {default}")
    add("--bits", choices=encode.SUBTYPES, default="16", help=f"bits per sample {default}")


@dataclass(frozen=True)
class Wanted:
    """The checked options for separation and output."""

    choices: planning.Options
    output: Output
    stems: tuple[str, ...]
    """Names of the files, without the extension."""
    then: Mapping[str, argparse.Namespace]
    """By the name of a stem, the model that separates it further."""


def wanted(options: argparse.Namespace) -> Wanted:
    """Check the options for separation and output.

    Raises
    ------
    SystemExit
        The options are wrong usage.
    """
    try:
        chosen = choices(options)
        whole = options.remainder_into or options.sum_to_mixture
        output = Output(options.format, options.bits, options.two_stems, whole)
        made = chosen_stems(_described(options)[1], chosen.stems)
        if getattr(chosen, "residual", False):
            made = (*made, RESIDUAL)
        then = dict(options.then)
        if len(then) < len(options.then):
            raise ValueError("--then can separate each stem only once.")
        further = {stem: _described(second)[1] for stem, second in then.items()}
        return Wanted(chosen, output, output.names_after(output.names(made), further), then)
    except ValueError as error:
        options.usage_error(str(error))
        raise  # not reached: usage_error() exits


# ---- processes ----------------------------------------------------------------------------------


def add_jobs(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option for the number of processes."""
    parser.add_argument("-j", "--jobs", type=_at_least_one, metavar="N", help=what)


def start_workers(model: Model, options: argparse.Namespace) -> Workers:
    """Start the requested number of worker processes."""
    if model.backend.compiler is not None:
        raise Refusal(
            "Several processes cannot share a graphics card: leave out --jobs or --backend webgpu."
        )
    try:
        return Workers(model, options.jobs)
    except ValueError as error:
        raise Refusal(str(error)) from error


def _at_least_one(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return count


# ---- progress -----------------------------------------------------------------------------------


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, float], None]]:
    """Show a progress bar for a song on standard error, from the first report on."""
    bar_format = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} parts{postfix}"
    tqdm: Any = require("tqdm").tqdm
    with ExitStack() as stack:
        bars: list[Any] = []

        def progress(done: int, total: int, seconds_left: float) -> None:
            if not bars:
                bar = tqdm(desc=title, bar_format=bar_format, file=sys.stderr)
                bars.append(stack.enter_context(bar))
            (bar,) = bars
            bar.total, bar.n = total, done
            if not math.isnan(seconds_left):
                bar.set_postfix_str(f"{bar.format_interval(seconds_left)} left", refresh=False)
            bar.refresh()

        yield progress
