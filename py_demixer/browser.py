"""What the page's worker calls. The only module that is written for Pyodide.

JavaScript keeps the song and the stems; a block or segment comes in as a ``Float32Array``, planar
(all of the left channel, then all of the right), and stems go out as NumPy arrays that JavaScript
copies from. Structured answers are JSON strings. Errors that a person can do something about are
ValueErrors whose text is a sentence.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from . import __version__, checkpoint, separation
from .models import catalog
from .models.htdemucs import HTDemucs
from .ops import backend

_weights: np.ndarray | None = None
_model: HTDemucs | None = None


def allocate(size: int) -> np.ndarray:
    """Memory for a weight file of ``size`` bytes, for JavaScript to fill: uint8.

    The file's tensors are views into it, so the weights are in the heap once.
    """
    global _weights
    _weights = np.empty(size, np.uint8)
    return _weights


def needs_scipy(backend_name: str | None = None) -> bool:
    """Whether SciPy has to be loaded before :func:`load`: where there are no kernels."""
    try:
        return backend.use(backend_name) != "kernels"
    except ImportError:
        return True


def load(backend_name: str | None = None) -> str:
    """Build the model from the memory that :func:`allocate` gave.

    Returns:
        JSON: sources, sample_rate, channels, segment_length, measure_block, backend, versions.
    """
    global _model
    if _weights is None:
        raise RuntimeError("load() comes after allocate().")
    backend.use(backend_name)
    _model = catalog.build(checkpoint.read(_weights))
    return json.dumps(
        {
            "sources": _model.sources,
            "sample_rate": _model.sample_rate,
            "channels": _model.channels,
            "segment_length": _model.segment_length,
            "measure_block": separation.MEASURE_BLOCK,
            "backend": backend.current(),
            "versions": {
                "py_demixer": __version__,
                "numpy": np.__version__,
                "python": sys.version.split()[0],
            },
        }
    )


def downmix_matrix(channels: int) -> str:
    """The matrix that mixes ``channels`` channels down to stereo, as JSON (2 x channels)."""
    return json.dumps(separation.downmix_matrix(channels).tolist())


class Job:
    """One song: :meth:`measure` all of it, :meth:`begin`, then :meth:`run` every task in order.

    After each run, ``block`` is the part of the stems that has become final, ``(sources, channels,
    n)`` float32 (None if there is none), and ``block_start`` its place in the song.
    """

    def __init__(self) -> None:
        if _model is None:
            raise RuntimeError("A Job needs a model: call load() first.")
        self._model = _model
        self._meter = separation.Meter(_model.sample_rate)
        self.block: np.ndarray | None = None
        self.block_start = 0

    def measure(self, block: Any) -> None:
        """Take in the song's next ``measure_block`` samples (fewer at its end).

        Raises:
            ValueError: a sample is infinite or not a number; the text tells where.
        """
        self._meter.update(self._planes(block))

    def begin(self, overlap: float = 0.25) -> str:
        """Plan the song that was measured.

        Returns:
            JSON: ``{"tasks": [{"index", "input_start", "input_length"}, ...]}``.
        """
        self._plan = separation.plan(
            self._meter.length,
            self._model.segment_length,
            self._model.sample_rate,
            separation.Options(overlap=overlap),
        )
        self._assembler = separation.Assembler(self._plan)
        tasks = [
            {"index": index, "input_start": task.input_start, "input_length": task.input_length}
            for index, task in enumerate(self._plan.tasks)
        ]
        return json.dumps({"tasks": tasks})

    def run(self, index: int, part: Any) -> None:
        """Run a task on its part of the song; see the class for where its result is."""
        contribution = separation.run_task(
            self._model,
            self._plan.tasks[index],
            self._planes(part),
            self._plan.window,
            self._meter.mean,
            self._meter.std,
        )
        final = self._assembler.add(contribution)
        self.block_start, self.block = final or (0, None)

    def _planes(self, samples: Any) -> np.ndarray:
        """A JavaScript Float32Array -> ``(channels, n)``, by one copy into the heap."""
        planes = np.empty(samples.length, np.float32)
        samples.assign_to(planes)
        return planes.reshape(self._model.channels, -1)
