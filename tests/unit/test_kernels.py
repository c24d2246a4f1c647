"""The C kernels, compiled for this machine, against the NumPy operations they replace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from py_demixer.ops import backend, kernels
from py_demixer.ops.activation import gelu, glu
from py_demixer.ops.backend import Backend
from py_demixer.ops.linear import linear
from py_demixer.ops.norm import SMALLEST_LENGTH
from py_demixer.ops.residual import add_scaled
from py_demixer.ops.transformer import rotations
from tests import properties
from tests.golden import cases, checks
from tools.environment import ROOT
from tools.kernels import SOURCES, build_kernels, build_native


@pytest.fixture
def native_backend(native_kernels) -> Backend:
    return Backend("kernels", native_kernels.gemm, native_kernels)


@pytest.fixture
def use_kernels(native_backend) -> Iterator[None]:
    with backend.using(native_backend):
        yield


@pytest.mark.usefixtures("use_kernels")
@pytest.mark.parametrize("name", checks.OPS)
def test_operation(name):
    checks.check_op(name)


@pytest.mark.usefixtures("use_kernels")
@pytest.mark.parametrize("name", ["htdemucs", "scnet", "bs_roformer", "mel_roformer"])
@pytest.mark.parametrize("segment", ["song", "noise"])
def test_tiny_network(segment, name):
    checks.check_tiny_network(segment, name)


@pytest.mark.usefixtures("use_kernels")
@pytest.mark.parametrize("name", ["short", "30 s", "30 s, EM", "umxhq, EM"])
def test_open_unmix(name):
    checks.check_unmix_song(name)


@pytest.mark.parametrize("name", properties.CHECKS)
def test_kernels_on_random_arrays(native_kernels, name):
    properties.CHECKS[name](native_kernels)


def test_threads_do_not_disturb_each_other(native_kernels):
    """ctypes releases the GIL while a kernel works, so several threads can be in it at once."""
    rng = np.random.default_rng(0)
    sizes = [(60, 700, 900), (48, 500, 1200), (96, 300, 1000), (30, 900, 700)]
    pairs = [
        (rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32))
        for m, k, n in sizes
    ]

    def multiply(number):
        a, b = pairs[number % len(pairs)]
        out = np.empty((len(a), b.shape[1]), np.float32)
        native_kernels.gemm(a, b, out)
        return out

    alone = [multiply(number) for number in range(len(pairs))]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(multiply, range(200)))
    for number, product in enumerate(together):
        assert np.array_equal(product, alone[number % len(pairs)])


@pytest.mark.parametrize(("rows", "depth", "columns"), [(7, 700, 9), (13, 256, 200), (1, 1, 1)])
def test_sums_are_accumulated_in_order(native_kernels, rows, depth, columns):
    """So that the bits do not depend on where blocks and tiles lie."""
    a, b = cases.random("a", rows, depth), cases.random("b", depth, columns)
    chain = np.zeros((rows, columns), np.float32)
    for k in range(depth):
        chain += a[:, k, None] * b[k]
    out = np.empty_like(chain)
    native_kernels.gemm(a, b, out)
    assert np.array_equal(out, chain)


def test_gemm_of_non_finite_values(native_kernels):
    a, b = cases.random("a", 20, 300), cases.random("b", 300, 30)
    a[3, 5], a[7, 290], b[17, 11], b[299, 29] = np.nan, np.inf, -np.inf, np.nan
    out = np.empty((20, 30), np.float32)
    native_kernels.gemm(a, b, out)
    with np.errstate(invalid="ignore"):
        expected = a @ b
    for finite in (np.isnan, np.isposinf, np.isneginf):
        assert np.array_equal(finite(out), finite(expected))


def test_every_half_precision_number_is_widened_exactly(native_kernels):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)[:, None]
    out = np.empty((len(halves), 1), np.float32)
    native_kernels.gemm(halves, np.ones((1, 1), np.float32), out)
    assert np.array_equal(out, halves.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("channels", [48, 300])
def test_winograd_loses_no_accuracy(native_kernels, channels):
    """Its sums are shorter than those over all taps, so its error is no larger."""
    x, weight = cases.random("x", channels, 10, 30), cases.random("w", 96, channels * 9)
    taps = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1))).astype(np.float64)
    patches = [padded[:, 1 + i : 11 + i, 1 + j : 31 + j] for i, j in taps]
    exact = weight @ np.stack(patches, axis=1).reshape(channels * 9, -1)
    errors = []
    for order in (slice(None), slice(None, None, -1)):  # reordered taps are not a square
        out = np.empty(exact.shape, np.float32)
        matrix = weight.reshape(96, channels, 9)[:, :, order].reshape(96, -1)
        native_kernels.convolve(matrix, x, out, taps=taps[order], size=(10, 30))
        errors.append(np.square(out - exact).sum())
    assert errors[0] < errors[1]


def test_winograd_confines_non_finite_values_to_their_tiles(native_kernels):
    x, weight = np.ones((2, 12, 12), np.float32), np.ones((3, 18), np.float32)
    x[1, 5, 6], out = np.inf, np.empty((3, 12, 12), np.float32)
    taps = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    native_kernels.convolve(weight, x, out, taps=taps, size=(12, 12))
    assert not np.isfinite(out[:, 4:7, 5:8]).any()
    out[:, 4:8, 4:8] = 0
    assert np.isfinite(out).all()


@pytest.mark.parametrize("count", [1, 3, 4, 17, 1000])
def test_activations(use_kernels, count):
    x = np.linspace(-30, 30, 2 * count, dtype=np.float32).reshape(2, count)
    x[0, 0], x[-1, -1] = np.nan, np.inf
    weight, bias = cases.random("w", 5, 2), cases.random("b", 5)
    fused = linear(x, weight, bias, activation="gelu")
    by_kernels = gelu(x.copy()), glu(x.copy()), fused
    with backend.using("numpy"):
        fused = linear(x, weight, bias, activation="gelu")
        by_numpy = gelu(x.copy()), glu(x.copy()), fused
    for ours, expected in zip(by_kernels, by_numpy, strict=True):
        assert np.allclose(ours, expected, rtol=5e-7, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("keys", [1, 3, 64, 65, 2688])
def test_softmax(native_kernels, keys):
    scores, factors = 10 * cases.random("scores", keys, 8), np.empty(8, np.float32)
    expected = np.exp2(scores.astype(np.float64) - scores.max(axis=0))
    native_kernels.exponentiate(scores, factors)
    assert np.allclose(scores * factors, expected / expected.sum(axis=0), rtol=1e-6, atol=1e-9)


def test_queries_attend_independently(native_kernels):
    """So it does not matter how they are divided into blocks."""
    q, k, v = (cases.random(name, 16, 100) for name in "qkv")
    whole, part = np.empty_like(q), np.empty((16, 41), np.float32)
    native_kernels.attention(q[:, None], k[:, None], v[:, None], 1, whole[:, None])
    native_kernels.attention(q[:, None, 37:78], k[:, None], v[:, None], 1, part[:, None])
    assert np.array_equal(part, whole[:, 37:78])


@pytest.mark.parametrize("part", [slice(0, 1), slice(1, 18), slice(37, 78), slice(60, 100)])
def test_positions_are_independent(native_kernels, part):
    """So it does not matter how they are divided into blocks and vectors."""
    x, weight = cases.random("x", 24, 100), cases.random("w", 24)
    cosines, sines = rotations(6, 100)
    whole, some = np.empty_like(x), np.empty((24, part.stop - part.start), np.float32)
    native_kernels.rms_norm(x, weight, SMALLEST_LENGTH, whole)
    native_kernels.rms_norm(x[:, part], weight, SMALLEST_LENGTH, some)
    assert np.array_equal(some, whole[:, part])
    native_kernels.rotate(whole[:, None], cosines, sines)
    native_kernels.rotate(some[:, None], cosines[:, part].copy(), sines[:, part].copy())
    assert np.array_equal(some, whole[:, part])
    native_kernels.tanh(whole)
    native_kernels.tanh(some)
    assert np.array_equal(some, whole[:, part])


def test_lstm_of_blocks_has_the_bits_of_the_whole(native_kernels):
    gates, weight = cases.random("gates", 50, 4 * 21), cases.random("weight", 4 * 21, 21) / 5
    for reverse in (False, True):
        whole, parts = (np.empty((50, 21), np.float32) for _ in range(2))
        states = np.zeros((2, 2, 21), np.float32)
        native_kernels.lstm(gates, weight, states[0], reverse, whole)
        for part in (slice(0, 17), slice(17, 50))[:: -1 if reverse else 1]:
            native_kernels.lstm(gates[part], weight, states[1], reverse, parts[part])
        assert np.array_equal(parts, whole)
        assert np.array_equal(*states)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 10, 41, 57, 65])
@pytest.mark.parametrize(("inputs", "hidden"), [(7, 9), (20, 300)])
def test_sequences_are_independent(native_kernels, count, inputs, hidden):
    """So it does not matter which go through all steps together, nor how many."""
    x = cases.random("x", inputs, 5, 100)
    weight = cases.random("weight", 4 * hidden, inputs + hidden) / hidden**0.5
    bias = cases.random("bias", 4 * hidden)
    whole, part = (np.empty((hidden, 5, n), np.float32) for n in (100, count))
    native_kernels.lstm_sequences(x, weight, bias, True, whole)
    native_kernels.lstm_sequences(x[..., 31 : 31 + count], weight, bias, True, part)
    assert np.array_equal(part, whole[..., 31 : 31 + count])


def test_lstm_gates_are_accurate_and_propagate_non_finite_values(native_kernels):
    """Without a recurrent part: only sigmoid and tanh, from their flat ends to zero."""
    values = np.concatenate([np.linspace(-20, 20, 4001), 10 ** np.linspace(-30, 2, 999)])
    values = np.concatenate([values, [np.inf, -np.inf, 0, np.nan, 100, -100]]).astype(np.float32)
    hidden = len(values)
    gates = np.zeros((1, 4, hidden), np.float32)
    gates[0, 0], gates[0, 1], gates[0, 2] = 200, -200, values  # the cell is tanh(value)
    gates[0, 3] = 200
    state, out = np.zeros((2, hidden), np.float32), np.empty((1, hidden), np.float32)
    weight = np.zeros((4 * hidden, hidden), np.float32)
    native_kernels.lstm(gates.reshape(1, -1), weight, state, False, out)
    tangent = np.tanh(values.astype(np.float64))
    assert np.allclose(state[1], tangent, rtol=3e-7, atol=0, equal_nan=True)
    assert np.allclose(out[0], np.tanh(tangent), rtol=6e-7, atol=0, equal_nan=True)
    gates[0, 2], gates[0, 3], state[:] = 200, values, 0
    native_kernels.lstm(gates.reshape(1, -1), weight, state, False, out)
    logistic = 1 / (1 + np.exp(-values.astype(np.float64).clip(-700)))
    assert np.allclose(out[0], np.tanh(1) * logistic, rtol=6e-7, atol=1e-9, equal_nan=True)


@pytest.mark.usefixtures("use_kernels")
@pytest.mark.parametrize("shape", [(1, 1), (5, 37), (6, 4, 33), (3, 1, 1)])
def test_residual(shape):
    x, y, scale = cases.random("x", *shape), cases.random("y", *shape), cases.random("s", shape[0])
    expected = x + scale.astype(np.float64).reshape(-1, *(1,) * (x.ndim - 1)) * y
    inside = np.zeros((shape[0], *(n + 2 for n in shape[1:])), np.float32)
    part = inside[tuple(slice(None) if i == 0 else slice(1, -1) for i in range(x.ndim))]
    part[...] = x
    for target in (x, part):  # also where rows are not contiguous
        assert add_scaled(target, y.copy(), scale) is target
    assert np.allclose(x, expected, rtol=0, atol=1e-6)
    assert np.array_equal(part, x)
    assert np.count_nonzero(inside) == x.size


@pytest.mark.usefixtures("use_kernels")
def test_non_finite_values():
    checks.check_values_that_are_not_finite()


def test_no_access_outside_the_arrays(tmp_path):
    """Built with the undefined behaviour sanitizer, with arrays between inaccessible pages."""
    flags = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
    library = build_native(Path(sys.executable), tmp_path / "checked.so", flags)
    for arguments, expected in (([], 0), (["--beyond"], -signal.SIGSEGV)):
        command = [sys.executable, "-m", "tests.guarded", str(library), *arguments]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == expected, result.stderr


@pytest.mark.skipif(not shutil.which("gcc"), reason="The address sanitizer is GCC's: Zig has none.")
def test_address_sanitizer(tmp_path):
    library = tmp_path / "checked.so"
    flags = ("-fsanitize=address", "-shared", "-fPIC", "-O1", "-g")
    subprocess.run(["gcc", *flags, *SOURCES.glob("*.c"), "-o", library], check=True)
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    environment = {**os.environ, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    for arguments in ([], ["--beyond"]):
        command = [sys.executable, "-m", "tests.guarded", str(library), "--plain", *arguments]
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert (result.returncode != 0) == bool(arguments), result.stderr
        assert ("heap-buffer-overflow" in result.stderr) == bool(arguments)


def test_kernels_load_only_in_pyodide():
    with pytest.raises(ImportError, match="compiled for WebAssembly"):
        kernels.load()


def test_build_makes_the_modules_that_the_loader_opens(tmp_path):
    built = build_kernels(Path(sys.executable), tmp_path)
    assert [path.name for path in built] == list(kernels.MODULES)
    assert all(path.read_bytes().startswith(b"\0asm") for path in built)
    assert sum(path.stat().st_size for path in built) < 200_000


def test_binding_has_every_function_of_the_sources():
    exported = {
        name
        for source in SOURCES.glob("*.c")
        for name in re.findall(r"^EXPORT\((\w+)\)", source.read_text(), re.MULTILINE)
    }
    assert exported == set(kernels._SIGNATURES)
