"""The plan for an ensemble: the plans of its models side by side, and tasks that combine stems.

The models advance through the song together, the one that is furthest behind first. So where all
have been, stems become final from the beginning of the song on, as for a single model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from py_demixer.models.ensemble import MEDIAN, Ensemble, networks_of
from py_demixer.ops.stft import Centred

from .execution import Frontier
from .segments import DemucsOptions, SegmentPlan
from .tasks import MIXTURE, Plan, Plane, Range, SongStatistics, Task, chosen_stems, stem_names

N_FFT = 4096
"""Length of the frames whose spectra are compared in a median, in samples."""

SHARE = 1000
"""The cost of each model's tasks in all: models count their work in different units."""


@dataclass(frozen=True)
class EnsembleOptions:
    """Options for separating a song with an ensemble.

    Each model gets those that it has; see :class:`.segments.DemucsOptions`.

    Attributes
    ----------
    stems
        Names of the stems to make, or one name; empty for all of them.
    overlap, shifts, seed, transition_power
        As for Demucs; models that do not cut songs into segments ignore them.
    """

    stems: tuple[str, ...] = ()
    overlap: float = DemucsOptions.overlap
    shifts: int = DemucsOptions.shifts
    seed: int = DemucsOptions.seed
    transition_power: float = DemucsOptions.transition_power

    def __post_init__(self) -> None:
        object.__setattr__(self, "stems", stem_names(self.stems))  # JSON has lists
        self.for_member(DemucsOptions, self.stems)  # checks the values

    def for_member(self, kind: Any, stems: Sequence[str]) -> Any:
        """The options of a model: of that class, with these stems."""
        known = {field.name for field in fields(kind)}
        shared = {field.name: getattr(self, field.name) for field in fields(self)}
        values = {name: value for name, value in shared.items() if name in known}
        return kind(**values | {"stems": tuple(stems)})


def stems_of_members(model: Ensemble, options: EnsembleOptions) -> list[tuple[str, ...]]:
    """For each model, which of the wanted stems it makes; it may make none.

    Raises
    ------
    ValueError
        No model makes a stem that is wanted.
    """
    wanted = chosen_stems(model.sources, options.stems)
    return [tuple(s for s in member.sources if s in wanted) for member in model.members]


@dataclass(frozen=True)
class MemberTask(Task):
    """A task of a model.

    Attributes
    ----------
    member
        Index of the model.
    index
        Index of the task in the model's plan.
    number
        See :attr:`tasks.Task.network`; the networks of all models are numbered together.
    """

    member: int
    index: int
    number: int | None

    @property
    def network(self) -> int | None:
        """See :attr:`tasks.Task.network`."""
        return self.number


@dataclass(frozen=True)
class Combination(Task):
    """Combines the estimates of a part of the song, which makes its stems final."""


