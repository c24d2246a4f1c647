"""Work on a song as a graph of tasks: what is read, what is written, what comes before what.

All data live in *planes*: named arrays ``(frames, width)`` float32, so that a range of frames is
one piece of a file. ``"mixture"`` is the song (stereo, interleaved: width 2); there is one plane
for each stem, named by its source; anything else is temporary. A :class:`Plan` says which planes
there are and which tasks turn the mixture into the stems. It is a pure function of the model, the
:class:`SongStatistics` and the options, and so is each of its tasks: whoever runs them, in whatever
order ``after`` allows, on however many machines, gets the same bits.

Three programs run plans: :func:`py_demixer.separation.execution.execute`, in order and in one
process; :class:`py_demixer.separation.processes.Workers`, in several; and the page
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
"""Is told how much is done, how much there is, and the seconds left (nan: not known yet)."""

Cancel = Callable[[], bool]
"""Is asked whether to stop."""


@dataclass(frozen=True)
class SongStatistics:
    """What is known of a song before it is separated.

    Attributes
    ----------
    length
        Frames.
    mean, std
        Of the mono mix-down (see :class:`py_demixer.separation.statistics.Meter`).
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
        Numbers per frame.
    frames
        How many.
    origin
        The index of the first one; ranges count from there.
    temporary
        It is dropped as soon as all tasks that read it are done.
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
        What :meth:`Plan.run` gets, in this order.
    writes
        What it returns, in this order; no other task writes there.
    after
        Indices, all smaller than its own, of the tasks that must be done before.
    cost
        How long it takes, in units of the plan's choice; 0 for one that hardly counts.
    """

    reads: tuple[Range, ...]
    writes: tuple[Range, ...]
    after: tuple[int, ...]
    cost: int

    @property
    def network(self) -> int | None:
        """The number of the model's network that it is the run of, with a little before and after.

        That much of it a graphics card can do. None: it is none, and for the processor.
        """
        return None


def stem_names(stems: str | Iterable[str]) -> tuple[str, ...]:
    """Names of stems as options keep them; a string is the name of one."""
    return (stems,) if isinstance(stems, str) else tuple(stems)


def chosen_stems(sources: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The stems that are wanted, in the model's order; all of them where none are named.

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
    """How a song becomes stems: planes, and tasks in an order in which they can be run."""

    @property
    def planes(self) -> Mapping[str, Plane]:
        """All of them, by name: the mixture, the stems, the temporary ones."""

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the stems' planes, in the order in which they are shown."""

    @property
    def tasks(self) -> Sequence[Task]:
        """All of them, each after those it needs."""

    def run(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run a task: a pure function.

        Parameters
        ----------
        index
            Of the task.
        inputs
            Its reads, each ``(length, width)`` float32 in any memory order; not changed.

        Returns
        -------
        list[NDArray[np.float32]]
            Its writes, likewise.
        """
