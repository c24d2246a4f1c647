"""The functions that the web page's workers call.

JavaScript keeps the song, the stems and everything in between: from one call to the next, a worker
keeps nothing about a song but its plan, which it can make again. Ranges of planes come in as
``Float32Array`` objects and are returned as NumPy arrays, from which JavaScript copies. Structured
arguments and results are JSON strings. Errors that the user can do something about are ValueErrors
whose message is a sentence.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer import backends
from py_demixer import trace as tracing
from py_demixer.analysis import Analyser
from py_demixer.errors import NotRecordable, UnsupportedOperation
from py_demixer.gpu import selftest
from py_demixer.gpu.schedule import Schedule, packed, schedule
from py_demixer.models.ensemble import Ensemble, networks_of
from py_demixer.models.network import Model
from py_demixer.models.segmented import Segmented
from py_demixer.ops import backend
from py_demixer.program.record import record
from py_demixer.separation import planning, statistics, tasks
from py_demixer.separation.segments import SegmentPlan
from py_demixer.separation.together import EnsemblePlan
from py_demixer.version import __version__
from py_demixer.weights import checkpoint
from py_demixer.weights.networks import build_model

_weights: list[NDArray[np.uint8]] = []  # of the model, or of those of an ensemble
_are_loaded = False
_model: Model | None = None


def allocate(size: int) -> NDArray[np.uint8]:
    """Allocate memory for a weight file of ``size`` bytes, for JavaScript to fill: uint8.

    The file's tensors are views into it, so the weights are in the heap only once. For an ensemble,
    this is called for each of its models.
    """
    global _are_loaded
    if _are_loaded:  # those of the model before
        _weights.clear()
        _are_loaded = False
    _weights.append(np.empty(size, np.uint8))
    return _weights[-1]


def needs_scipy(backend_name: str | None = None) -> bool:
    """Whether SciPy must be loaded before :func:`load`, because there are no kernels."""
    try:
        return backends.find(backend_name).kernels is None
    except ImportError:
        return True


def load(backend_name: str | None = None) -> str:
    """Build the model from the memory that :func:`allocate` returned; an ensemble from several.

    Returns
    -------
    str
        JSON: sources, sample_rate, channels, measure_block, backend, build (what the exact bits of
        the results depend on, besides the package's version), versions.
    """
    global _model, _are_loaded
    if not _weights:
        raise RuntimeError("Call allocate() before load().")
    _plan.cache_clear()  # it may hold a plan for the previous model
    chosen = backends.find(backend_name)
    models = [build_model(checkpoint.read(content), chosen) for content in _weights]
    _are_loaded = True
    _model = models[0] if len(models) == 1 else Ensemble(tuple(models))
    return json.dumps(
        {
            "sources": _model.sources,
            "sample_rate": _model.sample_rate,
            "channels": _model.channels,
            "measure_block": statistics.MEASURE_BLOCK,
            "backend": _model.backend.name,
            "build": _model.backend.build,
            "versions": {
                "py_demixer": __version__,
                "numpy": np.__version__,
                "python": sys.version.split()[0],
            },
        }
    )


def downmix_matrix(channels: int) -> str:
    """The matrix that mixes ``channels`` channels down to stereo, as JSON (2 x channels)."""
    return json.dumps(statistics.downmix_matrix(channels).tolist())


class Measure:
    """Measures a song block by block, as it is decoded."""

    def __init__(self) -> None:
        self._meter = statistics.Meter(loaded().sample_rate)
        self._digest = hashlib.blake2b(digest_size=16)

    def update(self, samples: Any) -> None:
        """Take in the next ``measure_block`` frames (fewer at the end), interleaved.

        Raises
        ------
        ValueError
            A sample is infinite or NaN; the message says where.
        """
        block = _frames(samples, loaded().channels)
        self._digest.update(block.data)
        self._meter.update(block.T)

    def finish(self) -> str:
        """Return JSON: the song's length in frames, mean, std and the digest of its samples."""
        song = self._meter.finish()
        return json.dumps(asdict(song) | {"digest": self._digest.hexdigest()})


class Analysis:
    """Finds tempo, beats and key of a separated song, block by block.

    Parameters
    ----------
    sources
        JSON of the stems' names, in order.
    """

    def __init__(self, sources: str) -> None:
        self._analyser = Analyser(json.loads(sources), loaded().sample_rate)

    def update(self, blocks: Sequence[Any]) -> None:
        """Take in the next frames: of each stem the same number, any, interleaved."""
        channels = loaded().channels
        self._analyser.update(np.stack([_frames(block, channels).T for block in blocks]))

    def finish(self) -> str:
        """Return JSON: beats (positions in frames), bpm, and the key's tonic and mode.

        What is not clear is null.
        """
        found = self._analyser.finish()
        beats, key = found.beats, found.key
        return json.dumps(
            {
                "beats": beats and beats.frames.tolist(),
                "bpm": beats and beats.bpm,
                "key": key and asdict(key),
            }
        )


def plan(song: str, options: str) -> str:
    """Plan a song.

    Parameters
    ----------
    song
        JSON of :class:`tasks.SongStatistics`.
    options
        JSON of the values for :func:`planning.make_options`.

    Returns
    -------
    str
        JSON: ``stems`` (names, in order), ``planes`` (by name: width, frames, origin, temporary)
        and ``tasks`` (reads and writes, each plane, start and length; after; cost; network).

    Raises
    ------
    ValueError
        The song is empty, or an option is out of range.
    """
    work = _plan(song, options)
    planes = {name: asdict(plane) for name, plane in work.planes.items()}
    described = [_described(task) for task in work.tasks]
    return json.dumps({"stems": work.stems, "planes": planes, "tasks": described})


def run(song: str, options: str, index: int, inputs: Sequence[Any]) -> list[NDArray[np.float32]]:
    """Run a task of the song's plan.

    Parameters
    ----------
    song, options
        As for :func:`plan`.
    index
        Index of the task.
    inputs
        The ranges that it reads, each a Float32Array.

    Returns
    -------
    list[NDArray[np.float32]]
        The ranges that it writes, each ``(length, width)`` float32 in C order.
    """
    work = _plan(song, options)
    return _contiguous(work.run(index, _inputs(work, index, inputs)))


def trace(song: str, options: str, index: int, inputs: Sequence[Any]) -> str:
    """Run a task as :func:`run` does, and return statistics of its network's named steps.

    Returns
    -------
    str
        JSON: name, shape, min, max, mean and std of each step; see :class:`trace.Step`. The list
        is empty for a task that runs no network.
    """
    with tracing.record() as steps:
        run(song, options, index, inputs)
    told = ("name", "shape", "min", "max", "mean", "std")
    return json.dumps([{name: getattr(step, name) for name in told} for step in steps])


def speed() -> float:
    """The speed of matrix products in GFLOP/s: the best of a few with 512 x 512 float32."""
    size = 512
    a = np.ones((size, size), np.float32)
    with backend.using(loaded().backend):
        best = min(_seconds(lambda: backend.gemm(a, a)) for _ in range(5))
    return 2e-9 * size**3 / best


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def prepare(song: str, options: str, index: int, inputs: Sequence[Any]) -> NDArray[np.float32]:
    """The first part of a task that runs a network: make the network's input; see :func:`run`.

    Returns
    -------
    NDArray[np.float32]
        The network's input, float32.
    """
    work = _segments(song, options)
    mixture = work.prepare(index, _inputs(work, index, inputs))
    return _segmented()[_number(work.tasks[index])].input_for(mixture)


def finish(song: str, options: str, index: int, stems: Any) -> list[NDArray[np.float32]]:
    """The last part: make what the task writes from the network's output, a Float32Array."""
    work = _segments(song, options)
    network = _segmented()[_number(work.tasks[index])]
    shape = len(network.sources), network.channels, -1
    return _contiguous(work.finish(index, _flat(stems).reshape(shape)))


class Network:
    """A network for a graphics card: see :class:`py_demixer.gpu.schedule.Schedule`.

    Its arrays are returned one by one, as they are copied to the card, so that Python's memory
    never holds the weights twice.

    Parameters
    ----------
    plan
        Its schedule.
    tensors
        Its weights by name.
    """

    def __init__(self, plan: Schedule, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._schedule, self._tensors = plan, tensors

    def described(self) -> str:
        """JSON of :meth:`Schedule.described`."""
        return json.dumps(self._schedule.described())

    def sizes(self) -> NDArray[np.uint8]:
        """The content of the buffer for the uniforms."""
        return _bytes(self._schedule.sizes)

    def constants(self) -> NDArray[np.uint8]:
        """The content of the buffer for the constants."""
        return _bytes(self._schedule.constants)

    def weight(self, number: int) -> NDArray[np.uint8]:
        """The bytes of one weight, as shaders read them."""
        return _bytes(packed(self._schedule.weights[number][-1], self._tensors))


def networks() -> list[Network]:
    """The networks of the model, in the order of :attr:`tasks.Task.network`, for whole segments.

    Raises
    ------
    ValueError
        Graphics cards cannot run them; the message is a sentence.
    """
    return [_for_card(network) for network in _segmented()]


def network(number: int, size: int) -> Network:
    """One of the networks, for an input from :func:`prepare` with this many numbers.

    Its weights are laid out on the card as those of the network for whole segments.
    """
    found = _segmented()[number]
    return _for_card(found, size // found.input_rows)


def self_tests() -> list[SelfTest]:
    """The tests that a graphics card must pass before it is used for songs with this model."""
    kinds = dict.fromkeys(network.architecture for network in networks_of(loaded()))
    return [SelfTest(kind) for kind in kinds]


class SelfTest:
    """A test of the shaders for one architecture."""

    def __init__(self, architecture: str) -> None:
        self._test = selftest.of(architecture)

    def network(self) -> Network:
        """The network to run."""
        return _for_card(self._test.network)

    def segment(self) -> NDArray[np.float32]:
        """The input for the network, float32."""
        return self._test.segment()

    def passes(self, stems: Any) -> bool:
        """Whether the network's output, a Float32Array, is correct."""
        return self._test.is_right(_flat(stems))


def loaded() -> Model:
    """The model that :func:`load` has built."""
    if _model is None:
        raise RuntimeError("There is no model yet: call load() first.")
    return _model


@functools.lru_cache(maxsize=1)
def _plan(song: str, options: str) -> tasks.Plan:
    model = loaded()
    chosen = planning.make_options(model.architecture, json.loads(options))
    return planning.plan(model, tasks.SongStatistics(**json.loads(song)), chosen)


def _described(task: tasks.Task) -> dict[str, object]:
    return {
        "reads": [asdict(part) for part in task.reads],
        "writes": [asdict(part) for part in task.writes],
        "after": task.after,
        "cost": task.cost,
        "network": task.network,
    }


def _segments(song: str, options: str) -> SegmentPlan | EnsemblePlan:
    work = _plan(song, options)
    assert isinstance(work, SegmentPlan | EnsemblePlan), "Only segments have networks."
    return work


def _number(task: tasks.Task) -> int:
    assert task.network is not None, "The task is the run of a network."
    return task.network


def _segmented() -> list[Segmented]:
    """The model's networks."""
    members = networks_of(loaded())
    found = [member for member in members if isinstance(member, Segmented)]
    if len(found) < len(members):
        raise ValueError("Open-Unmix has no shaders: it runs on the processor.")
    return found


def _for_card(network: Segmented, samples: int | None = None) -> Network:
    """A network for segments of that many samples; None for its default."""
    return Network(_scheduled(network, samples), network.tensors)


def _scheduled(network: Segmented, samples: int | None) -> Schedule:
    shape = network.input_shape if samples is None else (network.input_rows, samples)
    try:
        return schedule(record(network.network, shape, network.tensors))
    except NotRecordable as error:
        raise ValueError(
            "This kind of network has no shaders: it runs on the processor."
        ) from error
    except UnsupportedOperation as error:
        raise ValueError(str(error)) from error


def _inputs(work: tasks.Plan, index: int, inputs: Sequence[Any]) -> list[NDArray[np.float32]]:
    widths = (work.planes[part.plane].width for part in work.tasks[index].reads)
    return [_frames(given, width) for given, width in zip(inputs, widths, strict=True)]


def _contiguous(arrays: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    return [np.ascontiguousarray(array) for array in arrays]


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _frames(samples: Any, width: int) -> NDArray[np.float32]:
    """Convert a JavaScript Float32Array to an array ``(n, width)``."""
    return _flat(samples).reshape(-1, width)


def _flat(samples: Any) -> NDArray[np.float32]:
    """Convert a JavaScript Float32Array to a flat array, with one copy into the heap."""
    values = np.empty(samples.length, np.float32)
    samples.assign_to(values)
    return values
