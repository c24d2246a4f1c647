"""Read the ONNX export of HTDemucs.

The exporter folded some parameters into unnamed constants; the path of the node that uses such a
constant tells which parameter it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import ConvertError

from .storage import half

_EMBEDDING_SCALE = 10  # HTDemucs' emb_scale, which the exporter multiplied into the stored table


def read(path: Path) -> dict[str, NDArray[np.float16]]:
    """Read the parameters of an ONNX export of HTDemucs, float16, by PyTorch's names.

    Raises
    ------
    ConvertError
        The library ``onnx`` is missing, or the file is not such an export.
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
        pieces: dict[str, dict[str, NDArray[np.float16]]] = {}
        for tensor in graph.initializer:
            name, array = tensor.name, numpy_helper.to_array(tensor)
            node = users.get(name, "")
            if name.startswith("onnx::"):  # the exporter's names for folded constants
                name, array = _parameter(node, array)
            # Narrowed one by one, so that the float32 model is in memory only once.
            pieces.setdefault(name, {})[node] = half(name, array)
    except (ConvertError, OSError):
        raise
    except Exception as error:  # protobuf's DecodeError, or anything that a damaged tensor raises
        raise ConvertError(
            f"{path.name} is neither a PyTorch checkpoint (a zip file) nor a whole ONNX file"
            f" ({error})."
        ) from error
    return {name: _join(parts) for name, parts in pieces.items()}


def _parameter(node: str, array: NDArray[np.float32]) -> tuple[str, NDArray[np.float32]]:
    """Name an unnamed constant after the node that uses it, and bring it to PyTorch's shape.

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


def _join(parts: Mapping[str, NDArray[np.float16]]) -> NDArray[np.float16]:
    """Join the constants of a parameter's nodes.

    In cross-attention, one parameter is used by two nodes, MatMul for the queries and MatMul_1 for
    keys and values; their constants are concatenated in this order. All other parameters have a
    single constant.
    """
    ordered = [parts[node] for node in sorted(parts)]
    return ordered[0] if len(ordered) == 1 else np.concatenate(ordered)


def _module(path: str) -> str:
    """A node's path with dots; nested lists repeat their parent, as in ``layers.0/layers.0.4``."""
    parts: list[str] = []
    for part in path.split("/"):
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)
