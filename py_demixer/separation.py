"""From a song to its stems: measure, plan, separate segment by segment, add up.

This is the one way for both families of models. How Open-Unmix's songs are planned is in
:mod:`py_demixer.sweep`, how Demucs' are is here, by the rules of its own inference (``apply_model``
of demucs/apply.py and ``separate_tensor`` of demucs/api.py of
https://github.com/adefossez/demucs): the mixture is normalised by the mean and standard deviation
of its mono mix-down; overlapping segments are separated one by one, with real audio as context
where there is some; their stems are weighted with a triangular window and added up. With
``shifts``, the whole is done for several random time shifts and averaged.

Everything here is a pure function of its arguments, shared by the command line and the page. A
plan's tasks come in an order that makes each block of the song final as early as possible: what is
held beside the song and its stems does not depend on the song's length.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from . import sweep
from .models.openunmix import OpenUnmix
from .tasks import MIXTURE, Plan, Plane, Progress, Range, Song, Task, execute

MEASURE_BLOCK = 1 << 20  # samples; fixed, so that every caller gets the same bits
MAX_SHIFT_SECONDS = 0.5


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

    def finish(self) -> Song:
        """The song that was fed.

        Its standard deviation is the unbiased one plus 1e-8, so that silence can be divided by it.
        """
        std = (self._squares / max(1, self.length - 1)) ** 0.5 + 1e-8
        return Song(self.length, self._mean, std)


def measure(mixture: np.ndarray, sample_rate: int) -> Song:
    """Measure a song ``(channels, samples)`` that is in memory as a whole: see :class:`Meter`."""
    meter = Meter(sample_rate)
    for start in range(0, mixture.shape[1], MEASURE_BLOCK):
        meter.update(mixture[:, start : start + MEASURE_BLOCK])
    return meter.finish()


def triangular_window(length: int, power: float = 1.0) -> np.ndarray:
    """The weight of each sample of a segment: float32, 1 in the middle."""
    rising = np.arange(1, length // 2 + 1)
    falling = np.arange(length - length // 2, 0, -1)
    window = np.concatenate([rising, falling]).astype(np.float32)
    return (window / window.max()) ** np.float32(power)


@dataclass(frozen=True)
class Segment(Task):
    """Separates one segment of one shift into its own temporary plane.

    The network gets ``pad_left`` zeros, what the task reads of the song, ``pad_right`` zeros. Of
    what comes out, the samples from ``trim`` on are written, weighted with the window from
    ``window_start`` on.
    """

    shift: int
    pad_left: int
    pad_right: int
    trim: int
    window_start: int


@dataclass(frozen=True)
class Block(Task):
    """Adds up all that was written for a stretch of the song: its stems are final then.

    The sum over segments is divided by the sum of their windows, for each shift; then shifts are
    averaged. Additions are done in the order of the plan, so the bits do not depend on timing.

    Attributes:
        shifts: of each range that is read, the number of the shift it belongs to.
        window_starts: and the index of its first sample's weight in the window.
    """

    shifts: tuple[int, ...]
    window_starts: tuple[int, ...]


class SegmentPlan:
    """The plan of a model that separates segments, each on its own: a :class:`tasks.Plan`.

    Raises:
        ValueError: the song is empty, or the overlap leaves no step between segments.
    """

    def __init__(self, model: Model, song: Song, options: Options) -> None:
        if song.length < 1:
            raise ValueError("The audio is empty: there is nothing to separate.")
        self._model, self._song = model, song
        self._shifts = max(1, options.shifts)
        self._window = triangular_window(model.segment_length, options.transition_power)
        segments = dict(_segments(model, song, options))
        self.stems = model.sources
        self.tasks: tuple[Segment | Block, ...] = tuple(_in_order(segments, model.sources))
        self.planes = {
            name: Plane(model.channels, song.length) for name in (MIXTURE, *model.sources)
        } | {name: self._temporary(segment.writes[0]) for name, segment in segments.items()}

    def _temporary(self, part: Range) -> Plane:
        width = len(self._model.sources) * self._model.channels
        return Plane(width, part.length, part.start, temporary=True)

    def run(self, index: int, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See :meth:`tasks.Plan.run`."""
        task = self.tasks[index]
        if isinstance(task, Segment):
            return [self._separate(task, inputs[0])]
        return self._add_up(task, inputs)

    def _separate(self, task: Segment, part: np.ndarray) -> np.ndarray:
        """``(n, channels)`` of the song -> ``(out, sources * channels)``, weighted."""
        mean, std = np.float32(self._song.mean), np.float32(self._song.std)
        length = task.pad_left + len(part) + task.pad_right
        mixture = np.zeros((self._model.channels, length), np.float32)
        inside = mixture[:, task.pad_left : task.pad_left + len(part)]
        np.subtract(part.T, mean, out=inside)
        inside /= std
        out_length = task.writes[0].length
        stems = self._model(mixture)[..., task.trim : task.trim + out_length]
        stems = stems * std + mean
        stems *= self._window[task.window_start : task.window_start + out_length]
        return np.ascontiguousarray(stems.reshape(-1, out_length).T)

    def _add_up(self, task: Block, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Contributions ``(n, sources * channels)`` -> ``(n, channels)`` for each source."""
        start, length = task.writes[0].start, task.writes[0].length
        shape = (length, inputs[0].shape[1])
        block = np.zeros(shape, np.float32)
        for shift in range(self._shifts):
            total = np.zeros(shape, np.float32)
            weight = np.zeros((length, 1), np.float32)
            for part, contribution, its_shift, window_start in zip(
                task.reads, inputs, task.shifts, task.window_starts, strict=True
            ):
                if its_shift == shift:
                    here = slice(part.start - start, part.stop - start)
                    total[here] += contribution
                    weight[here, 0] += self._window[window_start : window_start + part.length]
            total /= weight
            block += total
        block /= np.float32(self._shifts)
        return np.split(block, len(task.writes), axis=1)


def options(model: Model | OpenUnmix, values: Mapping[str, Any]) -> Options | sweep.Options:
    """The options of a model, see :func:`options_of`."""
    return options_of("openunmix" if isinstance(model, OpenUnmix) else "htdemucs", values)


def options_of(architecture: str, values: Mapping[str, Any]) -> Options | sweep.Options:
    """The options of a kind of model: :class:`sweep.Options` for Open-Unmix, else :class:`Options`.

    Raises:
        ValueError: there is no such option, or a value is out of its range.
    """
    kind = sweep.Options if architecture == "openunmix" else Options
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise ValueError(f"This model has no option {name!r}, only {', '.join(known)}.")
    return kind(**values)


def plan(model: Model | OpenUnmix, song: Song, options: Options | sweep.Options) -> Plan:
    """Cut a song into tasks, as the model needs it.

    Args:
        options: of the model's kind, see :func:`options`.

    Raises:
        ValueError: the song is empty, or the options ask for what the model cannot do.
    """
    if isinstance(model, OpenUnmix):
        assert isinstance(options, sweep.Options)
        return sweep.SweepPlan(model, song, options)
    assert isinstance(options, Options)
    return SegmentPlan(model, song, options)


def separate(
    mixture: np.ndarray,
    model: Model | OpenUnmix,
    *,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    **choices: Any,
) -> Stems:
    """Separate a whole song.

    Args:
        mixture: ``(channels, samples)`` float32 at the model's sample rate.
        model: from :func:`py_demixer.load_model`.
        progress: called with (parts done, parts in all, seconds left) before the first part, where
            the time is nan, and after each one.
        cancel: asked before each part; when it returns True, Cancelled is raised.
        choices: overlap, shifts, seed and transition_power of :class:`Options`; for Open-Unmix
            targets, residual, niter, softmask and block of :class:`py_demixer.sweep.Options`.

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
    chosen = options(model, choices)
    work = plan(model, measure(mixture, model.sample_rate), chosen)
    audio = np.empty((len(work.stems), *mixture.shape), np.float32)
    stems = {source: stem.T for source, stem in zip(work.stems, audio, strict=True)}
    execute(work, {MIXTURE: mixture.T, **stems}, progress, cancel)
    return Stems(work.stems, audio, model.sample_rate)


def _first_samples(sample_rate: int, options: Options) -> list[int]:
    """Where each shift's first segment starts: at or before the song's first sample."""
    if options.shifts == 0:
        return [0]
    longest = int(MAX_SHIFT_SECONDS * sample_rate)
    rng = random.Random(options.seed)
    return [rng.randint(0, longest) - longest for _ in range(options.shifts)]


def _segments(model: Model, song: Song, options: Options) -> Iterator[tuple[str, Segment]]:
    """By the names of their planes; the last ones of each shift are shorter."""
    length, segment_length = song.length, model.segment_length
    stride = int((1 - options.overlap) * segment_length)
    if stride < 1:
        raise ValueError(
            f"The overlap {options.overlap} leaves no step between segments: lower it."
        )
    for shift, first in enumerate(_first_samples(model.sample_rate, options)):
        for index, start in enumerate(range(first, length, stride)):
            end = min(start + segment_length, length)
            if end > 0:  # a strong overlap can put whole segments before the song
                name = f"segment {shift} {index}"
                yield name, _segment(name, shift, start, end, length, segment_length)


def _segment(
    name: str, shift: int, start: int, end: int, length: int, segment_length: int
) -> Segment:
    """The segment [start, end) with as much context around it as fills the network's input."""
    trim = (segment_length - (end - start)) // 2
    first = start - trim
    input_start, input_end = max(0, first), min(length, first + segment_length)
    before_song = max(0, -start)
    return Segment(
        reads=(Range(MIXTURE, input_start, input_end - input_start),),
        writes=(Range(name, start + before_song, end - start - before_song),),
        after=(),
        cost=1,
        shift=shift,
        pad_left=input_start - first,
        pad_right=first + segment_length - input_end,
        trim=trim + before_song,
        window_start=before_song,
    )


def _in_order(segments: Mapping[str, Segment], sources: Sequence[str]) -> Iterator[Segment | Block]:
    """Segments by their place in the song, each block right after its last contributor."""
    ordered = sorted(segments.values(), key=lambda segment: segment.writes[0].start)
    starts = [segment.writes[0].start for segment in ordered]
    end = max(segment.writes[0].stop for segment in ordered)
    alive: list[tuple[int, Segment]] = []
    index = done = 0
    for segment, stop in zip(ordered, [*starts[1:], end], strict=True):
        yield segment
        alive.append((index, segment))
        index += 1
        if stop > done:
            alive = [(i, other) for i, other in alive if other.writes[0].stop > done]
            yield _block(alive, done, stop, sources)
            index, done = index + 1, stop


def _block(
    contributors: Sequence[tuple[int, Segment]], start: int, stop: int, sources: Sequence[str]
) -> Block:
    """The block [start, stop), all contributors of which are given, in the order of the plan."""
    reads, window_starts = [], []
    for _, segment in contributors:
        (whole,) = segment.writes
        begin, end = max(start, whole.start), min(stop, whole.stop)
        reads.append(Range(whole.plane, begin, end - begin))
        window_starts.append(segment.window_start + begin - whole.start)
    return Block(
        reads=tuple(reads),
        writes=tuple(Range(source, start, stop - start) for source in sources),
        after=tuple(index for index, _ in contributors),
        cost=0,
        shifts=tuple(segment.shift for _, segment in contributors),
        window_starts=tuple(window_starts),
    )
