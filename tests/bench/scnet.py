"""One SCNet segment of 11 s with random weights, and by rivals: see :mod:`tests.bench.seeded`.

The original is a checkout of https://github.com/starrytong/SCNet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer.models import parameters
from py_demixer.models.scnet import Config, SCNet
from py_demixer.ops.stft import analyse_rectangular
from py_demixer.speed import Operation
from py_demixer.weights.manifest import MODELS
from tests.bench import gpu, inside_seeded, rivals, seeded
from tests.bench.rows import Row

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    name: MODELS[name].config for name in ("scnet", "scnet_large")
}
"""Dimensions of the published models."""

GFLOP = {"scnet": 407.0 - 40, "scnet_large": 2352.0 - 213}
"""Operations of a segment here, in billions: half of the decoders' convolutions are saved."""

_INPUTS = {"spectrum": (1, 4, 2049, 476)}


def measure(
    site: Path, runs: int, pytorch: Path | None, original: Path | None
) -> tuple[list[Row], dict[str, str]]:
    """Time one segment of each model: see :func:`tests.bench.seeded.measure`.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, and the versions of what was measured.
    """
    subjects = [_subject(name, runs) for name in CONFIGS]
    rows = [row for each in subjects for row in seeded.measure(each, site, pytorch, original)]
    return rows, rivals.versions(rows)


def card_cases(pytorch: Path | None, original: Path | None) -> Iterator[gpu.Case]:
    """A segment of SCNet on a graphics card, if the rival's graph can be made."""
    if not (pytorch and original):
        return
    name = "scnet"
    config = parameters.make_config(Config, CONFIGS[name])
    network = SCNet(inside_seeded.tensors("scnet", config, "float16"), config)
    x = np.zeros(network.input_shape, np.float32)
    x[:, : config.segment_length] = inside_seeded.noise(config.segment_length)
    feeds = {"spectrum": analyse_rectangular(x, n_fft=config.n_fft)[None]}
    graph = seeded.export(_subject(name, 1), pytorch, original)
    what, tensors = f"{name}/segment", dict(network.tensors)
    operation = Operation(what, network.network, x, tensors, GFLOP[name])
    yield gpu.Case(what, operation, graph, feeds, None)


def _subject(name: str, runs: int) -> seeded.Subject:
    # The large one takes onnxruntime-web minutes.
    graph_runs = runs if name == "scnet" else 1
    return seeded.Subject(
        name, "scnet", CONFIGS[name], GFLOP[name], _INPUTS, "float16", runs, graph_runs
    )
