"""Properties of the kernels on random arrays, for the native build and for both builds in Pyodide.

Needs only NumPy, hypothesis and the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from py_demixer.ops import backend
from py_demixer.ops.backend import Backend
from py_demixer.ops.conv import conv2d
from py_demixer.ops.kernels import Kernels
from py_demixer.ops.lstm import bidirectional_lstm, lstm
from py_demixer.ops.norm import EPSILON, SMALLEST_LENGTH, group_norm, layer_norm
from py_demixer.ops.transformer import rotate, rotations
from tests.golden import cases

SETTINGS = settings(deadline=None, database=None)
SIZE = st.integers(1, 40)
ACTIVATIONS = [None, "gelu", "glu", "swish"]
ROUNDING = 2.0**-24


def using(kernels: Kernels) -> AbstractContextManager[Backend]:
    """Use these kernels for all operations."""
    return backend.using(Backend("kernels", kernels.gemm, kernels))


def views(x: np.ndarray) -> Iterator[np.ndarray]:
    """Arrays equal to `x` with different memory layouts."""
    yield x
    yield np.asfortranarray(x)
    yield np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3]
    yield np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    memory = np.empty(x.nbytes + 1, np.uint8)[1:]
    unaligned = memory.view(x.dtype).reshape(x.shape)
    unaligned[...] = x
    yield unaligned


@settings(SETTINGS, max_examples=60)
@given(SIZE, st.integers(1, 600), st.integers(1, 400), st.booleans(), st.integers(0, 4), st.data())
def check_gemm(kernels, rows, depth, columns, half, layout, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    a = rng.standard_normal((rows, depth)).astype(np.float16 if half else np.float32)
    b = rng.standard_normal((depth, columns)).astype(np.float32)
    out = np.full((rows, columns), np.nan, np.float32)
    kernels.gemm(list(views(a))[layout], list(views(b))[-layout], out)
    a, b = a.astype(float), b.astype(float)
    assert (np.abs(out - a @ b) <= depth * ROUNDING * (np.abs(a) @ np.abs(b))).all()


@st.composite
def convolutions(draw):
    small = st.integers(1, 4)
    kernel, stride, dilation = (draw(st.tuples(small, small)) for _ in range(3))
    padding = tuple(draw(st.tuples(st.integers(0, 5), st.integers(0, 5))) for _ in range(2))
    extent = [dilation[i] * (kernel[i] - 1) + 1 - sum(padding[i]) for i in (0, 1)]
    size = tuple(max(1, extent[i]) + draw(st.integers(0, 30)) for i in (0, 1))
    channels = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    activation = draw(st.sampled_from(ACTIVATIONS))
    options = {
        "stride": stride,
        "dilation": dilation,
        "padding": padding,
        "activation": activation,
    }
    return channels[0], size, (2 * channels[1], channels[0], *kernel), options


@settings(SETTINGS, max_examples=150)
@given(convolutions())
def check_conv2d(kernels, drawn):
    channels, size, shape, options = drawn
    x, weight = cases.random("x", channels, *size), cases.random("w", *shape)
    bias = cases.random("b", shape[0])
    with backend.using("numpy"):
        expected = conv2d(x, weight, bias, **options)
    with using(kernels):
        out = conv2d(x[:, ::-1].copy()[:, ::-1], weight, bias, **options)
    assert out.shape == expected.shape
    assert np.allclose(out, expected, rtol=1e-5, atol=1e-5)


@settings(SETTINGS, max_examples=60)
@given(
    *[st.integers(1, 20)] * 2,
    st.tuples(st.integers(1, 9), st.integers(1, 70)),
    st.tuples(*[st.integers(0, 3)] * 4),
    st.sampled_from(ACTIVATIONS),
    st.booleans(),
)
def check_winograd(kernels, rows, channels, size, padding, activation, half):
    """Filters of 3 x 3 are convolved by another algorithm than all others."""
    size = tuple(max(n, 3 - sum(pad)) for n, pad in zip(size, pairs(padding), strict=True))
    x, weight = cases.random("x", channels, *size), cases.random("w", 2 * rows, channels, 3, 3)
    weight, bias = weight.astype(np.float16 if half else np.float32), cases.random("b", 2 * rows)
    options = {"padding": pairs(padding), "activation": activation}
    with backend.using("numpy"):
        expected = conv2d(x, weight, bias, **options)
    with using(kernels):
        out = conv2d(x.transpose(0, 2, 1).copy().transpose(0, 2, 1), weight, bias, **options)
    assert out.shape == expected.shape
    assert np.allclose(out, expected, rtol=1e-5, atol=2e-5)


def pairs(padding):
    return padding[:2], padding[2:]


@settings(SETTINGS, max_examples=60)
@given(*[st.integers(1, 3)] * 2, SIZE, st.integers(1, 90), st.integers(1, 300), st.booleans())
def check_attention(kernels, heads, rows, width, queries, keys, wide):
    """`wide`: scores so far apart that all softmax weights are zero or one."""
    q, k, v = (
        cases.random(name, heads * width, rows + 2, n + 1)[:, 1:-1, 1:]
        for name, n in zip("qkv", (queries, keys, keys), strict=True)
    )
    scale = 100.0 if wide else width**-0.5
    out = np.full(q.shape, np.nan, np.float32)
    kernels.attention(q, k, v, heads, out, scale=100.0 if wide else None)
    q, k, v, out = (x.reshape(heads, width, rows, -1).transpose(0, 2, 1, 3) for x in (q, k, v, out))
    scores = (q.swapaxes(2, 3).astype(float) @ k) * scale
    weights = np.exp(scores - scores.max(axis=3, keepdims=True))
    weights /= weights.sum(axis=3, keepdims=True)
    # A score's rounding error, proportional to its size, becomes a weight's relative error.
    bound = 1e-6 * (5 + np.abs(scores).max()) * np.abs(v).max()
    assert np.abs(out - v @ weights.swapaxes(2, 3)).max() <= bound


@settings(SETTINGS, max_examples=60)
@given(
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 2500),
    st.sampled_from(ACTIVATIONS),
)
def check_group_norm(kernels, channels, rows, positions, activation):
    x = 3 * cases.random("x", 2 * channels, rows + 2, positions + 1) + 7
    weight, bias = cases.random("w", 2 * channels), cases.random("b", 2 * channels)
    strip = x[:, 1:-1, :-1]
    with backend.using("numpy"):
        expected = group_norm(strip.copy(), weight, bias, activation=activation)
    kept = x.copy()
    # With GLU, a value's error is scaled by its gate, and a gate's error by its value.
    bound = of_the_mean(strip, (0, 2)) * np.abs(weight).max() * (1 + np.abs(expected).max())
    kernels.group_norm(strip, weight, bias, EPSILON, activation)
    assert np.allclose(strip[: len(expected)], expected, rtol=1e-5, atol=2e-5 + bound)
    kept[:, 1:-1, :-1] = strip
    assert np.array_equal(x, kept)


@settings(SETTINGS, max_examples=60)
@given(SIZE, st.integers(1, 100))
def check_layer_norm(kernels, channels, positions):
    x = 3 * cases.random("x", channels, positions + 3)[:, 1:-2] + 7
    weight, bias = cases.random("w", channels), cases.random("b", channels)
    out = np.empty(x.shape, np.float32)
    kernels.layer_norm(x, weight, bias, EPSILON, out)
    with backend.using("numpy"):
        expected = layer_norm(x, weight, bias)
    bound = of_the_mean(x, 0) * np.abs(weight).max()
    assert np.allclose(out, expected, rtol=1e-5, atol=1e-5 + bound)


@settings(SETTINGS, max_examples=60)
@given(SIZE, st.integers(1, 100), st.sampled_from([1e-42, 1e-13, 1.0, 1e30]))
def check_rms_norm(kernels, channels, positions, level):
    """`level`: subnormal numbers, vectors as short as the smallest, squares beyond float32."""
    x = (level * cases.random("x", channels, positions + 3))[:, 1:-2].astype(np.float32)
    weight, out = cases.random("w", channels), np.full(x.shape, np.nan, np.float32)
    kernels.rms_norm(x, weight, SMALLEST_LENGTH, out)
    lengths = np.maximum(np.sqrt(np.square(x, dtype=np.float64).sum(axis=0)), SMALLEST_LENGTH)
    expected = x.astype(np.float64) / lengths * channels**0.5 * weight[:, None]
    assert np.allclose(out, expected, rtol=4 * ROUNDING, atol=0)
    overwritten = x.copy()
    kernels.rms_norm(overwritten, weight, SMALLEST_LENGTH, overwritten)
    assert np.array_equal(overwritten, out)


@settings(SETTINGS, max_examples=60)
@given(*[st.integers(1, 9)] * 3, st.integers(1, 70))
def check_rotate(kernels, heads, pairs, rows, positions):
    x = cases.random("x", heads * 2 * pairs, rows, positions)
    cosines, sines = rotations(2 * pairs, positions)
    points = x.reshape(heads, pairs, 2, rows, positions).astype(np.float64)
    turns = (cosines + 1j * sines.astype(np.float64))[:, None]
    expected = (points[:, :, 0] + 1j * points[:, :, 1]) * turns
    bound = 3 * ROUNDING * np.abs(points).sum(axis=2)
    with using(kernels):
        rotate(x, cosines, sines)
    turned = x.reshape(points.shape)
    assert (np.abs(turned[:, :, 0] - expected.real) <= bound).all()
    assert (np.abs(turned[:, :, 1] - expected.imag) <= bound).all()


@settings(SETTINGS, max_examples=60)
@given(st.integers(1, 300), st.sampled_from([1e-42, 1e-20, 0.3, 1.0, 30.0]))
def check_tanh(kernels, count, level):
    x = (level * cases.random("x", count)).astype(np.float32)
    expected = np.tanh(x.astype(np.float64))
    kernels.tanh(x)
    assert np.allclose(x, expected, rtol=3e-7, atol=0)


def of_the_mean(x: np.ndarray, axes: int | tuple[int, ...]) -> np.ndarray:
    """Effect of the mean's rounding error if the numbers hardly differ from the mean."""
    deviation = np.sqrt(x.var(axis=axes, dtype=np.float64, keepdims=True) + EPSILON)
    bound: np.ndarray = 4 * ROUNDING * np.abs(x).max() / deviation
    return bound


