"""Turn published weight files into the one file the package reads (safetensors).

HTDemucs is one checkpoint, whose numbers float16 holds exactly. Open-Unmix is a checkpoint for each
stem; their matrices are stored in 8 bits (see `quantise`). Two roads lead to tensors with PyTorch's
names:

- `from_pytorch`: a PyTorch checkpoint, which is a zip file around a pickle or, before PyTorch 1.6,
  pickles in a row. A pickle is a program; this reader runs none of it: it admits tensors,
  containers and the few names such files hold, and refuses everything else. It does not need
  PyTorch.
- `from_onnx`: the ONNX export of HTDemucs. The exporter folded some parameters into constants
  without a name; the path of the node that uses one tells which parameter it was.
"""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from py_demixer import checkpoint

from .manifest import Model
from .quantise import quantise


class ConvertError(ValueError):
    """A weight file was refused or not understood; the message says why."""


def convert(path: Path, out: Path, models: Iterable[Model]) -> Model:
    """Convert the weight file ``path`` to safetensors at ``out``; say which of ``models`` it is.

    Raises:
        ConvertError: the file is not understood, fits none of the models, or holds numbers that
            float16 cannot hold exactly.
    """
    read = from_pytorch if is_pytorch(path) else from_onnx
    tensors = {name: _half(name, tensor) for name, tensor in read(path).items()}
    layout = layout_sha256(tensors)
    model = next((model for model in models if model.layout_sha256 == layout), None)
    if model is None:
        raise ConvertError(
            f"The names and shapes of the {len(tensors)} tensors in {path.name} fit none of the"
            " models this version knows: take another file."
        )
    metadata = {"architecture": model.name, "config": "{}", "licence": model.licence.text}
    checkpoint.write(out, tensors, metadata)
    return model


def combine(paths: Mapping[str, Path], out: Path, models: Iterable[Model]) -> Model:
    """Convert the checkpoints of Open-Unmix's stems to safetensors at ``out``; say which it is.

    Args:
        paths: a PyTorch checkpoint by stem.

    Raises:
        ConvertError: a file is not understood or fits none of the models, or a stem is missing.
    """
    tensors: dict[str, np.ndarray] = {}
    found: list[Model] = []
    for stem, path in paths.items():
        network = unmix_network(path)
        layout = layout_sha256(network)
        found += [model for model in models if model.layout_sha256 == layout]
        if not found or found[-1] != found[0]:
            raise ConvertError(
                f"{path.name} fits none of the models this version knows, or another one than the"
                " files before it: take another file."
            )
        tensors |= quantise({f"{stem}.{name}": tensor for name, tensor in network.items()})
    if not found or set(paths) != set(found[0].stems):
        raise ConvertError(f"A model is made of one file for each of its stems, not {len(paths)}.")
    model = found[0]
    metadata = {
        "architecture": "openunmix",
        "config": json.dumps(unmix_config(network)),
        "licence": model.licence.text,
    }
    checkpoint.write(out, tensors, metadata)
    return model


def unmix_network(path: Path) -> dict[str, np.ndarray]:
    """The parameters of one of Open-Unmix's networks, float32, from its PyTorch checkpoint.

    Older checkpoints hold more: windows of transforms, counters of batches, the sample rate.

    Raises:
        ConvertError: the file is not understood or of another kind.
    """
    tensors = from_pytorch(path)
    kept = {name: x for name, x in tensors.items() if _UNMIX_PARAMETERS.fullmatch(name)}
    if "fc1.weight" not in kept:
        raise ConvertError(f"{path.name} is not one of Open-Unmix's networks.")
    return {name: tensor.astype(np.float32) for name, tensor in kept.items()}


def unmix_config(network: Mapping[str, np.ndarray]) -> dict[str, int]:
    """What of :class:`py_demixer.models.openunmix.Config` the shapes tell."""
    return {
        "hidden": len(network["fc1.weight"]),
        "bandwidth": len(network["input_mean"]),
        "n_fft": 2 * (len(network["output_mean"]) - 1),
    }


_UNMIX_PARAMETERS = re.compile(
    r"(in|out)put_(mean|scale)|fc\d\.weight|lstm\.\w+|bn\d\.(weight|bias|running_(mean|var))"
)


def layout_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """The sha256 of the sorted lines ``name shape``: one value for all names and shapes."""
    lines = (f"{name} {list(tensors[name].shape)}\n" for name in sorted(tensors))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _half(name: str, tensor: np.ndarray) -> np.ndarray:
    """``tensor`` as float16, which must lose nothing."""
    with np.errstate(over="ignore"):
        half = tensor.astype(np.float16, copy=False)
    if not np.array_equal(half.astype(tensor.dtype), tensor):
        raise ConvertError(
            f"The tensor {name} has values that float16 cannot hold exactly, so this is not the"
            " published model: take another file."
        )
    return half


