"""Read the boxes of MP4 files."""

from __future__ import annotations

from collections.abc import Iterator

_HEADER = 8


def boxes(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Types and payloads of the boxes that follow one another."""
    at = 0
    while at < len(content):
        size, start = int.from_bytes(content[at : at + 4], "big"), at + _HEADER
        if size == 1:
            size = int.from_bytes(content[start : start + 8], "big")
            start += 8
        yield content[at + 4 : at + _HEADER].decode("latin-1"), content[start : at + size]
        at += size


def box(content: bytes, *path: str) -> bytes:
    """The payload of the first box at a path."""
    for name in path:
        content = next(payload for kind, payload in boxes(content) if kind == name)
    return content
