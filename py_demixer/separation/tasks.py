"""The work on a song as a graph of tasks: what each reads and writes, and what it depends on.

All data live in *planes*: named arrays ``(frames, width)`` float32, so that a range of frames is
one contiguous piece of a file. ``"mixture"`` is the song (stereo, interleaved: width 2); each stem
has a plane, named after its source; all other planes are temporary. A :class:`Plan` lists the
planes and the tasks that turn the mixture into the stems. It is a pure function of the model, the
:class:`SongStatistics` and the options, and so is each of its tasks: in any order that ``after``
allows and on any number of machines, the results are bit-identical.

Three programs run plans: :func:`py_demixer.separation.execution.execute`, in order and in one
process; :class:`py_demixer.separation.processes.Workers`, in several processes; and the web page
(web/engine/pool.js), in several workers of the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MIXTURE = "mixture"

Progress = Callable[[int, int, float], None]
"""Called with the cost done, the total cost and the seconds left (nan: not known yet)."""

Cancel = Callable[[], bool]
"""Returns True to stop."""


@dataclass(frozen=True)
class SongStatistics:
    """What must be known about a song before it is separated.

    Attributes
    ----------
    length
        Length in frames.
    mean, std
        Mean and standard deviation of the mono mix-down (see
        :class:`py_demixer.separation.statistics.Meter`).
    """

    length: int
    mean: float
    std: float


@dataclass(frozen=True)
class Plane:
    """A named array ``(frames, width)`` float32.

    Attributes
    ----------
    width
        Values per frame.
    frames
        Number of frames.
    origin
        The index of the first frame; ranges start there or later.
    temporary
        Whether the plane is dropped as soon as all tasks that read it are done.
    """

    width: int
    frames: int
    origin: int = 0
    temporary: bool = False


@dataclass(frozen=True)
class Range:
    """The frames ``[start, start + length)`` of a plane."""

    plane: str
    start: int
    length: int

    @property
    def stop(self) -> int:
        """The first frame after it."""
        return self.start + self.length


@dataclass(frozen=True)
class Task:
    """One piece of work. Kinds of task are subclasses with fields of their own.

    Attributes
    ----------
    reads
        The ranges passed to :meth:`Plan.run`, in this order.
    writes
        The ranges that it returns, in this order; no other task writes them.
    after
        Indices of the tasks that must be done first, all smaller than the task's own index.
    cost
        How long the task takes, in units that the plan chooses; 0 if that is negligible.
    """

    reads: tuple[Range, ...]
    writes: tuple[Range, ...]
    after: tuple[int, ...]
    cost: int

    @property
    def network(self) -> int | None:
        """The index of the network that the task runs, apart from a little work before and after.

        A graphics card can run that network. None: the task runs no such network and belongs on the
        processor.
        """
        return None


def stem_names(stems: str | Iterable[str]) -> tuple[str, ...]:
    """Stem names as a tuple, as options store them; a string is a single name."""
    return (stems,) if isinstance(stems, str) else tuple(stems)


def chosen_stems(sources: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted stems in the model's order; all stems if none are named.

    Raises
    ------
    ValueError
        The model has no such stem.
    """
    for name in wanted:
        if name not in sources:
            raise ValueError(f"There is no stem {name!r}: choose from {', '.join(sources)}.")
    return tuple(name for name in sources if name in wanted or not wanted)


class Plan(Protocol):
    """How to separate a song: planes, and tasks in an order in which they can run."""

    @property
    def planes(self) -> Mapping[str, Plane]:
        """All planes by name: the mixture, the stems and the temporary planes."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the stems' planes, in display order."""

    @property
    def tasks(self) -> Sequence[Task]:
        """All tasks, each after the tasks that it depends on."""

    def run(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run a task: a pure function.

        Parameters
        ----------
        index
            Index of the task.
        inputs
            The ranges that it reads, each ``(length, width)`` float32 in any memory order; they
            are not changed.

        Returns
        -------
        list[NDArray[np.float32]]
            The ranges that it writes, likewise.
        """
