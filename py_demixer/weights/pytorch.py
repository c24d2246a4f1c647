"""Read PyTorch checkpoints without PyTorch, and without trusting them.

A checkpoint is a zip file around a pickle or, before PyTorch 1.6, pickles in a row. A pickle is a
program; this reader runs none of it: it admits tensors, containers and the few names such files
hold, and refuses everything else.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .errors import ConvertError


@dataclass(frozen=True)
class Package:
    """What a checkpoint holds.

    Attributes
    ----------
    tensors
        By name, in the dtypes it stores.
    klass
        The class of the network as the original names it, ``"HTDemucs"`` or ``"HDemucs"``; None
        where the file does not say.
    arguments
        What the network was made with, by name.
    """

    tensors: Mapping[str, np.ndarray]
    klass: str | None
    arguments: Mapping[str, Any]


def read(path: Path) -> Package:
    """Read a checkpoint.

    The file is a state dict, or a Demucs package (a dict with the state dict under ``state``, see
    ``demucs/states.py``).

    Raises
    ------
    ConvertError
        The file is damaged, of another kind, or its pickle names anything else than
        tensors, containers and the classes of a Demucs package.
    """
    try:
        content = _unpickle(path) if zipfile.is_zipfile(path) else _unpickle_old(path)
    except ConvertError as error:
        raise ConvertError(f"{path.name} was refused: {error}.") from error
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ConvertError(f"{path.name} is not a whole PyTorch checkpoint ({error!r}).") from error
    package: dict[Any, Any] = content if isinstance(content, dict) and "klass" in content else {}
    state = package.get("state") if package else content
    arguments = package.get("kwargs", {})
    if (
        not isinstance(state, dict)
        or not state
        or not all(map(_is_parameter, state.items()))
        or not isinstance(arguments, dict)
    ):
        raise ConvertError(f"{path.name} holds something else than named tensors.")
    return Package(dict(state), package.get("klass"), arguments)


def _is_parameter(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], np.ndarray)


def is_pytorch(path: Path) -> bool:
    """Whether the file is a PyTorch checkpoint, by its first bytes."""
    with path.open("rb") as file:
        return zipfile.is_zipfile(path) or _OLD_MAGIC in file.read(32)


def _unpickle(path: Path) -> object:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        root = next(
            (name[: -len("data.pkl")] for name in names if name.endswith("/data.pkl")), None
        )
        if root is None:
            _refuse("it is a zip file without data.pkl, so no PyTorch checkpoint")
        big = f"{root}byteorder" in names and archive.read(f"{root}byteorder") == b"big"
        storages: dict[str, np.ndarray] = {}

        def storage(key: str, dtype: str, _count: int) -> np.ndarray:
            if key not in storages:
                order = ">" if big else "<"
                storages[key] = np.frombuffer(archive.read(f"{root}data/{key}"), order + dtype)
            return storages[key]

        with archive.open(f"{root}data.pkl") as file:
            return _TensorUnpickler(file, storage).load()


# What such a file begins with, as a pickled integer.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")


def _unpickle_old(path: Path) -> object:
    """A file as PyTorch wrote them before 1.6 (``torch.serialization._legacy_load``).

    Pickles: a magic number, a version, facts about the machine, the object, the keys of its
    storages; then the storages, each a count and its numbers. So the object is unpickled twice:
    to learn which storages there are, and to fill its tensors with them.
    """
    with path.open("rb") as file:

        def load(storage: Callable[[str, str, int], np.ndarray]) -> Any:
            return _TensorUnpickler(file, storage).load()

        def none(*_: object) -> NoReturn:
            _refuse("there is a tensor where none belongs")

        magic, version, system = (load(none) for _ in range(3))
        if (magic, version) != (int.from_bytes(_OLD_MAGIC, "little"), 1001):
            _refuse("it is neither a zip file nor an older PyTorch checkpoint")
        kinds: dict[str, str] = {}

        def empty(key: str, dtype: str, count: int) -> np.ndarray:
            kinds[key] = dtype
            if not 0 <= count * np.dtype(dtype).itemsize <= path.stat().st_size:
                _refuse("a storage in it is larger than the file")
            return np.zeros(count, dtype)

        start = file.tell()
        load(empty)
        end = file.tell()
        order = "<" if system["little_endian"] else ">"
        storages: dict[str, np.ndarray] = {}
        for key in load(none):
            count = int(np.fromfile(file, f"{order}i8", 1)[0])
            storages[key] = np.fromfile(file, order + kinds[key], count)
        file.seek(start)
        state = load(lambda key, _dtype, _count: storages[key])
        assert file.tell() == end
        return state


def _rebuild_tensor(
    storage: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> np.ndarray:
    """What ``torch._utils._rebuild_tensor_v2`` does, with every bound checked."""
    if not isinstance(storage, np.ndarray) or len(size) != len(stride):
        _refuse("a tensor in it has no storage or a malformed shape")
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min(offset, *size, *stride, 0) < 0 or (count and max(last, count - 1) >= len(storage)):
        _refuse("a tensor in it reaches outside its storage")
    steps = [step * storage.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
    return np.ascontiguousarray(view, dtype=storage.dtype.newbyteorder("=")).reshape(size)


def _rebuild_parameter(tensor: object, *_: object) -> object:
    return tensor


def _fraction(*parts: object) -> Fraction:
    """A fraction from what older and newer Pythons pickle of one, of a sensible size."""
    words = parts[0].split("/") if len(parts) == 1 and isinstance(parts[0], str) else parts
    numbers = [int(word) for word in words if isinstance(word, int | str) and len(str(word)) < 20]
    if len(numbers) != len(words) or not 1 <= len(numbers) <= 2:
        _refuse("a fraction in it is malformed")
    return Fraction(*numbers)


_STORAGES = {  # by the letters NumPy knows them by
    "torch.HalfStorage": "f2",
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
    "torch.ByteStorage": "u1",
    "torch.IntStorage": "i4",
    "torch.LongStorage": "i8",
}

# All that a checkpoint may name, and what stands for it here. None can be told to do anything.
_ADMITTED: dict[str, Any] = {
    **_STORAGES,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "collections.OrderedDict": OrderedDict,
    "fractions.Fraction": _fraction,
    "demucs.htdemucs.HTDemucs": "HTDemucs",
    "demucs.hdemucs.HDemucs": "HDemucs",
}


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that can make tensors and containers, and nothing else."""

    def __init__(self, file: Any, storage: Callable[[str, str, int], np.ndarray]) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in _ADMITTED:
            _refuse(
                f"its pickle names {module}.{name}, which no weight file needs, and loading such a"
                " file could run a stranger's code"
            )
        return _ADMITTED[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> np.ndarray:
        # ("storage", type, key, device, count); older files add a view, which is None.
        kind, dtype, key, _device, count, *view = pid
        plain = kind == "storage" and dtype in _STORAGES.values() and view in ([], [None])
        if not plain:
            _refuse("it refers to something else than a plain storage")
        return self._storage(str(key), dtype, int(count))


def _refuse(reason: str) -> NoReturn:
    raise ConvertError(reason)