class EnsemblePlan:
    """The plan for an ensemble: a :class:`tasks.Plan`.

    Parameters
    ----------
    model, options
        The ensemble and its options.
    song
        The song.
    plans
        The plan of each model for the stems of :func:`stems_of_members`; None for one without any.

    Raises
    ------
    ValueError
        No model makes a stem that is wanted.
    """

    def __init__(
        self,
        model: Ensemble,
        song: SongStatistics,
        options: EnsembleOptions,
        plans: Sequence[Plan | None],
    ) -> None:
        self._model, self._length, self._plans = model, song.length, plans
        self.stems = chosen_stems(model.sources, options.stems)
        self._is_median = model.combination == MEDIAN
        whole = Plane(model.channels, song.length)
        self.planes = dict.fromkeys((MIXTURE, *self.stems), whole)
        for member, plan in self._members():
            for name, plane in plan.planes.items():
                if name != MIXTURE:
                    self.planes[_own(member, name)] = replace(plane, temporary=True)
        self.tasks: list[Task] = []
        self._plan_tasks()

    def run(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """See :meth:`tasks.Plan.run`."""
        task = self.tasks[index]
        if isinstance(task, MemberTask):
            return self._plan(task.member).run(task.index, inputs)
        estimates: dict[str, list[tuple[float, NDArray[np.float32]]]] = {}
        for part, samples in zip(task.reads, inputs, strict=True):
            member, stem = _whose(part.plane)
            estimates.setdefault(stem, []).append((self._model.weight(member), samples))
        seen, made = task.reads[0], task.writes[0]
        if not self._is_median:
            return [_mean(estimates[part.plane]) for part in task.writes]
        inside = slice(made.start - seen.start, made.stop - seen.start)
        return [
            _median([samples for _, samples in estimates[part.plane]], seen.start, self._length)[
                inside
            ]
            for part in task.writes
        ]

    # The two halves of a task with a network: see SegmentPlan.

    def prepare(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """See :meth:`.segments.SegmentPlan.prepare`."""
        task, plan = self._segments(index)
        return plan.prepare(task.index, inputs)

    def finish(self, index: int, stems: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """See :meth:`.segments.SegmentPlan.finish`."""
        task, plan = self._segments(index)
        return plan.finish(task.index, stems)

    def _segments(self, index: int) -> tuple[MemberTask, SegmentPlan]:
        task = cast(MemberTask, self.tasks[index])
        return task, cast(SegmentPlan, self._plan(task.member))

    def _members(self) -> Iterator[tuple[int, Plan]]:
        return ((member, plan) for member, plan in enumerate(self._plans) if plan is not None)

    def _plan(self, member: int) -> Plan:
        plan = self._plans[member]
        assert plan is not None, "A model without stems has no tasks."
        return plan

    # ---- planning tasks -------------------------------------------------------------------------

    def _plan_tasks(self) -> None:
        progress = {
            member: _Progress(member, plan, first)
            for (member, plan), first in zip(
                self._members(), _first_numbers(self._model, self._plans), strict=True
            )
        }
        done = 0
        while done < self._length:
            behind = min(progress.values(), key=lambda one: (one.final, one.member))
            self.tasks.append(behind.next_task(len(self.tasks)))
            stop = min(one.final for one in progress.values())
            if self._is_median and stop < self._length:
                stop -= N_FFT  # frames of what follows reach back as far
            if stop > done:
                self.tasks.append(self._combination(progress.values(), done, stop))
                done = stop

    def _combination(self, every: Iterable[_Progress], start: int, stop: int) -> Combination:
        seen = start, stop
        if self._is_median:
            seen = max(0, start - N_FFT), min(self._length, stop + N_FFT)
        reads, after = [], set[int]()
        for one in every:
            after |= one.writers(*seen)
            for stem in one.stems:
                reads.append(Range(_own(one.member, stem), seen[0], seen[1] - seen[0]))
        writes = tuple(Range(stem, start, stop - start) for stem in self.stems)
        return Combination(tuple(reads), writes, tuple(sorted(after)), cost=0)


class _Progress:
    """How far the tasks of a model have been planned."""

    def __init__(self, member: int, plan: Plan, first_number: int) -> None:
        self.member, self.stems, self.final = member, plan.stems, 0
        self._plan, self._first_number, self._frontier = plan, first_number, Frontier(plan)
        self._places: list[int] = []  # of its tasks among all
        self._writers: list[tuple[int, int, int]] = []  # start, stop, place of those of stems
        self._whole = sum(task.cost for task in plan.tasks)

    def next_task(self, place: int) -> MemberTask:
        """Its next task, which will be at that place among the tasks of all models."""
        index = len(self._places)
        task = self._plan.tasks[index]
        self._places.append(place)
        for part in task.writes:
            if part.plane in self.stems:
                self._writers.append((part.start, part.stop, place))
        for _, stop in self._frontier.advance(task):
            self.final = stop
        number = None if task.network is None else self._first_number + task.network
        return MemberTask(
            reads=tuple(self._renamed(part) for part in task.reads),
            writes=tuple(self._renamed(part) for part in task.writes),
            after=tuple(self._places[other] for other in task.after),
            cost=task.cost and max(1, SHARE * task.cost // self._whole),
            member=self.member,
            index=index,
            number=number,
        )

    def writers(self, start: int, stop: int) -> set[int]:
        """The places of the tasks that write stems in a part of the song."""
        return {place for begin, end, place in self._writers if begin < stop and start < end}

    def _renamed(self, part: Range) -> Range:
        return part if part.plane == MIXTURE else replace(part, plane=_own(self.member, part.plane))


def _own(member: int, plane: str) -> str:
    """The name of a model's plane among those of the ensemble."""
    return f"{member} {plane}"


def _whose(plane: str) -> tuple[int, str]:
    """The model of a plane, and what it calls it."""
    member, _, name = plane.partition(" ")
    return int(member), name


def _first_numbers(model: Ensemble, plans: Sequence[Plan | None]) -> Iterator[int]:
    """For each model with a plan, how many networks those before it have."""
    first = 0
    for member, plan in zip(model.members, plans, strict=True):
        if plan is not None:
            yield first
        first += len(networks_of(member))


# ---- combining ----------------------------------------------------------------------------------


def _mean(estimates: Sequence[tuple[float, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """The weighted mean, added up in the order of the models."""
    ((first, samples), *others) = estimates
    if not others:
        return samples
    total, weights = samples * np.float32(first), first
    for weight, samples in others:
        total += samples * np.float32(weight)
        weights += weight
    total /= np.float32(weights)
    return total


def _median(
    estimates: Sequence[NDArray[np.float32]], start: int, length: int
) -> NDArray[np.float32]:
    """The median of spectra of a part of a song of that length; right but for its first and last
    frames, unless the song begins or ends there.

    Frames are at the same places of the song in whatever part, so the result depends on no part.
    """
    if len(estimates) == 1:
        return estimates[0]
    transform = Centred(length, N_FFT)
    hop, stop = transform.hop, start + len(estimates[0])
    # All frames that see only samples of this part, or lie at an end of the song.
    first = 0 if start == 0 else -(-(start + N_FFT // 2) // hop)
    last = transform.frames - 1 if stop == length else (stop - N_FFT // 2) // hop
    begin, end = transform.reach(first, last + 1 - first)
    spectra = [
        transform.analyse(samples[begin - start : end - start].T, first, last + 1 - first)
        for samples in estimates
    ]
    middle = np.empty_like(spectra[0])
    middle.real = _middle([spectrum.real for spectrum in spectra])
    middle.imag = _middle([spectrum.imag for spectrum in spectra])
    out = np.zeros((stop - start, len(spectra[0])), np.float32)
    sums = transform.synthesise(middle)
    origin = first * hop - N_FFT // 2
    kept = slice(max(start, origin), min(stop, origin + sums.shape[1]))
    weight = transform.weight(kept.start, kept.stop)
    inside = sums[:, kept.start - origin : kept.stop - origin]
    out[kept.start - start : kept.stop - start] = (inside / np.maximum(weight, 1e-8)).T
    return out


def _middle(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The median of arrays, number by number; not NumPy's, which is not in every snapshot."""
    ordered = np.sort(np.stack(values), axis=0)
    half = len(values) // 2
    if len(values) % 2:
        middle: NDArray[np.float32] = ordered[half]
        return middle
    return np.float32(0.5) * (ordered[half - 1] + ordered[half])