@settings(SETTINGS, max_examples=80)
@given(SIZE, SIZE, st.integers(1, 30), st.booleans(), st.sampled_from([0.1, 1.0, 30.0]))
def check_lstm(kernels, inputs, hidden, frames, reverse, level):
    """`level`: gates that are barely, half and fully open."""
    x = level * cases.random("x", inputs, frames)
    weights = cases.random("ih", 4 * hidden, inputs), cases.random("hh", 4 * hidden, hidden)
    bias, state = cases.random("b", 4 * hidden), cases.random("s", 2, hidden)
    weights = tuple(w / np.float32(w.shape[1] ** 0.5) for w in weights)
    with backend.using("numpy"):
        expected, last = lstm(x, *weights, bias, state, reverse=reverse)
    with using(kernels):
        kept = state.copy()
        out, left = lstm(x[:, ::-1].copy()[:, ::-1], *weights, bias, state, reverse=reverse)
    assert np.array_equal(state, kept)
    # Products are summed in another order; the cell carries the effect on a gate onwards.
    bound = 1e-6 * (2 + level)
    assert np.allclose(out, expected, rtol=0, atol=bound)
    assert np.allclose(left, last, rtol=0, atol=2 * bound * max(1, np.abs(last).max()))


@settings(SETTINGS, max_examples=60)
@given(
    *[st.integers(1, 300), SIZE, st.integers(1, 9), st.integers(1, 150)],
    st.booleans(),
    st.sampled_from([0.1, 1.0, 30.0]),
)
def check_lstm_sequences(kernels, inputs, hidden, steps, sequences, half, level):
    """The same for many sequences side by side, in both directions."""
    x = level * cases.random("x", inputs, steps + 1, sequences + 2)[:, :-1, 1:-1]
    directions = []
    for way in ("forwards", "backwards"):
        into, around = (cases.random(f"{way}{n}", 4 * hidden, n) for n in (inputs, hidden))
        kind = np.float16 if half else np.float32
        directions += [(w / w.shape[1] ** 0.5).astype(kind) for w in (into, around)]
        directions.append(cases.random(way, 4 * hidden))
    with backend.using("numpy"):
        expected = bidirectional_lstm(x, *directions)
    with using(kernels):
        out = bidirectional_lstm(x, *directions)
    assert np.allclose(out, expected, rtol=0, atol=1e-6 * (2 + level))


CHECKS: dict[str, Callable[[Kernels], None]] = {
    "gemm": check_gemm,
    "conv2d": check_conv2d,
    "winograd": check_winograd,
    "attention": check_attention,
    "group_norm": check_group_norm,
    "layer_norm": check_layer_norm,
    "rms_norm": check_rms_norm,
    "rotate": check_rotate,
    "tanh": check_tanh,
    "lstm": check_lstm,
    "lstm_sequences": check_lstm_sequences,
}
"""Each one draws its arrays and fails if the kernels are wrong."""
