"""Detect and correct wrong lengths in the headers of audio files.

libsndfile trusts headers: it stops at the stated length, and reads only the first of several
concatenated files. Interrupted recorders, pipes and faulty programs write wrong headers. Nothing is
decoded here; if a header states too small a length, this module provides bytes that correct it.

Formats: RIFF WAVE (Microsoft's "Multimedia Programming Interface", 1991), FLAC (RFC 9639), Ogg (RFC
3533), MP3 (ISO 11172-3, and the tag of Xing and LAME in its first frame).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

_PIPES = 2**31
"""Programs state lengths near this, or near the 32-bit limit, when the length is unknown."""
_SLACK = 1 << 16
_LEAST_SOUND = 1024
"""Fewer bytes after a WAV file's data that are not chunks are taken for a tag, not for sound."""
_LEAST_MP3 = 4096
"""Fewer bytes after an MP3 file are taken for a tag."""
_MOST_SILENCE = 4000
"""Maximum samples of silence that an MP3 encoder adds around a song and decoders remove."""
_TAIL = 1 << 17
"""Bytes at the end of a FLAC file among which its last frame begins."""
_BIT_RATES = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
)
"""Bit rates of MP3 frames in kbit/s, for versions 2 and 1."""
_RATES = (44100, 48000, 32000, 0)


@dataclass(frozen=True)
class Header:
    """What is known about a file before it is decoded.

    Attributes
    ----------
    frames
        Minimum number of frames that it should contain; None if it does not say.
    is_several
        Whether it consists of several concatenated files.
    patches
        Bytes that correct its header, by their offsets.
    """

    frames: int | None = None
    is_several: bool = False
    patches: Mapping[int, bytes] = field(default_factory=dict)


def look(path: Path) -> Header:
    """Read a file's header and, if it may be wrong, check it against the content.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        start = _after_tags(file)
        head = _at(file, start, 12)
        if head.startswith(b"RIFF") and head.endswith(b"WAVE"):
            return _wav(file, size)
        if head.startswith(b"fLaC"):
            return _flac(file, start, size)
        if head.startswith(b"OggS"):
            return Header(is_several=_is_chained(file, size))
        return _mp3(file, start, size)


class Patched(io.RawIOBase):
    """A file in which some bytes are replaced when they are read.

    Parameters
    ----------
    path
        Path of the file.
    patches
        Replacement bytes by offset, from its :class:`Header`.
    """

    def __init__(self, path: Path, patches: Mapping[int, bytes]) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._patches = patches

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See :meth:`io.IOBase.seek`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """See :meth:`io.IOBase.tell`."""
        return self._file.tell()

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read as :meth:`io.RawIOBase.readinto` does, and apply the patches."""
        start = self._file.tell()
        count = self._file.readinto(buffer)
        view = memoryview(buffer).cast("B")
        for place, content in self._patches.items():
            for index, byte in enumerate(content, place - start):
                if 0 <= index < count:
                    view[index] = byte
        return count

    def close(self) -> None:
        """Close this object and the file."""
        self._file.close()
        super().close()


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _after_tags(file: BinaryIO, place: int = 0) -> int:
    """The offset after any ID3 tags at ``place``."""
    while len(tag := _at(file, place, 10)) == 10 and tag.startswith(b"ID3"):
        # Sizes use seven bits of each byte; RealJukebox used all eight.
        bits = 7 if max(tag[6:]) < 128 else 8
        place += 10 + sum(byte << bits * (3 - index) for index, byte in enumerate(tag[6:]))
    return place


# ---------------------------------------------------------------- WAV


