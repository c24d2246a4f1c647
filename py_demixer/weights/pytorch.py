"""Read PyTorch checkpoints without PyTorch, and without trusting them.

A checkpoint is a zip file with a pickle inside or, before PyTorch 1.6, a sequence of pickles. A
pickle is a program, and this reader does not let it call foreign code: it admits tensors,
containers and the few names that such files need, and refuses everything else. A pickle can also
set attributes of the objects that it has access to; so the objects here have no attributes that
could be set, and a value is accepted as a number only if its exact type is a number type.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, NoReturn, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError

STATES = ("best_state", "state", "state_dict", "model_state_dict")
"""Where a dict may hold the state dict; the first one that is there is read."""

_PARALLEL = "module."


@dataclass(frozen=True)
class Package:
    """The content of a checkpoint.

    Attributes
    ----------
    tensors
        Tensors by name, in the dtypes in which they are stored.
    klass
        Name of the network's class in the original, ``"HTDemucs"`` or ``"HDemucs"``; None if the
        file does not say.
    arguments
        Arguments with which the network was made, by name.
    state
        The key of :data:`STATES` under which the tensors were; None if the file holds nothing else.
    """

    tensors: Mapping[str, NDArray[Any]]
    klass: str | None
    arguments: Mapping[str, Any]
    state: str | None = None


def read(path: Path) -> Package:
    """Read a checkpoint.

    The file is a state dict, or a dict with a state dict under one of :data:`STATES`: a Demucs
    package (see ``demucs/states.py``), or what a training program saves. A prefix that parallel
    training adds to all names is removed.

    Raises
    ------
    ConvertError
        The file is damaged or of another kind, or its pickle names something other than tensors,
        containers and the classes of a Demucs package.
    """
    try:
        content = _unpickle(path) if zipfile.is_zipfile(path) else _unpickle_old(path)
    except ConvertError as error:
        raise ConvertError(f"{path.name} was refused: {error}.") from error
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ConvertError(f"{path.name} is not a whole PyTorch checkpoint ({error!r}).") from error
    package: dict[Any, Any] = content if isinstance(content, dict) else {}
    found = next((name for name in STATES if isinstance(package.get(name), dict)), None)
    state = package[found] if found else content
    klass, arguments = (package.get("klass"), package.get("kwargs", {})) if found else (None, {})
    if (
        not isinstance(state, dict)
        or not state
        or not all(map(_is_parameter, state.items()))
        or not isinstance(arguments, dict)
        or not all(map(_is_argument, arguments.items()))
        or not (klass is None or type(klass) is str)
    ):
        raise ConvertError(f"{path.name} holds something other than named tensors.")
    prefix = _PARALLEL if all(name.startswith(_PARALLEL) for name in state) else ""
    tensors = {name.removeprefix(prefix): tensor.array for name, tensor in state.items()}
    return Package(tensors, klass, dict(arguments), found)


def _is_parameter(item: tuple[object, object]) -> bool:
    return type(item[0]) is str and type(item[1]) is _Tensor


def _is_argument(item: tuple[object, object]) -> bool:
    """Whether it can be an argument of a network: a name with a plain value or a list of them."""
    name, value = item
    values = value if type(value) in (list, tuple) else [value]
    return type(name) is str and all(type(one) in _PLAIN for one in cast(Sequence[Any], values))


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
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            _refuse("it is compressed, which no checkpoint is")
        big = f"{root}byteorder" in names and archive.read(f"{root}byteorder") == b"big"
        storages: dict[str, _Storage] = {}

        def storage(key: str, dtype: str, count: int) -> _Storage:
            if key not in storages:
                name = f"{root}data/{key}"
                if archive.getinfo(name).file_size != count * np.dtype(dtype).itemsize:
                    _refuse("a storage in it has another size than it says")
                numbers = np.frombuffer(archive.read(name), f"{'>' if big else '<'}{dtype}")
                storages[key] = _Storage(numbers)
            return storages[key]

        with archive.open(f"{root}data.pkl") as file:
            return _load(file, storage)


# The magic number of files before PyTorch 1.6, as a pickled integer.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")


def _unpickle_old(path: Path) -> object:
    """Read a file written before PyTorch 1.6 (``torch.serialization._legacy_load``).

    It consists of pickles (a magic number, a version, information about the machine, the object,
    the keys of its storages) and then the storages, each a count and its numbers. So the object is
    unpickled twice: to learn which storages there are, and to fill its tensors from them.
    """
    with path.open("rb") as file:

        def none(*_: object) -> NoReturn:
            _refuse("there is a tensor where none belongs")

        magic, version, system = (_load(file, none) for _ in range(3))
        if (magic, version) != (int.from_bytes(_OLD_MAGIC, "little"), 1001):
            _refuse("it is neither a zip file nor an older PyTorch checkpoint")
        kinds: dict[str, tuple[str, int]] = {}

        def empty(key: str, dtype: str, count: int) -> _Storage:
            kinds[key] = dtype, count
            if not 0 <= count * np.dtype(dtype).itemsize <= path.stat().st_size:
                _refuse("a storage in it is larger than the file")
            return _Storage(np.zeros(count, dtype))

        start = file.tell()
        _load(file, empty)
        end = file.tell()
        order = "<" if system["little_endian"] else ">"
        storages: dict[str, _Storage] = {}
        for key in _load(file, none):
            dtype, count = kinds[key]
            if np.fromfile(file, f"{order}i8", 1)[0] != count:
                _refuse("a storage in it has another size than it says")
            storages[key] = _Storage(np.fromfile(file, order + dtype, count))
        file.seek(start)
        state = _load(file, lambda key, _dtype, _count: storages[key])
        assert file.tell() == end
        return state


# ---- replacements for PyTorch's objects ---------------------------------------------------------


class _Sealed:
    """An object that a pickle can have, but on which it cannot set anything."""

    __slots__ = ()

    def __setstate__(self, _: object) -> NoReturn:
        _refuse("it sets attributes of what has none")


class _Storage(_Sealed):
    """A flat array of numbers."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: NDArray[Any]) -> None:
        self.numbers = numbers


