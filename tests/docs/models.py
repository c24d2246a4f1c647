"""Tiny models in place of the published ones, for running examples."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from py_demixer.weights import checkpoint, manifest
from tests import tiny, unmix

SEGMENT = 2 * 44100
"""Samples: shorter than the published models' segments, because there are many examples."""


def write(folder: Path) -> None:
    """Write tiny models to files named like the published ones."""
    for name, model in manifest.load().items():
        path = folder / model.file.name
        if model.architecture == "openunmix":
            unmix.write(path)
        else:
            kind = name if name in tiny.KINDS else model.architecture
            tiny.write(path, name=kind, segment_length=SEGMENT)


def described() -> Mapping[str, manifest.Model]:
    """The manifest, with sizes and hashes of the files in ``PY_DEMIXER_WEIGHTS``."""
    folder = Path(os.environ["PY_DEMIXER_WEIGHTS"])
    return {
        name: replace(model, file=_file(model.file, folder / model.file.name))
        for name, model in manifest.load().items()
    }


def _file(file: manifest.WeightFile, path: Path) -> manifest.WeightFile:
    return replace(file, bytes=path.stat().st_size, sha256=checkpoint.sha256(path))
