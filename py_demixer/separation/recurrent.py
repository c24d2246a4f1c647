"""The plan for Open-Unmix: LSTM passes over the whole song, block by block.

The LSTM runs over all frames of the song in both directions, layer by layer. So that no worker has
to hold a whole song, each layer and direction is a chain of tasks, one per block of frames. The
state passed from one block to the next is in a small plane of its own; a layer's outputs are in
temporary planes. The song is then filtered in windows of 300 frames, each on its own, as openunmix
does. The mixture's spectrogram is recomputed where it is needed, because it would be four times as
large as the song. Source: ``Separator`` of openunmix/model.py.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from py_demixer.models.openunmix import OpenUnmix
from py_demixer.ops.stft import Centred
from py_demixer.ops.wiener import wiener

from .tasks import MIXTURE, Plane, Range, SongStatistics, Task, chosen_stems, stem_names

WINDOW = 300
"""Number of frames filtered together: openunmix's ``wiener_win_len``."""

BLOCK = 600
"""Number of frames in one LSTM task: 14 s."""

RESIDUAL = "residual"
_SIDES = ("left", "right")

# Milliseconds per frame, measured for UMXL and UMXHQ in Chromium 156: a constant term, a term
# linear in the network's width and a quadratic one, the last two given for a width of 1024.
_ENCODE_MS = (0.27, 0.13, 0.0)
_PASS_MS = (0.0, 0.0, 0.26)
_MERGE_MS = (0.0, 0.0, 0.12)
_WINDOW_MS = (1.4, 1.0, 0.0)


@dataclass(frozen=True)
class OpenUnmixOptions:
    """Options for separating a song with Open-Unmix.

    Attributes
    ----------
    stems
        Names of the model's stems to make, or one name; empty for all of them.
    residual
        Make one more stem from what the others leave of the mixture.
    niter
        Iterations of the Wiener filter's expectation maximisation. A single stem is not refined,
        because there is no other source to tell it from.
    softmask
        Start the iterations from the stems' shares of the mixture.
    block
        Number of frames in one LSTM task.
    """

    stems: tuple[str, ...] = ()
    residual: bool = False
    niter: int = 1
    softmask: bool = False
    block: int = BLOCK

    def __post_init__(self) -> None:
        object.__setattr__(self, "stems", stem_names(self.stems))  # JSON has lists
        if self.niter < 0:
            raise ValueError(f"The number of iterations must not be negative, it is {self.niter}.")
        if self.block < 1:
            raise ValueError(f"A block must have at least one frame, not {self.block}.")


@dataclass(frozen=True)
class Encode(Task):
    """Encodes a block of frames of the mixture for one source."""

    source: str
    first: int
    count: int


@dataclass(frozen=True)
class LstmPass(Task):
    """Runs one layer of one source's LSTM over a block of frames in one direction.

    Attributes
    ----------
    carried
        Whether the last range read is a state, and whether the last range written is one.
    """

    source: str
    layer: int
    reverse: bool
    carried: tuple[bool, bool]


@dataclass(frozen=True)
class Merge(Task):
    """Merges the encoder's and the last LSTM layer's outputs for a block of frames."""

    source: str


@dataclass(frozen=True)
class Window(Task):
    """Masks and filters a window of frames and transforms it back to samples.

    It reads the mixture and every source's merged frames. Samples to which a neighbouring window
    contributes too are written to a temporary plane.
    """

    first: int
    count: int


@dataclass(frozen=True)
class Join(Task):
    """Adds the contributions of two neighbouring windows to the samples that they share."""


