"""Music source separation in pure NumPy, natively and in Pyodide: Demucs v4 and Open-Unmix.

>>> import py_demixer
>>> model = py_demixer.load_model("htdemucs")                # doctest: +SKIP
>>> stems = py_demixer.separate(mixture, model)              # doctest: +SKIP
>>> stems["vocals"].shape == mixture.shape                   # doctest: +SKIP
True
"""

from __future__ import annotations

from pathlib import Path

from .models import catalog
from .models.htdemucs import HTDemucs
from .models.openunmix import OpenUnmix
from .ops import backend as _backend
from .separation import Stems, separate
from .tasks import Cancelled

__version__ = "0.1.0"
__all__ = ["Cancelled", "HTDemucs", "OpenUnmix", "Stems", "load_model", "separate"]


def load_model(
    name: str = "htdemucs", weights: str | Path | None = None, backend: str | None = None
) -> HTDemucs | OpenUnmix:
    """Load a model.

    Args:
        name: of the model; ``py-demixer models`` lists them.
        weights: path of its weight file; None is the default place, where
            ``python -m py_demixer.weights fetch`` puts it.
        backend: who multiplies matrices: ``"numpy"``, ``"scipy"``, ``"kernels"`` (in Pyodide) or
            None for the best.

    Raises:
        ValueError: no such model or backend, or the weight file is damaged.
        FileNotFoundError: the weight file is not there.
    """
    _backend.use(backend)
    return catalog.load(name, None if weights is None else Path(weights))
