"""From a song to its stems: measure, plan, separate segment by segment, assemble.

The rules are those of Demucs' own inference (``apply_model`` of demucs/apply.py and
``separate_tensor`` of demucs/api.py of https://github.com/adefossez/demucs): the mixture is
normalised by the mean and standard deviation of its mono mix-down; overlapping segments are
separated one by one, with real audio as context where there is some; their stems are weighted with
a triangular window and added up. With ``shifts``, the whole is done for several random time shifts
and averaged.

Everything here is a pure function of its arguments, shared by the command line and the page, and
what it holds at a time does not depend on the length of the song: tasks are run in the order of
the plan and :class:`Assembler` gives out each block of the song as soon as it is final.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MEASURE_BLOCK = 1 << 20  # samples; fixed, so that every caller gets the same bits
MAX_SHIFT_SECONDS = 0.5

Progress = Callable[[int, int, float], None]


class Model(Protocol):
    """What a network must offer to be run on segments."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def channels(self) -> int:
        """Of the mixture and of each stem."""

    @property
    def segment_length(self) -> int:
        """Samples of a segment."""

    def __call__(self, mixture: np.ndarray) -> np.ndarray:
        """Segment ``(channels, segment_length)`` -> ``(sources, channels, segment_length)``."""


class Cancelled(Exception):
    """The caller asked to stop."""


@dataclass(frozen=True)
class Stems:
    """The result: ``audio (sources, channels, samples)`` float32."""

    sources: tuple[str, ...]
    audio: np.ndarray
    sample_rate: int

    def __getitem__(self, source: str) -> np.ndarray:
        """One stem ``(channels, samples)``; KeyError if there is no source of that name."""
        if source not in self.sources:
            raise KeyError(f"There is no stem {source!r}, only {', '.join(self.sources)}.")
        return self.audio[self.sources.index(source)]


@dataclass(frozen=True)
class Options:
    """How a song is cut and put together.

    Attributes:
        overlap: of neighbouring segments, as a share of a segment, in [0, 1).
        shifts: number of random time shifts to average over; 0 is one pass without a shift.
        seed: of the random shifts.
        transition_power: exponent of the triangular window, at least 1.
    """

    overlap: float = 0.25
    shifts: int = 0
    seed: int = 0
    transition_power: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise ValueError(f"The overlap must be at least 0 and below 1, not {self.overlap}.")
        if self.shifts < 0:
            raise ValueError(f"The number of shifts must not be negative, it is {self.shifts}.")
        if self.transition_power < 1:
            raise ValueError(
                f"The transition power must be at least 1, not {self.transition_power}."
            )


@dataclass(frozen=True)
class Task:
    """One segment of one shift; positions are samples of the song.

    The network gets ``pad_left`` zeros, the song from ``input_start`` on for ``input_length``
    samples, ``pad_right`` zeros. Of what comes out, the samples from ``trim`` on for ``out_length``
    are weighted with the window from ``window_start`` on and belong at ``out_start``.
    """

    shift: int
    index: int
    input_start: int
    input_length: int
    pad_left: int
    pad_right: int
    out_start: int
    out_length: int
    trim: int
    window_start: int

    @property
    def out_stop(self) -> int:
        """The end of the task's contribution."""
        return self.out_start + self.out_length


@dataclass(frozen=True)
class Plan:
    """All tasks of a song, in the order in which they are run and added up."""

    tasks: tuple[Task, ...]
    shifts: int
    window: np.ndarray


def downmix_matrix(channels: int) -> np.ndarray:
    """The matrix ``(2, channels)`` that mixes audio in WAV channel order down to stereo.

    Mono goes to both sides; more than two channels follow the W3C Web Audio rules (section
    "Down-mix"): centre and surrounds at -3 dB (quad: all at -6 dB), no low-frequency channel.

    Raises:
        ValueError: there are no channels or more than eight.
    """
    if channels not in _LAYOUTS:
        raise ValueError(
            f"The audio has {channels} channels; between 1 and {max(_LAYOUTS)} can be mixed down "
            "to stereo: export it as stereo first."
        )
    return np.array([_SIDES[speaker] for speaker in _LAYOUTS[channels]], np.float32).T


_HALF_POWER = 0.5**0.5
_SIDES = {
    "mono": (1.0, 1.0),
    "left": (1.0, 0.0),
    "right": (0.0, 1.0),
    "centre": (_HALF_POWER, _HALF_POWER),
    "low": (0.0, 0.0),
    "surround left": (_HALF_POWER, 0.0),
    "surround right": (0.0, _HALF_POWER),
    "quad left": (0.5, 0.0),
    "quad right": (0.0, 0.5),
    "back": (0.5, 0.5),
}
_FRONT = ("left", "right", "centre")
_SURROUND = ("surround left", "surround right")
_LAYOUTS = {
    1: ("mono",),
    2: ("left", "right"),
    3: _FRONT,
    4: ("quad left", "quad right") * 2,
    5: (*_FRONT, *_SURROUND),
    6: (*_FRONT, "low", *_SURROUND),
    7: (*_FRONT, "low", "back", *_SURROUND),
    8: (*_FRONT, "low", *_SURROUND, *_SURROUND),
}


