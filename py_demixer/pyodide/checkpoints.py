"""Checkpoints of the page's user: read in a worker, and stored in parts by JavaScript."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from py_demixer.errors import ConvertError
from py_demixer.models import parameters
from py_demixer.models.registry import ARCHITECTURES
from py_demixer.models.roformer import Config as RoFormerConfig
from py_demixer.models.roformer import RoFormer
from py_demixer.weights import checkpoint, manifest, networks, own
from py_demixer.weights.recognise import LICENCE

PART_BYTES = 4 << 20


class Conversion:
    """A checkpoint, as a weight file.

    Parameters
    ----------
    path
        The file, in Pyodide's file system.
    settings
        JSON of the configuration of the program that trained it; ``"{}"`` if there is none.

    Raises
    ------
    ValueError
        See :func:`py_demixer.weights.own.open_checkpoint`; the message is a sentence.
    """

    def __init__(self, path: str, settings: str) -> None:
        try:
            self._content = own.open_checkpoint(Path(path), json.loads(settings))
        except ConvertError as error:
            raise ValueError(str(error)) from error
        networks.build_model(self._content)  # fails now if something about it is wrong

    def described(self) -> str:
        """What the page shows about the model, and must know before it runs, as JSON.

        The keys are architecture, sources, licence (empty if unknown), bytes and sha256 (of the
        weight file), and those of :class:`py_demixer.weights.manifest.Page`, from the published
        model that is most like it, or estimated for RoFormers, of which none is published.
        """
        held = networks.read_networks(self._content)
        digest, size = hashlib.sha256(), 0
        for piece in checkpoint.serialised(self._content.tensors, self._content.metadata):
            digest.update(piece)
            size += len(piece)
        page = (
            _estimated(held.config, size)
            if held.architecture == RoFormer.architecture
            else _expected(held, size)
        )
        licence = self._content.metadata.get("licence", LICENCE)
        return json.dumps(
            {
                "architecture": held.architecture,
                "sources": held.config.sources,
                "licence": "" if licence == LICENCE else licence,
                "bytes": size,
                "sha256": digest.hexdigest(),
                **asdict(page),
            }
        )

    def parts(self) -> Iterator[bytes]:
        """The weight file in parts of ``PART_BYTES``; the last one may be shorter."""
        part = bytearray()
        for piece in checkpoint.serialised(self._content.tensors, self._content.metadata):
            for start in range(0, len(piece), PART_BYTES):
                part += piece[start : start + PART_BYTES]
                if len(part) >= PART_BYTES:
                    yield bytes(part[:PART_BYTES])
                    del part[:PART_BYTES]
        if part:
            yield bytes(part)


def _expected(held: networks.Networks, size: int) -> manifest.Page:
    """What is expected of a network, from that of the published model that is most like it.

    With a longer segment, a task computes more of the song and needs more memory.
    """
    alike = (m for m in manifest.MODELS.values() if m.architecture == held.architecture)
    nearest = min(alike, key=lambda model: abs(model.file.bytes - size))
    page = nearest.page
    if page.step is None:
        return page
    kind = ARCHITECTURES[nearest.architecture].config
    published: Any = parameters.make_config(kind, nearest.config)
    longer = held.config.segment_length / published.segment_length
    memory = math.ceil(page.memory * max(1, longer))
    return replace(page, step=page.step * longer, memory=memory)


PRODUCTS = 24e9
"""Products of numbers in the time that HTDemucs takes for a second of a song."""


def _estimated(config: RoFormerConfig, size: int) -> manifest.Page:
    """What is expected of a RoFormer, from the number of products and the size of its arrays."""
    bands, frames = len(config.bands), config.segment_length / config.hop
    products = sum(
        math.prod(shape) * (bands if name.startswith("layers.") else 1)
        for name, shape in RoFormer.shapes(config).items()
    )
    seconds = config.segment_length / config.sample_rate
    arrays = 4 * (1 + config.skips) * config.width * bands * frames
    return manifest.Page(
        pace=products * frames / seconds / PRODUCTS,
        step=0.75 * seconds,
        memory=math.ceil((size + arrays) / 1e6) + BESIDES,
        options={},
    )


BESIDES = 180
"""Megabytes that a worker needs besides weights and large arrays; heaps grow by up to 96."""
