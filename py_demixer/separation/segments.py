"""The plan for Demucs: overlapping segments, separated independently and overlap-added.

It follows Demucs' own inference code (``apply_model`` of demucs/apply.py and ``separate_tensor`` of
demucs/api.py of https://github.com/adefossez/demucs). The mixture is normalised by the mean and
standard deviation of its mono mix-down. Overlapping segments are separated one by one, with real
audio as context where there is any; their stems are weighted with a triangular window and added
up. With ``shifts``, this is repeated for several random time shifts and averaged; with a bag of
networks, it is done for each network.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from py_demixer.models.bag import Bag, SegmentNetwork
from py_demixer.ops.subnormal import SMALLEST, drop_subnormals

from .tasks import MIXTURE, Plane, Range, SongStatistics, Task, chosen_stems, stem_names

MAX_SHIFT_SECONDS = 0.5


@dataclass(frozen=True)
class DemucsOptions:
    """Options for separating a song with Demucs.

    Attributes
    ----------
    stems
        Names of the model's stems to make, or one name; empty for all of them.
    overlap
        Overlap of neighbouring segments, as a fraction of a segment, in [0, 1).
    shifts
        Number of random time shifts to average over; 0 for one pass without a shift.
    seed
        Seed of the random shifts.
    transition_power
        Exponent of the triangular window, at least 1; for segments of 8 s, at most about 7.
    segment
        Length of a segment in seconds; None for the model's own. Memory use grows with it.
        HTDemucs accepts no segments longer than those it was trained with.
    """

    stems: tuple[str, ...] = ()
    overlap: float = 0.25
    shifts: int = 0
    seed: int = 0
    transition_power: float = 1.0
    segment: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stems", stem_names(self.stems))  # JSON has lists
        if not 0 <= self.overlap < 1:
            raise ValueError(f"The overlap must be at least 0 and below 1, not {self.overlap}.")
        if self.shifts < 0:
            raise ValueError(f"The number of shifts must not be negative, it is {self.shifts}.")
        if self.transition_power < 1:
            raise ValueError(
                f"The transition power must be at least 1, not {self.transition_power}."
            )
        if self.segment is not None and not self.segment > 0:
            raise ValueError(f"A segment must last longer than 0 s, not {self.segment} s.")


def triangular_window(length: int, power: float = 1.0) -> NDArray[np.float32]:
    """The weight of each sample of a segment: float32, 1 in the middle.

    Raises
    ------
    ValueError
        The power makes the ends of the window too small for a normal float32 number; the ends of a
        song are divided by them.
    """
    rising = np.arange(1, length // 2 + 1)
    falling = np.arange(length - length // 2, 0, -1)
    window = np.concatenate([rising, falling]).astype(np.float32)
    window /= window.max()
    most = np.log(SMALLEST) / np.log(window.min()) if length > 2 else np.inf
    if power > most:
        raise ValueError(
            f"A transition power of {power:g} leaves nothing of the ends of a segment of {length} "
            f"samples: choose one of at most {np.floor(10 * most) / 10:g}."
        )
    return window ** np.float32(power)


@dataclass(frozen=True)
class Segment(Task):
    """Separates one segment with one network at one shift, into a temporary plane of its own.

    The network gets ``pad_left`` zeros, the samples that the task reads, and ``pad_right`` zeros.
    Of its output, the samples from ``trim`` on are written, weighted with the window from
    ``window_start`` on, for those stems to which the network contributes.
    """

    member: int
    shift: int
    pad_left: int
    pad_right: int
    trim: int
    window_start: int

    @property
    def network(self) -> int:
        """See :attr:`tasks.Task.network`."""
        return self.member


@dataclass(frozen=True)
class Block(Task):
    """Adds up all segments' contributions to a part of the song, which makes its stems final.

    It reads what the tasks in ``after`` wrote there, in the same order. For each network and each
    shift, the sum over the segments is divided by the sum of their windows. The shifts are then
    averaged, and the networks are averaged by their weights. Additions follow the order of the
    plan, so the result does not depend on timing, to the bit.
    """


class SegmentPlan:
    """The plan for a model that separates segments independently: a :class:`tasks.Plan`.

    Raises
    ------
    ValueError
        The song is empty, the overlap leaves no step between segments, the transition power leaves
        nothing of their ends, or the options ask for something that the model cannot do.
    """

    def __init__(
        self, model: SegmentNetwork | Bag, song: SongStatistics, options: DemucsOptions
    ) -> None:
        if song.length < 1:
            raise ValueError("The audio is empty: there is nothing to separate.")
        self._bag, self._song, self._options = Bag.of(model), song, options
        self.stems = chosen_stems(model.sources, options.stems)
        self._shifts = max(1, options.shifts)
        self._segment_length = _segment_length(self._bag, options)
        self._window = triangular_window(self._segment_length, options.transition_power)
        segments = dict(self._segments())
        self.tasks: tuple[Segment | Block, ...] = tuple(_in_order(segments, self.stems))
        self.planes = {name: Plane(model.channels, song.length) for name in (MIXTURE, *self.stems)}
        for name, segment in segments.items():
            (part,) = segment.writes
            width = len(self._says(segment.member)) * model.channels
            self.planes[name] = Plane(width, part.length, part.start, temporary=True)

    def run(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """See :meth:`tasks.Plan.run`."""
        task = self.tasks[index]
        if isinstance(task, Segment):
            stems = self._bag.members[task.member](self.prepare(index, inputs))
            return self.finish(index, stems)
        return self._add_up(task, inputs)

    # The two halves of a segment task, for callers that run the network itself elsewhere.

    def prepare(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Make the input of a segment's network.

        Parameters
        ----------
        index
            Index of the task, a :class:`Segment`.
        inputs
            The ranges that the task reads, as for :meth:`run`.

        Returns
        -------
        NDArray[np.float32]
            The normalised mixture with its context, ``(channels, samples)`` float32.
        """
        task, (part,) = self._segment_task(index), inputs
        mean, std = self._level
        channels = self._bag.channels
        length = task.pad_left + len(part) + task.pad_right
        mixture = np.zeros((channels, length), np.float32)
        inside = mixture[:, task.pad_left : task.pad_left + len(part)]
        np.subtract(part.T, mean, out=inside)
        inside /= std
        drop_subnormals(inside)
        return mixture

    def finish(self, index: int, stems: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Turn the network's output into what the segment writes: at the song's level, weighted.

        Parameters
        ----------
        index
            Index of the task, a :class:`Segment`.
        stems
            The network's output for the input from :meth:`prepare`:
            ``(sources, channels, samples)`` float32. Any samples beyond those are ignored.

        Returns
        -------
        list[NDArray[np.float32]]
            As from :meth:`run`: one array, ``(samples written, stems * channels)`` float32.
        """
        task, channels = self._segment_task(index), self._bag.channels
        mean, std = self._level
        says, kept = self._says(task.member), task.writes[0].length
        stems = stems[..., task.trim : task.trim + kept]
        window = self._window[task.window_start : task.window_start + kept]
        out = np.empty((kept, len(says) * channels), np.float32)
        for place, name in enumerate(says):
            stem = stems[self._bag.sources.index(name)] * std + mean
            stem *= window
            out[:, place * channels : (place + 1) * channels] = stem.T
        return [out]

    @property
    def _level(self) -> tuple[np.float32, np.float32]:
        """What the song is normalised by: its mean and standard deviation."""
        if not self._bag.normalises:
            return np.float32(0), np.float32(1)
        return np.float32(self._song.mean), np.float32(self._song.std)

    def _segment_task(self, index: int) -> Segment:
        task = self.tasks[index]
        assert isinstance(task, Segment), "Only segments have a network."
        return task

    # ---- running blocks -------------------------------------------------------------------------

    def _add_up(
        self, task: Block, inputs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Add contributions ``(n, stems * channels)``; returns ``(n, channels)`` for each stem."""
        channels, length = self._bag.channels, task.writes[0].length
        blocks = {name: np.zeros((length, channels), np.float32) for name in self.stems}
        sums = dict.fromkeys(self.stems, 0.0)
        for member in self._bag.members_for(self.stems):
            average = self._average(task, inputs, member)
            parts = np.split(average, average.shape[1] // channels, axis=1)
            for name, part in zip(self._says(member), parts, strict=True):
                weight = self._weight(member, name)
                blocks[name] += np.float32(weight) * part
                sums[name] += weight
        return [blocks[name] / np.float32(sums[name]) for name in self.stems]

    def _average(
        self, task: Block, inputs: Sequence[NDArray[np.float32]], member: int
    ) -> NDArray[np.float32]:
        """One network's estimate of a block, averaged over the shifts."""
        start, length = task.writes[0].start, task.writes[0].length
        shape = (length, len(self._says(member)) * self._bag.channels)
        average = np.zeros(shape, np.float32)
        for shift in range(self._shifts):
            total, weight = np.zeros(shape, np.float32), np.zeros((length, 1), np.float32)
            for part, contribution, index in zip(task.reads, inputs, task.after, strict=True):
                segment = self._segment_task(index)
                if (segment.member, segment.shift) == (member, shift):
                    here = slice(part.start - start, part.stop - start)
                    first = segment.window_start + part.start - segment.writes[0].start
                    total[here] += contribution
                    weight[here, 0] += self._window[first : first + part.length]
            total /= weight
            average += total
        average /= np.float32(self._shifts)
        return average

    # ---- which networks contribute --------------------------------------------------------------

    def _weight(self, member: int, name: str) -> float:
        return self._bag.weights[member][self._bag.sources.index(name)]

    def _says(self, member: int) -> tuple[str, ...]:
        """The stems of the plan to which a network contributes."""
        return tuple(name for name in self.stems if self._weight(member, name) > 0)

    # ---- planning tasks -------------------------------------------------------------------------

    def _segments(self) -> Iterator[tuple[str, Segment]]:
        """All segments, with the names of their planes; the last ones of each shift are shorter."""
        length, options = self._song.length, self._options
        stride = int((1 - options.overlap) * self._segment_length)
        if stride < 1:
            raise ValueError(
                f"The overlap {options.overlap} leaves no step between segments: lower it."
            )
        wanted = self._bag.members_for(self.stems)
        for member, firsts in enumerate(_first_samples(self._bag, options)):
            for shift, first in enumerate(firsts if member in wanted else ()):
                for index, start in enumerate(range(first, length, stride)):
                    end = min(start + self._segment_length, length)
                    if end > 0:  # a strong overlap can put whole segments before the song
                        name = f"segment {member} {shift} {index}"
                        yield name, self._segment(name, member, shift, start, end)

    def _segment(self, name: str, member: int, shift: int, start: int, end: int) -> Segment:
        """The segment [start, end), with enough context around it to fill the network's input."""
        length = self._song.length
        filled = self._segment_length if self._bag.pads_segments else end - start
        trim = (filled - (end - start)) // 2
        first = start - trim
        input_start, input_end = max(0, first), min(length, first + filled)
        before_song = max(0, -start)
        return Segment(
            reads=(Range(MIXTURE, input_start, input_end - input_start),),
            writes=(Range(name, start + before_song, end - start - before_song),),
            after=(),
            cost=1,
            member=member,
            shift=shift,
            pad_left=input_start - first,
            pad_right=first + filled - input_end,
            trim=trim + before_song,
            window_start=before_song,
        )


def _segment_length(bag: Bag, options: DemucsOptions) -> int:
    if options.segment is None:
        return bag.segment_length
    length = int(options.segment * bag.sample_rate)
    if bag.pads_segments and length > bag.segment_length:
        raise ValueError(
            f"This model takes segments of {bag.segment_length / bag.sample_rate:g} s at most, "
            f"not of {options.segment:g} s: choose shorter ones."
        )
    if length < 1:
        raise ValueError(
            f"A segment of {options.segment} s is shorter than one sample: make it longer."
        )
    return length


def _first_samples(bag: Bag, options: DemucsOptions) -> list[list[int]]:
    """For each network, where each shift's first segment starts: at or before the song's start."""
    if options.shifts == 0:
        return [[0] for _ in bag.members]
    longest = int(MAX_SHIFT_SECONDS * bag.sample_rate)
    rng = random.Random(options.seed)
    return [[rng.randint(0, longest) - longest for _ in range(options.shifts)] for _ in bag.members]


def _in_order(segments: Mapping[str, Segment], stems: Sequence[str]) -> Iterator[Segment | Block]:
    """Order segments by their position in the song, each block right after its last contributor."""
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
            yield _block(alive, done, stop, stems)
            index, done = index + 1, stop


def _block(
    contributors: Sequence[tuple[int, Segment]], start: int, stop: int, stems: Sequence[str]
) -> Block:
    """The block [start, stop), given all its contributors in the order of the plan."""
    reads = []
    for _, segment in contributors:
        (whole,) = segment.writes
        begin, end = max(start, whole.start), min(stop, whole.stop)
        reads.append(Range(whole.plane, begin, end - begin))
    return Block(
        reads=tuple(reads),
        writes=tuple(Range(stem, start, stop - start) for stem in stems),
        after=tuple(index for index, _ in contributors),
        cost=0,
    )
