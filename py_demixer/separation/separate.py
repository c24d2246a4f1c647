"""Separate a mixture into its stems: the entry points for programs.

Every model works the same way: the song is measured, planned (``segments.py``, ``recurrent.py``)
and run task by task, in this process (``execution.py``) or in several (``processes.py``). The
result is a pure function of the mixture, the model and the options. The memory used besides the
song and its stems does not depend on the song's length.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.models.network import Model

from . import planning
from .execution import execute, held_bytes
from .planes import InFiles, InMemory, Planes
from .planning import Options
from .processes import Workers
from .statistics import as_mixture, as_samples, check_finite, check_sample_rate, measure
from .tasks import Cancel, Plan, Progress, Range, SongStatistics

MEMORY_BYTES = 64 << 20
"""Limit for a stream's planes in memory; a plan that needs more keeps its planes in files."""


@dataclass(frozen=True, eq=False)
class Stems(Mapping[str, NDArray[np.float32]]):
    """Stems by name, in the model's order; each is ``(channels, samples)`` float32.

    Attributes
    ----------
    sources
        Names of the stems.
    audio
        All stems: ``(stems, channels, samples)`` float32.
    sample_rate
        Sample rate in Hz.
    start
        Position of their first sample in the song.
    """

    sources: tuple[str, ...]
    audio: NDArray[np.float32]
    sample_rate: int
    start: int = 0

    def __getitem__(self, source: str) -> NDArray[np.float32]:
        """One stem; raises KeyError if there is none of that name."""
        if source not in self.sources:
            raise KeyError(f"There is no stem {source!r}, only {', '.join(self.sources)}.")
        return self.audio[self.sources.index(source)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    # Comparing arrays gives no single truth value, so compare by identity.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


def separate(
    mixture: NDArray[np.floating],
    model: Model,
    options: Options | None = None,
    *,
    sample_rate: int | None = None,
    workers: int | Workers | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Stems:
    """Separate a whole song.

    Parameters
    ----------
    mixture
        ``(channels, samples)`` floats with full scale at +-1, at the model's sample rate; or
        ``(samples,)`` for mono, which is copied to all channels.
    model
        From :func:`py_demixer.load_model`.
    options
        :class:`DemucsOptions` or :class:`OpenUnmixOptions`, depending on the model; None for the
        defaults.
    sample_rate
        Sample rate of the mixture in Hz, to be checked against the model's; None skips the check.
    workers
        Running worker processes, or the number to start for this song; None to compute in this
        process. Any number gives the same result, to the bit.
    progress
        Called with (parts done, total parts, seconds left) before the first part, when the time is
        nan, and after each part.
    cancel
        Called before each part; Cancelled is raised when it returns True.

    Returns
    -------
    Stems
        The stems, each as long as the mixture.

    Raises
    ------
    ValueError
        The mixture is empty, its number of channels or its sample rate differs from the model's,
        or its samples are integers or not finite; an option is out of range; or the workers have
        another model.
    TypeError
        The options are for another kind of model, or ``workers`` has another type.
    Cancelled
        ``cancel`` returned True.
    """
    check_sample_rate(sample_rate, model.sample_rate)
    mixture = as_mixture(mixture, model.channels)
    song = measure([mixture], model.sample_rate)
    plan = planning.plan(model, song, options)
    audio = np.empty((len(plan.stems), *mixture.shape), np.float32)
    with ExitStack() as stack:
        run = _Run(stack, model, song, options, plan, workers, in_memory=True)
        for stems in run.stretches([mixture], progress, cancel):
            audio[:, :, stems.start : stems.start + stems.audio.shape[2]] = stems.audio
    return Stems(plan.stems, audio, model.sample_rate)


def separate_blocks(
    blocks: Iterable[NDArray[np.floating]],
    model: Model,
    options: Options | None = None,
    *,
    song: SongStatistics,
    sample_rate: int | None = None,
    workers: int | Workers | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    scratch: str | Path | None = None,
) -> Iterator[Stems]:
    """Separate a song that comes in blocks, and yield its stems in blocks.

    Memory use does not depend on the song's length, and the stems are bit-identical to those of
    :func:`separate`. Where a lot of data has to be kept at a time (Open-Unmix processes the whole
    song before it makes stems), it is kept in temporary files.

    Parameters
    ----------
    blocks
        ``(channels, samples)`` floats or ``(samples,)`` for mono, as for :func:`separate`; blocks
        may have any length. Each is consumed only when it is needed, and copied if it is kept, so
        a buffer may be reused for the next block.
    song
        Length and level of the whole song: the result of :func:`measure` for the same blocks in a
        first pass, or values already known.
    model, options, sample_rate, workers, progress, cancel
        See :func:`separate`.
    scratch
        Folder for temporary files; None for the system's default.

    Yields
    ------
    Stems
        The next samples of all stems; ``start`` is their position in the song.

    Raises
    ------
    ValueError
        See :func:`separate`; or the blocks together are shorter or longer than the song.
    TypeError, Cancelled
        See :func:`separate`.

    Examples
    --------
    >>> song = measure(blocks(), model.sample_rate)                       # doctest: +SKIP
    >>> for stems in separate_blocks(blocks(), model, song=song):         # doctest: +SKIP
    ...     file.write(stems["vocals"].T)
    """
    check_sample_rate(sample_rate, model.sample_rate)
    plan = planning.plan(model, song, options)
    with ExitStack() as stack:
        in_memory = held_bytes(plan) <= MEMORY_BYTES
        run = _Run(stack, model, song, options, plan, workers, in_memory, scratch)
        yield from run.stretches(_copies(blocks, model.sample_rate), progress, cancel)


def _copies(
    blocks: Iterable[NDArray[np.floating]], sample_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Copy the caller's blocks, whose buffers may be reused, and reject non-finite samples.

    :func:`measure` checks for these too, but ``song`` need not come from it.
    """
    start = 0
    for block in blocks:
        samples = np.array(as_samples(block))
        check_finite(samples, start, sample_rate)
        start += samples.shape[1]
        yield samples


class _Run:
    """One song being separated: where its planes are stored and what runs its tasks."""

    def __init__(
        self,
        stack: ExitStack,
        model: Model,
        song: SongStatistics,
        options: Options | None,
        plan: Plan,
        workers: int | Workers | None,
        in_memory: bool,
        scratch: str | Path | None = None,
    ) -> None:
        self._plan, self._model, self._song, self._options = plan, model, song, options
        self._workers: Workers | None = None
        if isinstance(workers, int | np.integer):
            workers = stack.enter_context(Workers(model, int(workers)))
        elif workers is not None and not isinstance(workers, Workers):
            raise TypeError(f"workers is a number or Workers, not {workers!r}.")
        elif workers is not None and workers.model is not model:
            raise ValueError(
                "These workers were started with another model: start them with this one."
            )
        if workers is None and in_memory:
            self._planes: Planes = InMemory()
            return
        self._workers = workers
        temporary = tempfile.TemporaryDirectory(prefix="py-demixer-", dir=scratch)
        self._folder = Path(stack.enter_context(temporary))
        self._planes = InFiles(self._folder, plan.planes)

    def stretches(
        self,
        blocks: Iterable[NDArray[np.float32]],
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Iterator[Stems]:
        """Yield the stems as they become final, in the order of the song."""
        if self._workers is None:
            found = execute(self._plan, blocks, self._planes, progress, cancel)
        else:
            found = self._workers.execute(
                self._song, self._options, blocks, self._folder, progress, cancel
            )
        for start, stop in found:
            parts = [Range(name, start, stop - start) for name in self._plan.stems]
            audio = np.stack([self._planes.read(part).T for part in parts])
            for name in self._plan.stems:
                self._planes.forget(name, stop if stop < self._song.length else None)
            yield Stems(self._plan.stems, audio, self._model.sample_rate, start)
