"""What is known about every model's weight file: `manifest.json`, as dataclasses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class HttpSource:
    """A file on a web server.

    ``bytes`` is its size (None: not known) and ``sha256`` its hash, or as many of the hash's first
    digits as are known.
    """

    url: str
    bytes: int | None
    sha256: str

    @classmethod
    def named(cls, url: str) -> HttpSource:
        """A file of which nothing is known but what its name ends with, as in drums-9619578f.pth:
        the first digits of its hash.

        Raises:
            ValueError: the name ends with something else.
        """
        match = re.search(r"-([0-9a-f]{8,})\.pth$", url)
        if match is None:
            raise ValueError(f"{url} does not end with a hash.")
        return cls(url, None, match[1])

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
class StemSource:
    """A PyTorch checkpoint for each stem, on a web server."""

    files: Mapping[str, HttpSource]


Source = HttpSource | NpmSource | StemSource


@dataclass(frozen=True)
class Licence:
    """What one may do with the weights: a sentence, and the page where their authors say so."""

    text: str
    url: str


@dataclass(frozen=True)
class WeightFile:
    """The converted file, which is the same whichever source it was made from.

    ``sha256`` is None as long as nobody has converted the published files and written it down: what
    they are made of is then known by the hashes in their names alone.
    """

    name: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class Model:
    """A model's weights: ``sources`` in order of preference, and what they must become.

    ``layout_sha256`` stands for the names and shapes of all tensors, or of a stem's where each has
    a checkpoint of its own (`py_demixer.weights.convert.layout_sha256`).
    """

    name: str
    title: str
    stems: tuple[str, ...]
    licence: Licence
    sources: tuple[Source, ...]
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
        sources=tuple(_source(source) for source in entry["sources"]),
        file=WeightFile(**entry["file"]),
        layout_sha256=entry["layout_sha256"],
    )


def _source(entry: dict[str, Any]) -> Source:
    if "stems" in entry:
        return StemSource({stem: HttpSource.named(url) for stem, url in entry["stems"].items()})
    return HttpSource(**entry) if "url" in entry else NpmSource(**entry)
