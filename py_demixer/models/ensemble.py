"""Ensembles: models of any kinds separate one mixture, and their stems are combined.

Unlike the networks of a :class:`py_demixer.models.bag.Bag`, they may have different stems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .bag import Alike, Bag
from .network import Model

MEAN, MEDIAN = "mean", "median"
COMBINATIONS = MEAN, MEDIAN
"""How stems are combined: see :class:`Ensemble`."""


@dataclass(frozen=True)
class Ensemble(Alike):
    """Models that separate the same mixture.

    Attributes
    ----------
    members
        The models.
    weights
        A positive weight for each model; empty: all count alike.
    combination
        ``"mean"``: a stem is the weighted mean of its estimates, sample by sample. ``"median"``:
        the median of the real and of the imaginary parts of their spectrograms, where every model
        counts alike; it needs three models to differ from the mean.

    Raises
    ------
    ValueError
        There are fewer than two models, the weights do not match them, the combination is unknown
        or has no use for weights, or the models differ in their sample rate, channels or backend.
    """

    members: tuple[Model, ...]
    weights: tuple[float, ...] = ()
    combination: str = MEAN

    architecture: ClassVar[str] = "ensemble"

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise ValueError("An ensemble needs at least two models.")
        if self.combination not in COMBINATIONS:
            raise ValueError(
                f"Stems are combined by {' or '.join(COMBINATIONS)}, not {self.combination!r}."
            )
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(
                f"An ensemble of {len(self.members)} models needs as many weights, "
                f"not {len(self.weights)}."
            )
        if any(not 0 < weight < float("inf") for weight in self.weights):
            raise ValueError("The weights of an ensemble must be positive.")
        if self.weights and self.combination == MEDIAN:
            raise ValueError("In a median, all models count alike: leave out the weights.")
        for what, values in (
            ("sample rate", {member.sample_rate for member in self.members}),
            ("number of channels", {member.channels for member in self.members}),
            ("backend", {member.backend.build for member in self.members}),
        ):
            if len(values) > 1:
                raise ValueError(f"The models of an ensemble must have the same {what}.")

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all stems, those of the first model first."""
        every = [source for member in self.members for source in member.sources]
        return tuple(dict.fromkeys(every))

    def weight(self, member: int) -> float:
        """The weight of a model."""
        return self.weights[member] if self.weights else 1.0


def networks_of(model: Model) -> tuple[Model, ...]:
    """The networks of a model, in the order of :attr:`py_demixer.separation.tasks.Task.network`."""
    if isinstance(model, Ensemble):
        return tuple(network for member in model.members for network in networks_of(member))
    return model.members if isinstance(model, Bag) else (model,)
