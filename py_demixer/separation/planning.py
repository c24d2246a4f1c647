"""The options and the plan for each kind of network, by the name of its architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from py_demixer.models.ensemble import Ensemble
from py_demixer.models.network import Model

from .recurrent import OpenUnmixOptions, RecurrentPlan
from .segments import DemucsOptions, SegmentPlan
from .tasks import Plan, SongStatistics
from .together import EnsembleOptions, EnsemblePlan, stems_of_members

Options = DemucsOptions | OpenUnmixOptions | EnsembleOptions


@dataclass(frozen=True)
class Procedure:
    """How one kind of network separates songs.

    Attributes
    ----------
    options
        The class of its options for a song.
    plan
        Makes a song's plan from the model, the song's statistics and the options.
    """

    options: type[Options]
    plan: Callable[[Any, SongStatistics, Any], Plan]


def _plan_ensemble(model: Ensemble, song: SongStatistics, options: EnsembleOptions) -> EnsemblePlan:
    plans = [
        plan(member, song, options.for_member(PROCEDURES[member.architecture].options, stems))
        if stems
        else None
        for member, stems in zip(model.members, stems_of_members(model, options), strict=True)
    ]
    return EnsemblePlan(model, song, options, plans)


PROCEDURES: Mapping[str, Procedure] = {
    "htdemucs": Procedure(DemucsOptions, SegmentPlan),
    "hdemucs": Procedure(DemucsOptions, SegmentPlan),
    "scnet": Procedure(DemucsOptions, SegmentPlan),
    "roformer": Procedure(DemucsOptions, SegmentPlan),
    "openunmix": Procedure(OpenUnmixOptions, RecurrentPlan),
    "ensemble": Procedure(EnsembleOptions, _plan_ensemble),
}
"""Keyed like :data:`py_demixer.models.registry.ARCHITECTURES`, and by ``"ensemble"``."""


def plan(model: Model, song: SongStatistics, options: Options | None = None) -> Plan:
    """Divide a song into the tasks that the model needs.

    Parameters
    ----------
    options
        Options for the model's architecture; None for the defaults.

    Raises
    ------
    TypeError
        The options are for another kind of model.
    ValueError
        The song is empty, or the options ask for something that the model cannot do.
    """
    procedure = PROCEDURES[model.architecture]
    options = options or procedure.options()
    if not isinstance(options, procedure.options):
        raise TypeError(
            f"{type(options).__name__} are not for this model: "
            f"give it {procedure.options.__name__}."
        )
    return procedure.plan(model, song, options)


def make_options(architecture: str, values: Mapping[str, Any]) -> Options:
    """Make the options for an architecture from values by name.

    Raises
    ------
    ValueError
        There is no such option, or a value is out of range.
    """
    kind = PROCEDURES[architecture].options
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise ValueError(f"This model has no option {name!r}, only {', '.join(known)}.")
    return kind(**values)
