"""How songs go through each kind of network: its options and its plan, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from py_demixer.models.network import Model

from .recurrent import OpenUnmixOptions, RecurrentPlan
from .segments import DemucsOptions, SegmentPlan
from .tasks import Plan, SongStatistics

Options = DemucsOptions | OpenUnmixOptions


@dataclass(frozen=True)
class Way:
    """How songs go through a kind of network.

    Attributes
    ----------
    options
        The class of what can be chosen for a song.
    plan
        Makes a song's plan of a model, the song and such options.
    """

    options: type[Options]
    plan: Callable[[Any, SongStatistics, Any], Plan]


WAYS: Mapping[str, Way] = {
    "htdemucs": Way(DemucsOptions, SegmentPlan),
    "hdemucs": Way(DemucsOptions, SegmentPlan),
    "openunmix": Way(OpenUnmixOptions, RecurrentPlan),
}
"""By key of :data:`py_demixer.models.registry.ARCHITECTURES`."""


def plan(model: Model, song: SongStatistics, options: Options | None = None) -> Plan:
    """Cut a song into tasks, as the model needs it.

    Parameters
    ----------
    options
        Of the model's kind; None are the usual ones.

    Raises
    ------
    TypeError
        The options are for another kind of model.
    ValueError
        The song is empty, or the options ask for what the model cannot do.
    """
    way = WAYS[model.architecture]
    options = options or way.options()
    if not isinstance(options, way.options):
        raise TypeError(
            f"{type(options).__name__} are not for this model: give it {way.options.__name__}."
        )
    return way.plan(model, song, options)


def make_options(architecture: str, values: Mapping[str, Any]) -> Options:
    """The options of a kind of model, by name.

    Raises
    ------
    ValueError
        There is no such option, or a value is out of its range.
    """
    kind = WAYS[architecture].options
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise ValueError(f"This model has no option {name!r}, only {', '.join(known)}.")
    return kind(**values)
