"""Storage for a song's planes during separation: in memory or in files.

Nothing is written twice, so a range that is read may be a view of the array that was written.
Ranges that no task reads any more are dropped. Where a plan needs little of a song at a time, the
memory it takes therefore does not grow with the song's length.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .tasks import Plane, Range

FLOAT_BYTES = 4


class Planes(Protocol):
    """Storage for planes."""

    def write(self, part: Range, values: NDArray[np.float32]) -> None:
        """Store ``values (length, width)`` float32; the array must not be changed afterwards."""

    def read(self, part: Range) -> NDArray[np.float32]:
        """Return what was written there: ``(length, width)`` float32; it must not be changed."""

    def forget(self, plane: str, before: int | None) -> None:
        """Allow frames before this one to be dropped (None: all); they are not read any more."""


class InMemory:
    """Planes in memory, kept as the pieces in which they were written."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[tuple[int, NDArray[np.float32]]]] = defaultdict(list)

    def write(self, part: Range, values: NDArray[np.float32]) -> None:
        """See :meth:`Planes.write`."""
        bisect.insort(self._pieces[part.plane], (part.start, values), key=_start)

    def read(self, part: Range) -> NDArray[np.float32]:
        """See :meth:`Planes.read`."""
        pieces = self._pieces[part.plane]
        first = max(0, bisect.bisect_right(pieces, part.start, key=_start) - 1)
        found, at = [], part.start
        for start, values in pieces[first:]:
            if at == part.stop:
                break
            stop = min(part.stop, start + len(values))
            if start <= at < stop:
                found.append(values[at - start : stop - start])
                at = stop
        if at < part.stop:
            raise LookupError(f"Frames {at} to {part.stop} of {part.plane} were not written.")
        return found[0] if len(found) == 1 else np.concatenate(found)

    def forget(self, plane: str, before: int | None) -> None:
        """See :meth:`Planes.forget`."""
        if before is None:
            self._pieces.pop(plane, None)
            return
        pieces = self._pieces[plane]
        pieces[:] = [piece for piece in pieces if piece[0] + len(piece[1]) > before]


class InFiles:
    """Planes as files in a folder, for several processes or for data too large for memory.

    The files are read and written with ordinary file I/O, not memory-mapped: a process holds only
    the data that it works on.

    Parameters
    ----------
    folder
        An existing folder; the caller deletes it.
    planes
        All planes that will be used.
    """

    def __init__(self, folder: Path, planes: Mapping[str, Plane]) -> None:
        self._planes = planes
        self._files = {name: folder / f"{number}.f32" for number, name in enumerate(planes)}

    def write(self, part: Range, values: NDArray[np.float32]) -> None:
        """See :meth:`Planes.write`."""
        path = self._files[part.plane]
        path.touch()
        with path.open("r+b", buffering=0) as file:
            file.seek(self._offset(part))
            remaining = np.ascontiguousarray(values, "<f4").data.cast("B")
            while remaining:
                remaining = remaining[file.write(remaining) :]

    def read(self, part: Range) -> NDArray[np.float32]:
        """See :meth:`Planes.read`."""
        width = self._planes[part.plane].width
        offset, count = self._offset(part), part.length * width
        values = np.fromfile(self._files[part.plane], "<f4", count, offset=offset)
        if len(values) < count:
            raise LookupError(f"{part.plane} ends before frame {part.stop}.")
        return values.reshape(part.length, width)

    def forget(self, plane: str, before: int | None) -> None:
        """See :meth:`Planes.forget`; a file is only ever deleted as a whole."""
        if before is None:
            self._files[plane].unlink(missing_ok=True)

    def _offset(self, part: Range) -> int:
        plane = self._planes[part.plane]
        return (part.start - plane.origin) * plane.width * FLOAT_BYTES


def _start(piece: tuple[int, NDArray[np.float32]]) -> int:
    return piece[0]