# ---- PyTorch ------------------------------------------------------------------------------------


def from_pytorch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a PyTorch checkpoint, in the dtypes it stores.

    The file is a state dict, or a Demucs package (a dict with the state dict under ``state``, see
    ``demucs/states.py``).

    Raises:
        ConvertError: the file is damaged, of another kind, or its pickle names anything else than
            tensors, containers and the classes of a Demucs package.
    """
    try:
        state = _unpickle(path) if zipfile.is_zipfile(path) else _unpickle_old(path)
    except ConvertError as error:
        raise ConvertError(f"{path.name} was refused: {error}.") from error
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ConvertError(f"{path.name} is not a whole PyTorch checkpoint ({error!r}).") from error
    if isinstance(state, dict) and "klass" in state:
        state = state.get("state")
    if not isinstance(state, dict) or not state or not all(map(_is_parameter, state.items())):
        raise ConvertError(f"{path.name} holds something else than named tensors.")
    return dict(state)


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


def _inert(*parts: object) -> object:
    """Stands for a class whose instances nobody looks at: keeps the arguments."""
    return parts


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
    "fractions.Fraction": _inert,
    "demucs.htdemucs.HTDemucs": "HTDemucs",
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


# ---- ONNX ---------------------------------------------------------------------------------------

_EMBEDDING_SCALE = 10  # HTDemucs' emb_scale: the exporter multiplied the stored table by it


def from_onnx(path: Path) -> dict[str, np.ndarray]:
    """The parameters of an ONNX export of HTDemucs, float16, by PyTorch's names.

    Raises:
        ConvertError: the library ``onnx`` is missing, or the file is not such an export.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise ConvertError(
            "Reading an ONNX file needs the Python package onnx: install it (pip install onnx)."
        ) from error
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
        users = {constant: node.name for node in graph.node for constant in node.input}
        pieces: dict[str, dict[str, np.ndarray]] = {}
        for tensor in graph.initializer:
            name, array = tensor.name, numpy_helper.to_array(tensor)
            node = users.get(name, "")
            if name.startswith("onnx::"):  # how the exporter calls what it folded
                name, array = _parameter(node, array)
            # Narrowed one by one, so that the float32 model is in memory once, not twice.
            pieces.setdefault(name, {})[node] = _half(name, array)
    except (ConvertError, OSError):
        raise
    except Exception as error:  # protobuf's DecodeError, or whatever a damaged tensor raises
        raise ConvertError(
            f"{path.name} is neither a PyTorch checkpoint (a zip file) nor a whole ONNX file"
            f" ({error})."
        ) from error
    return {name: _join(parts) for name, parts in pieces.items()}


def _parameter(node: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """A nameless constant's name and its array in PyTorch's shape, from the node that uses it.

    ``/encoder.1/dconv/layers.0/layers.0.4/Mul`` uses ``encoder.1.dconv.layers.0.4.weight``.
    """
    if node == "/Expand":
        table = array[0, :, :, 0].T
        return "freq_emb.embedding.weight", table / table.dtype.type(_EMBEDDING_SCALE)
    match = re.fullmatch(r"/(.+)/(Mul|Add|MatMul)(?:_1)?", node)
    if match is None:
        raise ConvertError(f"The ONNX node {node!r} uses a constant in a way HTDemucs does not.")
    module, operation = _module(match[1]), match[2]
    if re.search(r"\.dconv\.layers\.\d+\.6$", module):  # a DConv branch ends in its layer scale
        leaf = "scale"
    else:
        leaf = "bias" if operation == "Add" else "weight"
    if module.endswith("_attn"):
        leaf = f"in_proj_{leaf}"
    return f"{module}.{leaf}", array.T if operation == "MatMul" else array.reshape(-1)


def _join(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """One parameter from the constants of its nodes.

    Cross-attention multiplies by one parameter in two nodes, MatMul for the queries and MatMul_1
    for keys and values: in this order they are one below the other. All else has one part.
    """
    ordered = [parts[node] for node in sorted(parts)]
    return ordered[0] if len(ordered) == 1 else np.concatenate(ordered)


def _module(path: str) -> str:
    """A node's path with dots; lists in lists repeat their parent: ``layers.0/layers.0.4``."""
    parts: list[str] = []
    for part in path.split("/"):
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)