class Meter:
    """Mean and standard deviation of a song's mono mix-down, block by block.

    Feed it consecutive blocks of ``MEASURE_BLOCK`` samples (the last one may be shorter). Sums are
    float64 and are combined as in Chan, Golub & LeVeque (1979).
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.length = 0
        self._mean = 0.0
        self._squares = 0.0

    def update(self, block: np.ndarray) -> None:
        """Take in the next block ``(channels, samples)``, float32.

        Raises:
            ValueError: a sample is infinite or not a number.
        """
        mono = block.mean(axis=0, dtype=np.float32)
        finite = np.isfinite(mono)
        if not finite.all():
            seconds = (self.length + int(np.argmin(finite))) / self.sample_rate
            raise ValueError(
                f"The audio has a sample that is not a finite number at {seconds:.3f} s: "
                "repair or re-export the file."
            )
        mean = float(mono.mean(dtype=np.float64))
        squares = float(np.square(mono - mean, dtype=np.float64).sum())
        total = self.length + mono.size
        self._squares += squares + (mean - self._mean) ** 2 * self.length * mono.size / total
        self._mean += (mean - self._mean) * mono.size / total
        self.length = total

    @property
    def mean(self) -> float:
        """Mean of the mono mix-down."""
        return self._mean

    @property
    def std(self) -> float:
        """Its standard deviation (unbiased) plus 1e-8, so that silence can be divided by it."""
        return (self._squares / max(1, self.length - 1)) ** 0.5 + 1e-8


def measure(mixture: np.ndarray, sample_rate: int) -> Meter:
    """Measure a song ``(channels, samples)`` that is in memory as a whole: see :class:`Meter`."""
    meter = Meter(sample_rate)
    for start in range(0, mixture.shape[1], MEASURE_BLOCK):
        meter.update(mixture[:, start : start + MEASURE_BLOCK])
    return meter


def plan(length: int, segment_length: int, sample_rate: int, options: Options) -> Plan:
    """Cut a song of ``length`` samples into tasks.

    Raises:
        ValueError: the song is empty.
    """
    if length < 1:
        raise ValueError("The audio is empty: there is nothing to separate.")
    tasks = [
        _task(shift, index, start, end, length, segment_length)
        for shift, first in enumerate(_first_samples(sample_rate, options))
        for index, start, end in _segments(first, length, segment_length, options.overlap)
    ]
    tasks.sort(key=lambda task: (task.out_start, task.shift, task.index))
    return Plan(
        tuple(tasks),
        max(1, options.shifts),
        triangular_window(segment_length, options.transition_power),
    )


def triangular_window(length: int, power: float = 1.0) -> np.ndarray:
    """The weight of each sample of a segment: float32, 1 in the middle."""
    rising = np.arange(1, length // 2 + 1)
    falling = np.arange(length - length // 2, 0, -1)
    window = np.concatenate([rising, falling]).astype(np.float32)
    return (window / window.max()) ** np.float32(power)


def run_task(
    model: Model, task: Task, part: np.ndarray, window: np.ndarray, mean: float, std: float
) -> np.ndarray:
    """Separate one segment: its weighted contribution to the stems.

    Args:
        part: the song's samples of the task's input ``(channels, input_length)`` float32.
        window: the plan's.
        mean, std: of the song, by :class:`Meter`.

    Returns:
        ``(sources, channels, out_length)`` float32.
    """
    mean32, std32 = np.float32(mean), np.float32(std)
    mixture = np.zeros((len(part), task.pad_left + task.input_length + task.pad_right), np.float32)
    inside = mixture[:, task.pad_left : task.pad_left + task.input_length]
    np.subtract(part, mean32, out=inside)
    inside /= std32
    stems = model(mixture)[..., task.trim : task.trim + task.out_length]
    stems = stems * std32 + mean32
    stems *= window[task.window_start : task.window_start + task.out_length]
    return stems


class Assembler:
    """Adds contributions up and gives out the blocks of the song that are final.

    The sum over segments is divided by the sum of their windows, for each shift; then shifts are
    averaged. Additions are done in the order of the plan, so the bits do not depend on timing.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._pending: list[tuple[Task, np.ndarray]] = []
        self._next = 0
        self._done = 0

    def add(self, contribution: np.ndarray) -> tuple[int, np.ndarray] | None:
        """Add the contribution of the plan's next task.

        Returns:
            Start and stems ``(sources, channels, n)`` of the block that has become final, if any.
        """
        tasks = self.plan.tasks
        self._pending.append((tasks[self._next], contribution))
        self._next += 1
        start = self._done
        if self._next < len(tasks):
            stop = tasks[self._next].out_start
        else:
            stop = max(task.out_stop for task, _ in self._pending)
        if stop <= start:
            return None
        block = _assemble(self.plan, self._pending, start, stop)
        self._pending = [(task, array) for task, array in self._pending if task.out_stop > stop]
        self._done = stop
        return start, block


