"""Stems that add up to the song: what a model leaves over goes to one of them.

Models estimate each stem by itself, so the sum of all stems is not quite the mixture.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .separate import Stems
from .statistics import as_mixture

OTHER = "other"
"""The stem that takes the remainder if there is one of this name."""

REMAINDER = "remainder"
"""Name of the stem that is added if there is no such stem."""


def sum_to_mixture(stems: Stems, mixture: NDArray[np.floating], into: str | None = None) -> Stems:
    """Give one stem what the others leave of the mixture, so that all stems add up to it.

    The other stems are summed in their order, as 32-bit floats; the stem is the mixture minus that
    sum. Added up in this order, with the stem last, they give the mixture to one unit in the last
    place of the largest number involved: of the mixture, the sum or the stem.

    Parameters
    ----------
    stems
        All or some stems of a song, or of a part of it.
    mixture
        ``(channels, samples)`` floats, or ``(samples,)`` for mono: the same part of the song.
    into
        The stem that takes the remainder, or ``"remainder"`` for one of its own, which comes last.
        None for ``"other"``, or for ``"remainder"`` if the stems do not include that.

    Returns
    -------
    Stems
        The same stems, with that one replaced or added.

    Raises
    ------
    ValueError
        There is no such stem, or the mixture is not as long as the stems.
    """
    taker = remainder_stem(stems.sources, into)
    mixture = as_mixture(mixture, stems.audio.shape[1])
    if mixture.shape[1] != stems.audio.shape[2]:
        raise ValueError(
            f"The mixture has {mixture.shape[1]} samples, the stems {stems.audio.shape[2]}: give "
            "the same part of the song."
        )
    total = np.zeros_like(mixture)
    for name in stems:
        if name != taker:
            total += stems[name]
    sources = with_remainder(stems.sources, into)
    parts = [mixture - total if name == taker else stems[name] for name in sources]
    return Stems(sources, np.stack(parts), stems.sample_rate, stems.start)


def remainder_stem(stems: Iterable[str], into: str | None = None) -> str:
    """The stem that takes the remainder; see :func:`sum_to_mixture`."""
    stems = tuple(stems)
    if into is None:
        return OTHER if OTHER in stems else REMAINDER
    if into not in (*stems, REMAINDER):
        raise ValueError(
            f"There is no stem {into!r}: choose one of {', '.join(stems)}, or {REMAINDER}."
        )
    return into


def with_remainder(stems: Iterable[str], into: str | None = None) -> tuple[str, ...]:
    """The names of the stems that :func:`sum_to_mixture` returns."""
    stems = tuple(stems)
    taker = remainder_stem(stems, into)
    return stems if taker in stems else (*stems, taker)