def _wav(file: BinaryIO, size: int) -> Header:
    chunks = {name: (place, stated) for name, place, stated in _chunks(file, 12)}
    if b"fmt " not in chunks or b"data" not in chunks:
        return Header()
    frame = int.from_bytes(_at(file, chunks[b"fmt "][0] + 12, 2), "little")
    place, stated = chunks[b"data"]
    there = size - place
    is_known = 0 < stated < 2**32 - _SLACK and abs(stated - _PIPES) > _SLACK
    if is_known and stated >= there:
        return Header(frames=stated // frame if frame else None)
    rest = stated + stated % 2 if is_known else 0
    is_over = _is_made_of_chunks(file, place + rest, size) or (
        is_known and there - rest < _LEAST_SOUND
    )
    length = stated if is_over else there
    if length + place > 2**32 - _SLACK:
        return Header()
    sizes = {4: struct.pack("<I", size - 8), place - 4: struct.pack("<I", length)}
    return Header(patches=sizes)


def _chunks(file: BinaryIO, place: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and size of consecutive chunks, up to the first that is not a chunk."""
    while len(head := _at(file, place, 8)) == 8 and all(32 <= byte < 127 for byte in head[:4]):
        size = int.from_bytes(head[4:], "little")
        yield head[:4], place + 8, size
        place += 8 + size + size % 2


def _is_made_of_chunks(file: BinaryIO, place: int, size: int) -> bool:
    ends = [at + length for _, at, length in _chunks(file, place)]
    return bool(ends) and abs(ends[-1] - size) <= 1


# ---------------------------------------------------------------- FLAC


def _flac(file: BinaryIO, start: int, size: int) -> Header:
    """Correct the stated length from the last frame, whose header states its position."""
    information = _at(file, start + 8, 34)
    if len(information) < 34:
        return Header()
    stated = int.from_bytes(information[13:18], "big") & (2**36 - 1)
    found = _flac_frames(_at(file, max(start, size - _TAIL), _TAIL), information)
    if found is None or found <= stated:
        return Header(frames=stated or None)
    upper = information[13] & 0xF0 | found >> 32
    return Header(patches={start + 21: bytes([upper]) + struct.pack(">I", found & 0xFFFFFFFF)})


def _flac_frames(tail: bytes, information: bytes) -> int | None:
    """The number of samples up to the end of the last frame in the tail; None if there is none."""
    data = np.frombuffer(tail, np.uint8)
    places = np.flatnonzero((data[:-1] == 0xFF) & (data[1:] & 0xFE == 0xF8))
    ends = (_flac_frame_end(tail[place : place + 16], information) for place in places[::-1])
    return next((end for end in ends if end is not None), None)


def _flac_frame_end(head: bytes, information: bytes) -> int | None:
    """The sample after a frame, from its header (RFC 9639, section 9.1); None if it is no frame."""
    if len(head) < 16 or head[3] & 1:
        return None
    ones = f"{head[4]:08b}".index("0") if head[4] < 0xFF else 8
    number = head[4] & (0x7F >> ones)
    at = 5
    for byte in head[5 : 4 + max(1, ones)]:
        number = number << 6 | byte & 0x3F
        at += 1
    code = head[2] >> 4
    extra = {6: 1, 7: 2}.get(code, 0)
    block = int.from_bytes(head[at : at + extra], "big") + 1
    if not extra:
        block = 192 if code == 1 else 576 << code - 2 if 2 <= code <= 5 else 256 << max(0, code - 8)
    at += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if code == 0 or ones == 1 or _crc8(head[:at]) != head[at]:
        return None
    is_variable = bool(head[1] & 1)
    before = number if is_variable else number * int.from_bytes(information[:2], "big")
    return before + block


def _crc8(data: bytes) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1."""
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder << 1 ^ (0x107 if remainder & 0x80 else 0)
    return remainder


# ---------------------------------------------------------------- Ogg and MP3


def _is_chained(file: BinaryIO, size: int) -> bool:
    """Whether a new logical stream begins after pages of earlier streams (a chained Ogg file)."""
    place, is_inside = 0, False
    while place < size:
        head = _at(file, place, 27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return False
        begins = bool(head[5] & 2)
        if begins and is_inside:
            return True
        is_inside = not begins
        place += 27 + head[26] + sum(file.read(head[26]))
    return False


def _mp3(file: BinaryIO, start: int, size: int) -> Header:
    """Read the Xing or LAME tag in the first frame, if there is one."""
    head = _at(file, start, 1 << 16)
    frame = _mp3_frame(head)
    if frame is None:
        return Header()
    place, is_first_version = frame
    is_mono = head[place + 3] >> 6 == 3
    tag = place + 4 + (17 if is_first_version == is_mono else 32 if is_first_version else 9)
    if head[tag : tag + 4] not in (b"Xing", b"Info"):
        return Header()
    flags, first, second = struct.unpack(">3I", head[tag + 4 : tag + 16])
    samples = first * (1152 if is_first_version else 576) - _MOST_SILENCE
    frames = samples if flags & 1 else None
    if not flags & 2:
        return Header(frames)
    end = start + place + (second if flags & 1 else first)
    rest = _at(file, _after_tags(file, end), 1 << 16)
    return Header(frames, is_several=size - end >= _LEAST_MP3 and _mp3_frame(rest) is not None)


def _mp3_frame(head: bytes) -> tuple[int, bool] | None:
    """The offset of the first frame that another frame follows, and whether it is version 1."""
    place = head.find(b"\xff")
    while 0 <= place <= len(head) - 4:
        length = _mp3_length(head[place : place + 4])
        follows = head[place + length : place + length + 4]
        if length and follows[:2] == head[place : place + 2] and _mp3_length(follows):
            return place, head[place + 1] & 0x18 == 0x18
        place = head.find(b"\xff", place + 1)
    return None


def _mp3_length(head: bytes) -> int:
    """The length of a layer III frame in bytes; 0 if it is no such frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    is_first_version = head[1] & 0x18 == 0x18
    kbps = _BIT_RATES[is_first_version][head[2] >> 4]
    halvings = {0x18: 0, 0x10: 1, 0x00: 2}[head[1] & 0x18]
    rate = _RATES[head[2] >> 2 & 3] >> halvings
    if not kbps or not rate:
        return 0
    return (144 if is_first_version else 72) * kbps * 1000 // rate + (head[2] >> 1 & 1)