class _Tensor(_Sealed):
    """An array."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array


class _Fraction(_Sealed, Fraction):
    """A fraction."""

    __slots__ = ()


class _Names(dict[str, object]):
    """An ordered dictionary; PyTorch stores versions of layers as an attribute of it."""

    __slots__ = ()

    def __setstate__(self, _: object) -> None:
        """Ignore the attributes."""


class _Function(_Sealed):
    """A function that a pickle may call."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)


_PLAIN = (int, float, str, bool, type(None), _Fraction)
_MOST_AXES = 8


def _rebuild_tensor(
    storage: object, offset: object, size: object, stride: object, *_: object
) -> _Tensor:
    """Do what ``torch._utils._rebuild_tensor_v2`` does, but check every bound."""
    if type(storage) is not _Storage or not _are_numbers((offset,)):
        _refuse("a tensor in it has no storage")
    if not _are_numbers(size) or not _are_numbers(stride) or len(size) != len(stride):
        _refuse("a tensor in it has a malformed shape")
    numbers, start = storage.numbers, cast(int, offset)
    count = math.prod(size)
    last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count and max(last, count - 1) >= len(numbers):
        _refuse("a tensor in it reaches outside its storage")
    steps = [step * numbers.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(numbers[start:], size, steps, writeable=False)
    array = np.ascontiguousarray(view, dtype=numbers.dtype.newbyteorder("="))
    return _Tensor(array.reshape(size))


def _are_numbers(values: object) -> TypeGuard[tuple[int, ...]]:
    """Whether it is a tuple of at most ``_MOST_AXES`` non-negative integers."""
    if type(values) is not tuple or len(values) > _MOST_AXES:
        return False
    return all(type(value) is int and value >= 0 for value in values)


def _rebuild_parameter(tensor: object, *_: object) -> _Tensor:
    if type(tensor) is not _Tensor:
        _refuse("a parameter in it is no tensor")
    return tensor


def _names(*pairs: object) -> _Names:
    if pairs:
        _refuse("a dictionary in it is malformed")
    return _Names()


def _fraction(*parts: object) -> _Fraction:
    """Make a fraction of sensible size from the arguments in older and newer Pythons' pickles."""
    words = parts[0].split("/") if len(parts) == 1 and type(parts[0]) is str else parts
    numbers = [int(word) for word in words if type(word) in (int, str) and len(str(word)) < 20]  # type: ignore[call-overload]
    if len(numbers) != len(words) or not 1 <= len(numbers) <= 2:
        _refuse("a fraction in it is malformed")
    return _Fraction(*numbers)


_STORAGES = {  # NumPy's type codes
    "torch.HalfStorage": "f2",
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
    "torch.ByteStorage": "u1",
    "torch.IntStorage": "i4",
    "torch.LongStorage": "i8",
}

# All names that a checkpoint may use, and their replacements, none of which can run other code.
_ADMITTED: dict[str, Any] = {
    **_STORAGES,
    "torch._utils._rebuild_tensor_v2": _Function(_rebuild_tensor),
    "torch._utils._rebuild_parameter": _Function(_rebuild_parameter),
    "collections.OrderedDict": _Function(_names),
    "fractions.Fraction": _Function(_fraction),
    "demucs.htdemucs.HTDemucs": "HTDemucs",
    "demucs.hdemucs.HDemucs": "HDemucs",
}


_FindStorage = Callable[[str, str, int], _Storage]


def _load(file: IO[bytes], storage: _FindStorage) -> Any:
    """Load the next pickle of a file."""
    start = file.tell()
    _check_nesting(file)
    file.seek(start)
    return _TensorUnpickler(file, storage).load()


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that can make only tensors and containers."""

    def __init__(self, file: IO[bytes], storage: _FindStorage) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name.endswith("Storage") and f"torch.{name}" not in _STORAGES:
            kind = name.removesuffix("Storage")
            _refuse(f"its numbers are stored as {kind}, which is not read here: save it in float32")
        if f"{module}.{name}" not in _ADMITTED:
            _refuse(
                f"its pickle names {module}.{name}, which no weight file needs, and loading such a"
                " file could run a stranger's code"
            )
        return _ADMITTED[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> _Storage:
        # ("storage", type, key, device, count); older files add a view, which must be None.
        if type(pid) is not tuple or not 5 <= len(pid) <= 6 or pid[5:] not in ((), (None,)):
            _refuse(_ODD_STORAGE)
        kind, dtype, key, device, count = pid[:5]
        plain = all(type(text) is str for text in (kind, dtype, key, device)) and type(count) is int
        if not plain or kind != "storage" or dtype not in _STORAGES.values():
            _refuse(_ODD_STORAGE)
        return self._storage(key, dtype, count)


_ODD_STORAGE = "it refers to something other than a plain storage"

_DEEPEST = 20
_TUPLES = ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
_PUTS, _GETS = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")


def _check_nesting(file: IO[bytes]) -> None:
    """Refuse deeply nested tuples: hashing a million levels would overflow Python's stack.

    This simulates the pickle's program: it looks up what each operation takes from the stack and
    puts there, and keeps track only of the depth of each value.
    """
    stack: list[int | None] = []  # depths; None is a mark
    memo: dict[int, int | None] = {}
    for operation, argument, _ in pickletools.genops(file):
        if operation.name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif operation.name in _PUTS:
            memo[cast(int, argument)] = stack[-1]
        elif operation.name in _GETS:
            stack.append(memo[cast(int, argument)])
        elif operation.name == "DUP":
            stack.append(stack[-1])
        else:
            taken = _taken(stack, operation)
            depth = 1 + max(taken, default=0) if operation.name in _TUPLES else 0
            if depth > _DEEPEST:
                _refuse("its tuples are nested too deeply")
            put = operation.stack_after
            stack += [None if kind is pickletools.markobject else depth for kind in put]


def _taken(stack: list[int | None], operation: pickletools.OpcodeInfo) -> list[int]:
    """Remove what an operation takes from the stack, and return the depths."""
    wanted = operation.stack_before
    if pickletools.markobject in wanted:
        mark = len(stack) - 1 - stack[::-1].index(None)
        start = mark - wanted.index(pickletools.markobject)
    else:
        start = len(stack) - len(wanted)
    taken = [depth for depth in stack[start:] if depth is not None]
    del stack[start:]
    return taken


def _refuse(reason: str) -> NoReturn:
    raise ConvertError(reason)
