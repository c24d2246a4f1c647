"""Read and write weight files in the safetensors format.

The format is an 8-byte little-endian header length, a JSON header and the tensors' bytes; see
https://github.com/huggingface/safetensors. Arrays are views into the buffer, so the file is in
memory only once; float16 stays float16 until an operation widens it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

_BFLOAT16 = "BF16"
_READ: dict[str, np.dtype[Any]] = {
    **_DTYPES,
    "F64": np.dtype("<f8"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
    "BOOL": np.dtype("?"),
    _BFLOAT16: np.dtype("<u2"),
}
"""How the numbers of tensors are stored, in weight files and in files of other programs."""


class NotSafetensors(ValueError):
    """A file is of another format."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a weight file.

    ``tensors`` maps PyTorch's parameter names to arrays (views into the file's buffer);
    ``metadata`` holds strings, among them ``architecture`` and ``config`` (JSON).
    """

    tensors: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, str]


def read(buffer: bytes | bytearray | memoryview | NDArray[np.uint8]) -> Checkpoint:
    """Open a safetensors file that is already in memory, without copying it.

    Only numbers in bfloat16, which NumPy does not have, are copied, to float32.

    Raises
    ------
    NotSafetensors
        The buffer is not a safetensors file.
    ValueError
        It is not a complete, well-formed one, or has numbers of an unknown kind.
    """
    data = np.frombuffer(buffer, dtype=np.uint8)
    header, body = _split(data)
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for x in metadata.values()):
        raise ValueError("The weight file is damaged (its metadata): delete it and fetch it again.")
    entries = [entry for entry in header.values() if isinstance(entry, dict)]
    if unknown := {str(entry["dtype"]) for entry in entries if "dtype" in entry} - set(_READ):
        raise ValueError(
            f"Its numbers are stored as {min(unknown)}, which is not read here: save them as F32."
        )
    try:
        tensors = {name: _view(body, entry) for name, entry in header.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The weight file is damaged ({error}): delete it and fetch it again."
        ) from error
    return Checkpoint(tensors, metadata)


def serialised(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> Iterator[bytes | memoryview]:
    """Yield the pieces of a safetensors file, whose bytes depend only on the arguments.

    Tensors are stored in the order of their names; the possible dtypes are float16, float32 and
    uint8. No tensor is copied, unless its numbers have to be rearranged.
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    for name in sorted(tensors):
        tensor = tensors[name]
        header[name] = {
            "dtype": _NAMES[tensor.dtype.newbyteorder("<")],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of 8 bytes
    yield len(text).to_bytes(8, "little")
    yield text
    for name in sorted(tensors):
        little_endian = tensors[name].dtype.newbyteorder("<")
        whole = np.ascontiguousarray(tensors[name], little_endian).reshape(-1)
        yield whole.view(np.uint8).data


def write(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write what :func:`serialised` yields to a file.

    A file at ``path`` is replaced atomically, once everything is written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            for piece in serialised(tensors, metadata):
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _split(data: NDArray[np.uint8]) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Split a file into the parsed header and the bytes after it."""
    size = int.from_bytes(data[:8].tobytes(), "little")
    if len(data) < 8 or size > len(data) - 8:
        raise NotSafetensors(
            "The weight file is cut short or not a safetensors file: fetch it again."
        )
    try:
        header = json.loads(data[8 : 8 + size].tobytes())
    except ValueError as error:
        raise NotSafetensors("This is not a safetensors file: its header is not JSON.") from error
    if not isinstance(header, dict):
        raise NotSafetensors("This is not a safetensors file: its header is not a JSON object.")
    return header, data[8 + size :]


def _view(body: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(body):
        raise ValueError(f"a tensor ends at byte {end} of {len(body)}")
    numbers = body[begin:end].view(_READ[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] != _BFLOAT16:
        return numbers
    return (numbers.astype(np.uint32) << 16).view(np.float32)  # the upper half of a float32
