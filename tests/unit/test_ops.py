"""What the golden numbers do not cover: memory bounds, chunk sizes, non-finite values."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from py_demixer import backends
from py_demixer.evaluation.metrics import snr
from py_demixer.ops import backend
from py_demixer.ops.activation import gelu, glu
from py_demixer.ops.attention import attention
from py_demixer.ops.conv import conv2d, conv_transpose2d
from py_demixer.ops.norm import group_norm
from tests.bench.inside import peak
from tests.golden import cases, checks

CHUNK_BOUND = 1e-6  # of the largest value: BLAS picks its summation order by block size


@pytest.mark.parametrize("name", cases.CONV2D | cases.CONV1D | cases.TRANSPOSED)
@pytest.mark.parametrize("scratch_bytes", [1, 500, 4000])
def test_chunk_size_does_not_matter(name, scratch_bytes):
    whole, chunked = checks.convolve(name), checks.convolve(name, scratch_bytes=scratch_bytes)
    assert np.abs(chunked - whole).max() <= CHUNK_BOUND * np.abs(whole).max()


def test_chunk_size_does_not_matter_on_a_layer_of_the_network():
    x, weight = cases.random("x", 96, 40, 336), 0.03 * cases.random("w", 192, 96, 3, 3)
    bias, padding = cases.random("b", 192), ((1, 1), (1, 1))
    results = [
        conv2d(x, weight, bias, padding=padding, scratch_bytes=size)
        for size in (1 << 20, 3 << 20, 16 << 20)
    ]
    for result in results[1:]:
        assert np.abs(result - results[0]).max() <= CHUNK_BOUND * np.abs(results[0]).max()


def test_attention_block_size_does_not_matter():
    q, k, v = (cases.random(name, 32, 101) for name in "qkv")
    whole, blocks = attention(q, k, v, 4), attention(q, k, v, 4, score_bytes=5000)
    assert np.abs(whole - blocks).max() <= CHUNK_BOUND * np.abs(whole).max()


@pytest.mark.parametrize(("channels", "rows"), [(48, 128), (4, 1000)])
def test_scratch_memory_of_convolutions_is_bounded(channels, rows):
    x = cases.random("x", channels, rows, 336)
    weight, bias = cases.random("w", channels, channels, 3, 3), cases.random("b", channels)
    scratch, padding = 1 << 20, ((1, 1), (1, 1))
    used = peak(lambda: conv2d(x, weight, bias, padding=padding, scratch_bytes=scratch))
    assert used <= x.nbytes + scratch + 2 * weight.nbytes + (64 << 10)
    weight = cases.random("w", channels, channels, 8, 1)
    used = peak(
        lambda: conv_transpose2d(
            x, weight, bias, stride=4, crop=2, height=4 * rows, scratch_bytes=scratch
        )
    )
    assert used <= 4 * x.nbytes + scratch + 3 * weight.nbytes + (64 << 10)


def test_scratch_memory_of_attention_is_bounded():
    q = cases.random("q", 64, 2688)
    assert peak(lambda: attention(q, q, q, 8, score_bytes=1 << 20)) <= 3 * q.nbytes + (3 << 20)


@pytest.mark.parametrize("activation", ["gelu", "glu"])
def test_fused_activation_equals_a_separate_one(activation):
    x, weight, bias = cases.random("x", 3, 9, 8), cases.random("w", 4, 3, 3, 3), np.zeros(4)
    fused = conv2d(x, weight, bias, activation=activation)
    plain = conv2d(x, weight, bias)
    assert np.array_equal(fused, gelu(plain) if activation == "gelu" else glu(plain))


def test_non_finite_values():
    checks.check_values_that_are_not_finite()


def test_group_norm_of_constant_input_is_its_bias():
    x = np.full((4, 2, 100), 12345.0, np.float32)
    out = group_norm(x, np.ones(4), np.arange(4))
    assert np.abs(out - np.arange(4)[:, None, None]).max() < 1e-3


def test_group_norm_far_from_zero():
    noise = cases.random("x", 8, 3, 500)
    expected = group_norm(noise.copy(), np.ones(8), np.zeros(8))
    assert snr(group_norm(noise + 100, np.ones(8), np.zeros(8)), expected) > 90


@pytest.mark.parametrize("name", ["numpy", "scipy"])
def test_gemm_takes_transposed_and_sliced_operands(name):
    a, b = cases.random("a", 7, 5), cases.random("b", 5, 9)
    wide = cases.random("w", 5, 30)
    pairs = [
        (a, b),
        (np.asfortranarray(a), b),
        (a, np.asfortranarray(b)),
        (wide.T[:7], wide[:, 3:20:2]),
        (a[:, :1], b[:1]),
        (a[:1], b[:, :1]),
    ]
    for left, right in pairs:
        with backend.using(name):
            out = backend.gemm(left, right)
        assert out.flags.c_contiguous
        assert np.allclose(out, left.astype(float) @ right, rtol=1e-5, atol=1e-5)


def test_backend_is_chosen_by_the_environment(monkeypatch):
    monkeypatch.setenv("PY_DEMIXER_BACKEND", "scipy")
    assert backends.find().name == "scipy"
    assert backends.find("numpy").name == "numpy"


def test_backend_applies_only_within_its_block_and_thread():
    usual = backend.current().name
    with backend.using("scipy"), ThreadPoolExecutor(1) as other:
        assert backend.current().name == "scipy"
        assert other.submit(lambda: backend.current().name).result() == usual
        with backend.using("numpy"):
            assert backend.current().name == "numpy"
        assert backend.current().name == "scipy"
    assert backend.current().name == usual


def test_unknown_backend():
    with pytest.raises(ValueError, match="named 'cuda': choose one of kernels, numpy, scipy"):
        backends.find("cuda")


def test_backend_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(backends.find("scipy"))).name == "scipy"
    with pytest.raises(TypeError, match="none cannot go to another process"):
        pickle.dumps(backend.Backend("none", lambda a, b, out: None))


def test_transposed_convolution_refuses_unsupported_options():
    x, weight, bias = np.zeros((4, 3, 5)), np.zeros((4, 2, 8, 1)), np.zeros(2)
    with pytest.raises(ValueError, match="cannot be followed by 'glu'"):
        conv_transpose2d(x, weight, bias, stride=4, crop=2, height=12, activation="glu")
    with pytest.raises(ValueError, match="kernel of 8 is not a multiple of the stride of 3"):
        conv_transpose2d(x, weight, bias, stride=3, crop=2, height=9)