def separate(
    mixture: np.ndarray,
    model: Model,
    *,
    overlap: float = 0.25,
    shifts: int = 0,
    seed: int = 0,
    transition_power: float = 1.0,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Stems:
    """Separate a whole song.

    Args:
        mixture: ``(channels, samples)`` float32 at the model's sample rate.
        model: from :func:`py_demixer.load_model`.
        overlap, shifts, seed, transition_power: see :class:`Options`.
        progress: called with (segments done, segments in all, seconds left) before the first
            segment, where the time is nan, and after each one.
        cancel: asked before each segment; when it returns True, Cancelled is raised.

    Returns:
        The stems, as long as the mixture.

    Raises:
        ValueError: the mixture is empty, has another number of channels than the model, or has
            samples that are not finite; or an option is out of its range.
        Cancelled: ``cancel`` returned True.
    """
    mixture = np.asarray(mixture, np.float32)
    if mixture.ndim != 2 or len(mixture) != model.channels:
        raise ValueError(
            f"The mixture must have the shape ({model.channels}, samples), not {mixture.shape}: "
            "downmix_matrix() helps with other numbers of channels."
        )
    options = Options(overlap, shifts, seed, transition_power)
    length = mixture.shape[1]
    cut = plan(length, model.segment_length, model.sample_rate, options)
    meter = measure(mixture, model.sample_rate)
    audio = np.empty((len(model.sources), model.channels, length), np.float32)
    assembler = Assembler(cut)
    for task in _reported(cut.tasks, progress, cancel):
        part = mixture[:, task.input_start : task.input_start + task.input_length]
        contribution = run_task(model, task, part, cut.window, meter.mean, meter.std)
        final = assembler.add(contribution)
        if final is not None:
            start, block = final
            audio[..., start : start + block.shape[2]] = block
    return Stems(model.sources, audio, model.sample_rate)


def _reported(
    tasks: Sequence[Task], progress: Progress | None, cancel: Callable[[], bool] | None
) -> Iterator[Task]:
    """The tasks, with progress told and cancelling asked for around them."""
    began = time.monotonic()
    for done, task in enumerate(tasks):
        if cancel is not None and cancel():
            raise Cancelled(f"Separation was cancelled after {done} of {len(tasks)} segments.")
        if progress is not None and done == 0:
            progress(0, len(tasks), float("nan"))
        yield task
        if progress is not None:
            each = (time.monotonic() - began) / (done + 1)
            progress(done + 1, len(tasks), each * (len(tasks) - done - 1))


def _first_samples(sample_rate: int, options: Options) -> list[int]:
    """Where each shift's first segment starts: at or before the song's first sample."""
    if options.shifts == 0:
        return [0]
    longest = int(MAX_SHIFT_SECONDS * sample_rate)
    rng = random.Random(options.seed)
    return [rng.randint(0, longest) - longest for _ in range(options.shifts)]


def _segments(
    first: int, length: int, segment_length: int, overlap: float
) -> Iterator[tuple[int, int, int]]:
    """Index, start and end of the segments of one shift; the last ones are shorter."""
    stride = int((1 - overlap) * segment_length)
    if stride < 1:
        raise ValueError(f"The overlap {overlap} leaves no step between segments: lower it.")
    for index, start in enumerate(range(first, length, stride)):
        end = min(start + segment_length, length)
        if end > 0:  # a strong overlap can put whole segments before the song
            yield index, start, end


def _task(shift: int, index: int, start: int, end: int, length: int, segment_length: int) -> Task:
    """The segment [start, end) with as much context around it as fills the network's input."""
    trim = (segment_length - (end - start)) // 2
    first = start - trim
    input_start, input_end = max(0, first), min(length, first + segment_length)
    before_song = max(0, -start)
    return Task(
        shift=shift,
        index=index,
        input_start=input_start,
        input_length=input_end - input_start,
        pad_left=input_start - first,
        pad_right=first + segment_length - input_end,
        out_start=start + before_song,
        out_length=end - start - before_song,
        trim=trim + before_song,
        window_start=before_song,
    )


def _assemble(
    plan: Plan, contributions: Sequence[tuple[Task, np.ndarray]], start: int, stop: int
) -> np.ndarray:
    """The stems of the block [start, stop), to which all contributions are there."""
    shape = (*contributions[0][1].shape[:2], stop - start)
    block = np.zeros(shape, np.float32)
    for shift in range(plan.shifts):
        total = np.zeros(shape, np.float32)
        weight = np.zeros(stop - start, np.float32)
        for task, contribution in contributions:
            begin, end = max(start, task.out_start), min(stop, task.out_stop)
            if task.shift != shift or begin >= end:
                continue
            here = slice(begin - start, end - start)
            there = slice(begin - task.out_start, end - task.out_start)
            total[..., here] += contribution[..., there]
            weight[here] += plan.window[task.window_start :][there]
        total /= weight
        block += total
    block /= np.float32(plan.shifts)
    return block
