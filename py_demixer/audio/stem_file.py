"""Write stem files for DJs: the song and its four stems in one MP4 file, as five tracks of AAC.

The format was published by Native Instruments. A box ``moov/udta/stem`` has the names and colours;
what programs read of it can be seen in Mixxx' ``src/track/steminfoimporter.cpp``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import AudioError
from py_demixer.extras import require

FORMAT = "stem.mp4"
"""The format's name, which is also the extension of its files."""

STEMS = 4
"""Number of stems in a file."""

_EXTRA = "dj"
_BITRATE = 256_000  # bits per second of each track
_TAGS = ("title", "artist", "album")
_COLOURS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")  # what programs show if none are named
# Neither is switched on, but Traktor expects them.
_MASTERING = {
    "compressor": {
        "enabled": False,
        "ratio": 3,
        "output_gain": 0.5,
        "release": 0.3,
        "attack": 0.003,
        "input_gain": 0.5,
        "threshold": 0,
        "hp_cutoff": 300,
        "dry_wet": 50,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}
_HEADER = 8  # bytes: the size of a box and its type


def check() -> None:
    """Check that stem files can be written.

    Raises
    ------
    MissingPackageError
        A package is not installed; the message says how to install it.
    """
    require("av", _EXTRA)


def path_in(folder: Path) -> Path:
    """The path of a song's stem file in its folder, which has the song's name."""
    return folder / f"{folder.resolve().name}.{FORMAT}"


def written_bytes(frames: int, sample_rate: int) -> int:
    """The size of a file in bytes, about."""
    return (STEMS + 1) * _BITRATE // 8 * frames // sample_rate


def manifest(stems: Iterable[str]) -> dict[str, Any]:
    """What the box of a file says about its stems."""
    described = [
        {"color": colour, "name": stem.capitalize()}
        for colour, stem in zip(_COLOURS, stems, strict=True)
    ]
    return {"mastering_dsp": _MASTERING, "stems": described, "version": 1}


def tags_of(song: Path) -> Mapping[str, str]:
    """Title, artist and album in an audio file, as far as it has them."""
    av = require("av", _EXTRA)
    with suppress(av.FFmpegError), av.open(str(song)) as file:
        # In Ogg files, the tags belong to the stream.
        said = dict(file.metadata)
        for stream in file.streams.audio:
            said = {**stream.metadata, **said}
        named = {name.lower(): value for name, value in said.items()}
        return {name: named[name] for name in _TAGS if name in named}
    return {}


def write(
    path: Path,
    tracks: Sequence[Iterable[NDArray[np.float32]]],
    stems: Sequence[str],
    sample_rate: int,
    *,
    gain: float = 1.0,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write a stem file. Needs the packages of ``py-demixer[dj]``.

    Parameters
    ----------
    path
        Path of the file, ending in ".stem.mp4".
    tracks
        Blocks ``(2, n)`` float32 of the song and of each of its stems, of the same lengths.
    stems
        Names of the four stems.
    sample_rate
        Sample rate in Hz.
    gain
        Factor that is applied to all of them first.
    tags
        See :func:`tags_of`.

    Raises
    ------
    AudioError
        The file could not be written, for example because the disk is full.
    """
    av = require("av", _EXTRA)
    try:
        # Lengths are in frames, so that they are exact.
        units = {"movie_timescale": str(sample_rate)}
        with av.open(str(path), "w", format="mp4", options=units) as file:
            file.metadata.update(tags or {})
            _encode(file, tracks, sample_rate, gain)
        _add_manifest(path, manifest(stems))
    except (OSError, av.FFmpegError) as error:
        raise AudioError(f"{path} could not be written: {error}. Is the disk full?") from error


def _encode(
    file: Any, tracks: Sequence[Iterable[NDArray[np.float32]]], sample_rate: int, gain: float
) -> None:
    """Encode tracks side by side: players read them together."""
    av = require("av", _EXTRA)
    streams = [file.add_stream("aac", rate=sample_rate, layout="stereo") for _ in tracks]
    for stream in streams:
        stream.bit_rate = _BITRATE
    position = 0
    for blocks in zip(*tracks, strict=True):
        for stream, block in zip(streams, blocks, strict=True):
            samples = np.ascontiguousarray(block * np.float32(gain))
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = sample_rate, position
            file.mux(stream.encode(frame))
        position += blocks[0].shape[1]
    for stream in streams:
        file.mux(stream.encode(None))


def _add_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Add the box of the stems to the file's index, which comes last, so it can grow."""
    with path.open("r+b") as file:
        start = _index_of(file)
        file.seek(start)
        inside = dict[bytes, bytes]()
        for kind, payload in _boxes(file.read()[_HEADER:]):
            inside[kind] = inside.get(kind, b"") + _box(kind, payload)
        user = inside.pop(b"udta", _box(b"udta", b""))[_HEADER:]
        stem = _box(b"stem", json.dumps(content).encode())
        file.seek(start)
        file.write(_box(b"moov", b"".join(inside.values()) + _box(b"udta", user + stem)))


def _index_of(file: BinaryIO) -> int:
    """The offset of the last box, which has to be the index."""
    start = 0
    while True:
        file.seek(start)
        size, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if kind == b"moov":
            return start
        if size == 1:  # it has 64 bits
            size = int.from_bytes(file.read(8), "big")
        start += size


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Types and payloads of boxes that follow one another."""
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + _HEADER], content[at + _HEADER : at + size]
        at += size


def _box(kind: bytes, payload: bytes) -> bytes:
    return (_HEADER + len(payload)).to_bytes(4, "big") + kind + payload
