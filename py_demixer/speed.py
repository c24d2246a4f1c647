"""How fast a machine is: the six operations that take most of HTDemucs' time, and its ceiling.

The ceiling is the number of multiply-adds that a processor or card does if they never leave its
registers: nothing that it computes can be faster.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.gpu import selftest
from py_demixer.gpu.schedule import Region, Run, Schedule, schedule
from py_demixer.ops import backend
from py_demixer.ops.attention import attention
from py_demixer.ops.conv import conv2d, conv_transpose2d
from py_demixer.ops.kernels import CEILING_FLOP
from py_demixer.ops.linear import linear
from py_demixer.program.record import record

Tensors = Mapping[str, NDArray[Any]]

CEILING = "multiply-add in registers"
"""Name of the ceiling among the measured operations."""

_LOOPS = 5_000_000
_WORKGROUPS, _INVOCATIONS, _CARD_LOOPS, _VECTORS = 4096, 64, 256, 8  # as in ceiling.wgsl

_RUNS = 3


@dataclass(frozen=True)
class Operation:
    """One operation of a network, with an input and weights of its own.

    Attributes
    ----------
    name
        What it does, with the sizes.
    network
        A function that does nothing else.
    x
        Its input, float32.
    tensors
        Its weights, float16.
    gflop
        Floating-point operations, in billions; a multiplication and an addition are two.
    options
        What else it depends on, by name.
    """

    name: str
    network: Callable[[Any], Any]
    x: NDArray[np.float32]
    tensors: Tensors
    gflop: float
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schedule(self) -> Schedule:
        """The card's schedule for the operation."""
        return schedule(record(self.network, self.x.shape, self.tensors))


@dataclass(frozen=True)
class Speed:
    """A measured operation.

    Attributes
    ----------
    operation
        Its name.
    gflop
        Floating-point operations of a run, in billions.
    seconds
        Of a run.
    """

    operation: str
    gflop: float
    seconds: float


def operations() -> Iterator[Operation]:
    """The six operations, with HTDemucs' own shapes, one by one: each takes tens of megabytes."""
    yield linear_layer((512, 2688), 2048)
    yield convolution((96, 128, 336), (192, 96, 3, 3), padding=(1, 1))
    yield convolution((48, 1, 85995), (96, 48, 1, 8), stride=(1, 4), padding=(0, 2))
    yield convolution((192, 1, 5375), (384, 192, 1, 3), padding=(0, 1))
    yield transposed_convolution((96, 128, 336), 48)
    yield self_attention(8, 64, 2688)


def on_processor() -> Iterator[Speed]:
    """Measure the processor, with the current backend and one thread.

    Yields
    ------
    Speed
        The ceiling, if the backend has kernels, and each operation: medians of three runs.
    """
    kernels = backend.current().kernels
    if kernels is not None:
        seconds = _median(lambda: kernels.multiply_add(_LOOPS))
        yield Speed(CEILING, 1e-9 * _LOOPS * CEILING_FLOP, seconds)
    for operation in operations():
        seconds = _median(lambda now=operation: now.network(now.x))  # type: ignore[misc]
        yield Speed(operation.name, operation.gflop, seconds)


def card_ceiling() -> tuple[Schedule, float]:
    """A schedule of nothing but multiply-adds in registers, and its GFLOP."""
    numbers = Region(0, 0, 256)
    plan = Schedule(
        shaders=(resources.files("py_demixer.gpu").joinpath("ceiling.wgsl").read_text("utf-8"),),
        buffers=(256, 256, 256),
        computed=1,
        weights=(),
        constants=np.zeros(64, np.float32),
        sizes=np.zeros(64, np.uint32),
        runs=(Run(0, (numbers,), None, (_WORKGROUPS, 1, 1)),),
        input=numbers,
        output=numbers,
        output_shape=(64,),
        steps=(),
    )
    return plan, 8e-9 * _WORKGROUPS * _INVOCATIONS * _CARD_LOOPS * _VECTORS


def linear_layer(shape: tuple[int, int], n_out: int) -> Operation:
    """A linear layer with GELU, of an input ``shape``: channels, positions."""
    n_in, positions = shape
    x, tensors = _random(shape, (n_out, n_in), n_out)
    return Operation(
        f"linear {n_in}->{n_out} x {positions}, GELU",
        lambda x: linear(x, tensors["weight"], tensors["bias"], activation="gelu"),
        x,
        tensors,
        2e-9 * n_in * n_out * positions,
    )


def convolution(
    shape: tuple[int, int, int],
    weight: tuple[int, int, int, int],
    *,
    padding: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
) -> Operation:
    """A convolution of an input ``shape``: channels, height, width; 1-D where the height is 1."""
    x, tensors = _random(shape, weight, weight[0])
    around = ((padding[0], padding[0]), (padding[1], padding[1]))
    n_out, n_in, *taps = weight
    height, width = (
        (shape[1 + axis] + 2 * padding[axis] - taps[axis]) // stride[axis] + 1 for axis in (0, 1)
    )
    by_row = shape[1] == 1
    kernel = f"{taps[1]}/{stride[1]}" if by_row else f"{taps[0]}x{taps[1]}"
    size = shape[2] if by_row else f"{shape[1]}x{shape[2]}"
    return Operation(
        f"conv {kernel} {n_in}->{n_out} x {size}",
        lambda x: conv2d(x, tensors["weight"], tensors["bias"], stride=stride, padding=around),
        x,
        tensors,
        2e-9 * math.prod(weight) * height * width,
        {"stride": stride, "padding": padding},
    )


def transposed_convolution(shape: tuple[int, int, int], n_out: int) -> Operation:
    """A transposed convolution, kernel 8 and stride 4 along the height as in all decoders."""
    n_in, rows, width = shape
    kernel, stride, crop = 8, 4, 2
    x, tensors = _random(shape, (n_in, n_out, kernel, 1), n_out)

    def network(x: Any) -> Any:
        weight, bias = tensors["weight"], tensors["bias"]
        return conv_transpose2d(x, weight, bias, stride=stride, crop=crop, height=rows * stride)

    return Operation(
        f"transposed conv {kernel}/{stride} {n_in}->{n_out} x {rows}x{width}",
        network,
        x,
        tensors,
        2e-9 * n_in * n_out * kernel * rows * width,
        {"stride": stride, "crop": crop},
    )


def self_attention(heads: int, width: int, positions: int) -> Operation:
    """Attention with as many queries as keys; the input has queries, keys and values."""
    channels = heads * width
    x = _noise((3 * channels, positions), 0)

    def network(x: Any) -> Any:
        return attention(x[:channels], x[channels : 2 * channels], x[2 * channels :], heads)

    name = f"attention {heads}x{width} x {positions}"
    return Operation(name, network, x, {}, 4e-9 * channels * positions**2, {"heads": heads})


def _random(
    x: tuple[int, ...], weight: tuple[int, ...], n_out: int
) -> tuple[NDArray[np.float32], Tensors]:
    """Draw an input, and weights that keep its magnitude."""
    scale = (n_out / math.prod(weight)) ** 0.5
    tensors = {
        "weight": (scale * _noise(weight, 1)).astype(np.float16),
        "bias": _noise((n_out,), 2).astype(np.float16),
    }
    return _noise(x, 0), tensors


def _noise(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Noise with a variance of one; the page has no numpy.random."""
    return (math.sqrt(3) * selftest.noise(shape, seed)).astype(np.float32)


def _median(work: Callable[[], object]) -> float:
    """Seconds, after a first time for what is compiled or allocated then."""
    work()
    seconds = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)
