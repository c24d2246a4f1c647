"""One segment of a Mel-Band RoFormer of the common size with random weights, and by rivals.

See :mod:`tests.bench.seeded`. The original is a checkout of the program that trains them,
https://github.com/ZFTurbo/Music-Source-Separation-Training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from py_demixer.models import parameters
from py_demixer.models.roformer import Config, RoFormer
from py_demixer.program.record import record
from tests.bench import estimate, rivals, seeded
from tests.bench.rows import Row

NAME = "mel_roformer"

DIMENSIONS: Mapping[str, Any] = {}
"""Those of a Mel-Band RoFormer with 228 million parameters that are not the default ones: none."""

GRAPH_SECONDS = 3
"""Length of the segment for onnxruntime-web, whose memory does not suffice for one of 8 s: it holds
the attention scores of all bands at once, which grow with the square of the length."""


def measure(
    site: Path, pytorch: Path | None, original: Path | None
) -> tuple[list[Row], dict[str, str]]:
    """Time one segment, once, since it takes a minute or two: see :func:`seeded.measure`.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, those of a shorter segment under the name of its length, and the versions of what
        was measured.
    """
    subjects = [subject(NAME, DIMENSIONS)]
    if pytorch and original:
        config = parameters.make_config(Config, DIMENSIONS)
        length = min(config.segment_length, GRAPH_SECONDS * config.sample_rate)
        shorter = {**DIMENSIONS, "segment_length": length}
        subjects.append(subject(f"{NAME}_{GRAPH_SECONDS}s", shorter, has_graph=True))
    rows = [row for each in subjects for row in seeded.measure(each, site, pytorch, original)]
    return rows, rivals.versions(rows)


def subject(name: str, dimensions: Mapping[str, Any], *, has_graph: bool = False) -> seeded.Subject:
    """A Mel-Band RoFormer with these dimensions; natively only without a graph."""
    config = parameters.make_config(Config, dimensions)
    numbers = sum(config.rows(band).stop - config.rows(band).start for band in config.bands)
    inputs = {"spectrum": (1, 1 + config.segment_length // config.hop, numbers)}
    return seeded.Subject(
        name,
        "roformer",
        dimensions,
        _gflop(config),
        inputs,
        storage="float32",
        runs=1,
        graph_runs=int(has_graph),
        is_native=not has_graph,
    )


def _gflop(config: Config) -> float:
    """Operations of a segment, in billions."""
    shapes = RoFormer.shapes(config)
    network = RoFormer({name: np.empty(shapes[name], np.float16) for name in shapes}, config)
    program = record(network.network, network.input_shape, network.tensors)
    return sum(work.flops for work in estimate.by_kind(program).values()) / 1e9