class RecurrentPlan:
    """The plan for a model whose LSTMs run over the whole song: a :class:`tasks.Plan`.

    Raises
    ------
    ValueError
        The song is empty, or the model has no such stem.
    """

    def __init__(self, model: OpenUnmix, song: SongStatistics, options: OpenUnmixOptions) -> None:
        if song.length < 1:
            raise ValueError("The audio is empty: there is nothing to separate.")
        self._model, self._options = model, options
        self._transform = Centred(song.length, model.config.n_fft)
        self._targets = chosen_stems(model.sources, options.stems)
        self.stems = (*self._targets, *([RESIDUAL] if options.residual else []))
        self._iterations = options.niter if len(self.stems) > 1 else 0
        self.planes = {name: Plane(model.channels, song.length) for name in (MIXTURE, *self.stems)}
        self.tasks: list[Task] = []
        # For each plane: (start of a range, index of the task that writes it), sorted by start.
        self._writers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for source in self._targets:
            self._plan_network(source)
        self._plan_windows()

    def run(self, index: int, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """See :meth:`tasks.Plan.run`."""
        task = self.tasks[index]
        if isinstance(task, Encode):
            return [self._model.encode(task.source, np.abs(self._spectrum(task, inputs[0]))).T]
        if isinstance(task, LstmPass):
            return self._lstm_pass(task, inputs)
        if isinstance(task, Merge):
            return [self._model.merge(task.source, _stacked(inputs)).T]
        if isinstance(task, Window):
            return self._filter(task, *inputs)
        return self._final(inputs[0] + inputs[1], task.reads[0].start, task.writes)

    # ---- running tasks --------------------------------------------------------------------------

    def _spectrum(self, task: Encode | Window, part: NDArray[np.float32]) -> NDArray[np.complex64]:
        return self._transform.analyse(part.T, task.first, task.count)

    def _lstm_pass(
        self, task: LstmPass, inputs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        has_state, leaves_state = task.carried
        x = _stacked(inputs[:-1] if has_state else inputs)
        state = inputs[-1] if has_state else np.zeros((2, len(x) // 2), np.float32)
        out, state = self._model.lstm_pass(task.source, task.layer, task.reverse, x, state)
        return [out.T, state] if leaves_state else [out.T]

    def _filter(
        self, task: Window, part: NDArray[np.float32], *merged: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        spectrum = self._spectrum(task, part)
        magnitudes = np.empty((len(merged), *spectrum.shape), np.float32)
        np.abs(spectrum, out=magnitudes[0])
        magnitudes[1:] = magnitudes[0]
        for source, x, magnitude in zip(self._targets, merged, magnitudes, strict=True):
            magnitude *= self._model.mask(source, x.T)
        spectra = wiener(
            magnitudes,
            spectrum,
            self._iterations,
            softmask=self._options.softmask,
            residual=self._options.residual,
        )
        del magnitudes
        heard = np.concatenate([self._transform.synthesise(stem) for stem in spectra]).T
        return self._final(heard, (task.first - 2) * self._transform.hop, task.writes)

    def _final(
        self, heard: NDArray[np.float32], start: int, writes: Iterable[Range]
    ) -> list[NDArray[np.float32]]:
        """Cut the written ranges out of contributions ``(n, stems * channels)`` from ``start`` on.

        Samples of the stems are final and are divided by the sum of the squared windows.
        """
        out = []
        for part in writes:
            cut = heard[part.start - start : part.stop - start]
            if part.plane in self.stems:
                first = self.stems.index(part.plane) * self._model.channels
                cut = cut[:, first : first + self._model.channels]
                cut = cut / self._transform.weight(part.start, part.stop)[:, None]
            out.append(cut)
        return out

    # ---- planning tasks -------------------------------------------------------------------------

    def _plan_network(self, source: str) -> None:
        """Add one source's tasks, from the mixture to its merged frames."""
        config, frames, step = self._model.config, self._transform.frames, self._options.block
        blocks = [(first, min(step, frames - first)) for first in range(0, frames, step)]
        encoded = self._temporary(f"encoded {source}", config.hidden, frames)
        for first, count in blocks:
            reads, writes = [self._heard(first, count)], [Range(encoded, first, count)]
            cost = self._cost(count, *_ENCODE_MS)
            self._add(Encode, reads, writes, cost, source, first, count)
        below: tuple[str, ...] = (encoded,)
        for layer in range(config.layers):
            below = tuple(
                self._plan_layer(source, layer, reverse, below, blocks) for reverse in (False, True)
            )
        merged = self._temporary(_merged(source), config.hidden, frames)
        for first, count in blocks:
            reads = [Range(name, first, count) for name in (encoded, *below)]
            writes, cost = [Range(merged, first, count)], self._cost(count, *_MERGE_MS)
            self._add(Merge, reads, writes, cost, source)

    def _plan_layer(
        self,
        source: str,
        layer: int,
        reverse: bool,
        below: Sequence[str],
        blocks: Sequence[tuple[int, int]],
    ) -> str:
        """Add a chain of tasks and return the name of the plane with their outputs."""
        name = f"layer {layer} {'backward' if reverse else 'forward'} {source}"
        width, links = self._model.config.hidden // 2, len(blocks) - 1
        found = self._temporary(name, width, self._transform.frames)
        states = self._temporary(f"state {name}", width, 2 * links) if links else ""
        for place, (first, count) in enumerate(reversed(blocks) if reverse else blocks):
            carried = place > 0, place < links
            reads = [Range(plane, first, count) for plane in below]
            writes = [Range(found, first, count)]
            reads += [Range(states, 2 * place - 2, 2)] if carried[0] else []
            writes += [Range(states, 2 * place, 2)] if carried[1] else []
            cost = self._cost(count, *_PASS_MS)
            self._add(LstmPass, reads, writes, cost, source, layer, reverse, carried)
        return found

    def _plan_windows(self) -> None:
        """Add the windows, each followed by the join with the window before it."""
        frames = self._transform.frames
        for first in range(0, frames, WINDOW):
            count = min(WINDOW, frames - first)
            (begin, done), (stop, end) = self._border(first), self._border(first + count)
            writes = [Range(stem, done, stop - done) for stem in self.stems if stop > done]
            writes += [self._edge(f"right of {first}", begin, done)] if done else []
            writes += [self._edge(f"left of {first + count}", stop, end)] if end > stop else []
            reads = [self._heard(first, count)]
            reads += [Range(_merged(source), first, count) for source in self._targets]
            self._add(Window, reads, writes, self._cost(count, *_WINDOW_MS), first, count)
            if done:
                edges = [Range(f"{side} of {first}", begin, done - begin) for side in _SIDES]
                common = [Range(stem, begin, done - begin) for stem in self.stems]
                self._add(Join, edges, common, 0)

    def _cost(self, count: int, constant: float, linear: float, square: float) -> int:
        """The cost of ``count`` frames, in units of 50 ms."""
        width = self._model.config.hidden / 1024
        return max(1, round(count * (constant + linear * width + square * width**2) / 50))

    def _border(self, frame: int) -> tuple[int, int]:
        """The samples to which frames on both sides contribute; empty at the ends of the song."""
        hop, length = self._transform.hop, self._transform.length
        if frame == 0:
            return 0, 0
        if frame == self._transform.frames:
            return length, length
        return (frame - 2) * hop, min(length, (frame + 1) * hop)

    def _heard(self, first: int, count: int) -> Range:
        start, stop = self._transform.reach(first, count)
        return Range(MIXTURE, start, stop - start)

    def _edge(self, name: str, start: int, stop: int) -> Range:
        width = len(self.stems) * self._model.channels
        return Range(self._temporary(name, width, stop - start, start), start, stop - start)

    def _temporary(self, name: str, width: int, frames: int, origin: int = 0) -> str:
        self.planes[name] = Plane(width, frames, origin, temporary=True)
        return name

    def _add(
        self,
        kind: Callable[..., Task],
        reads: Sequence[Range],
        writes: Sequence[Range],
        cost: int,
        *fields: object,
    ) -> None:
        """Append a task that depends on the tasks which write what it reads."""
        before = {index for part in reads for index in self._written(part)}
        for part in writes:
            bisect.insort(self._writers[part.plane], (part.start, len(self.tasks)))
        after = tuple(sorted(before))
        self.tasks.append(kind(tuple(reads), tuple(writes), after, cost, *fields))

    def _written(self, part: Range) -> Iterator[int]:
        """The indices of the tasks that write a range."""
        if part.plane == MIXTURE:
            return
        written = self._writers[part.plane]
        last = bisect.bisect_left(written, (part.stop, 0))
        first = bisect.bisect_right(written, (part.start, len(self.tasks))) - 1
        yield from (index for _, index in written[first:last])


def _merged(source: str) -> str:
    return f"merged {source}"


def _stacked(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Stack ranges ``(n, width)`` of several planes as rows: ``(sum of widths, n)``."""
    return np.concatenate(parts, axis=1).T
