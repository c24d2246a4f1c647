"""The operations of RoFormers on the card, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from py_demixer.gpu import attention as attentions
from py_demixer.gpu import schedule as schedules
from py_demixer.gpu import transformer
from py_demixer.gpu.lowering import lower
from py_demixer.gpu.schedule import schedule
from py_demixer.models.roformer import Config, RoFormer
from py_demixer.ops.activation import tanh
from py_demixer.ops.layout import put_row, zeros
from py_demixer.ops.linear import linear
from py_demixer.ops.mask import append_remainder, apply_masks
from py_demixer.ops.norm import rms_norm
from py_demixer.ops.residual import add, copy
from py_demixer.ops.stft import synthesise_interleaved
from py_demixer.ops.transformer import attention_branch, feed_forward_branch
from py_demixer.program.record import record
from tests.golden import cases
from tests.gpu.accuracy import SNR, snr
from tests.gpu.test_norm import DTYPES, EXAMPLES, NOT_FINITE, compare, compare_not_finite
from tests.gpu.together import apart, together

ROWS = st.integers(1, 9)
# Each has shaders of its own, which take a while to compile. One head is wider than a tile.
WIDTHS, FEW_CHANNELS = st.sampled_from([8, 66]), st.sampled_from([12, 40])
BS_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
"""Common numbers of frequencies in the bands of a BS-RoFormer."""


def drawn(dtype: type = np.float16, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Weights that keep the magnitude of their input; gains around one."""
    made = {}
    for name, shape in shapes.items():
        values = cases.random(name, *shape) / np.sqrt(shape[-1] if len(shape) > 1 else 9)
        made[name] = (values + (name == "norm_weight")).astype(dtype)
    return made


def attended(channels: int, heads: int, width: int, dtype: type = np.float16):
    """Weights of :func:`attention_branch`."""
    inner = heads * width
    return drawn(
        dtype,
        norm_weight=(channels,),
        in_weight=(3 * inner, channels),
        gate_weight=(heads, channels),
        gate_bias=(heads,),
        out_weight=(channels, inner),
    )


def fed_forward(channels: int, hidden: int, dtype: type = np.float16):
    """Weights of :func:`feed_forward_branch`."""
    return drawn(
        dtype,
        norm_weight=(channels,),
        in_weight=(hidden, channels),
        in_bias=(hidden,),
        out_weight=(channels, hidden),
        out_bias=(channels,),
    )


def compare_added(card, branch, x, tensors) -> None:
    """Compare what a branch adds."""
    network = lambda x: branch(x, **tensors)  # noqa: E731
    expected = network(x.copy())
    got = card.compile(network, x.shape, tensors)(x)
    assert snr(expected - x, got - x) >= SNR


# ---- branches -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "positions"), [(3, 801), (130, 60), (40, 62)])
def test_attention_branch_of_the_network(card, rows, positions):
    """Along time in some bands, and along the bands in some frames."""
    compare_added(
        card,
        attention_branch,
        cases.random("x", 384, rows, positions),
        attended(384, 8, 64),
    )


@EXAMPLES
@given(FEW_CHANNELS, st.integers(1, 3), WIDTHS, ROWS, st.integers(1, 150), st.just(np.float16))
@example(4, 1, 8, 3, 65, np.float32)
def test_any_attention_branch(card, channels, heads, width, rows, positions, dtype):
    tensors = attended(channels, heads, width, dtype)
    x = cases.random("x", channels, rows, positions)
    compare(card, lambda x: attention_branch(x, **tensors), x, tensors, 105)


@pytest.mark.parametrize("channels", [192, 384])
def test_feed_forward_branch_of_the_network(card, channels):
    x = cases.random("x", channels, 3, 801)
    compare_added(card, feed_forward_branch, x, fed_forward(channels, 4 * channels))


@EXAMPLES
@given(FEW_CHANNELS, st.sampled_from([7, 80]), ROWS, st.integers(1, 150), DTYPES)
def test_any_feed_forward_branch(card, channels, hidden, rows, positions, dtype):
    tensors = fed_forward(channels, hidden, dtype)
    x = cases.random("x", channels, rows, positions)
    compare(card, lambda x: feed_forward_branch(x, **tensors), x, tensors)


@pytest.mark.parametrize(
    ("branch", "tensors"),
    [(attention_branch, attended(10, 2, 8)), (feed_forward_branch, fed_forward(10, 30))],
)
def test_branches_in_several_strips_and_dispatches(card, monkeypatch, branch, tensors):
    x, network = cases.random("x", 10, 7, 75), lambda x: branch(x, **tensors)
    whole = card.compile(network, x.shape, tensors)(x)
    monkeypatch.setattr(transformer, "STRIP_BYTES", 3 * 4 * 16 * 75)
    monkeypatch.setattr(attentions, "MOST_FLOP", 1)
    once = len(lower(record(network, (10, 1, 75), tensors).operations[0]))
    assert len(lower(record(network, x.shape, tensors).operations[0])) >= 3 * once
    assert np.array_equal(card.compile(network, x.shape, tensors)(x), whole)


@NOT_FINITE
def test_branches_of_non_finite_values(card, value):
    x = cases.random("x", 10, 4, 30)
    x[3, 2, 20] = value
    for branch, tensors in (
        (attention_branch, attended(10, 2, 8)),
        (feed_forward_branch, fed_forward(10, 30)),
    ):
        # Attention spreads them over their row.
        compare_not_finite(card, lambda x, b=branch, t=tensors: b(x, **t), x, tensors)


# ---- norm and bands -----------------------------------------------------------------------------


@EXAMPLES
@given(st.integers(1, 300), st.integers(1, 100), DTYPES)
@example(4100, 23, np.float16)
def test_any_rms_norm(card, channels, positions, dtype):
    tensors = drawn(dtype, norm_weight=(channels,))
    x = cases.random("x", channels, positions)
    compare(card, lambda x: rms_norm(x, tensors["norm_weight"]), x, tensors)


def test_rms_norm_of_silence(card):
    tensors = drawn(norm_weight=(20,))
    silence = np.zeros((20, 50), np.float32)
    run = card.compile(lambda x: rms_norm(x, tensors["norm_weight"]), silence.shape, tensors)
    assert not run(silence).any()


def test_bands_of_unequal_widths(card):
    """Parts that begin anywhere in a spectrogram, as rows of one array; and sums of such parts."""
    widths, x = (3, 8, 5), cases.random("x", 16, 75)
    tensors = {f"{n}": cases.random(f"{n}", 6, n).astype(np.float16) for n in widths} | {
        "bias": cases.random("bias", 6).astype(np.float16)
    }
    gains = {f"gain {n}": cases.random(f"gain {n}", n).astype(np.float16) for n in widths}
    tensors |= gains

    def network(x):
        y, first = zeros(x, shape=(6, 3, 75)), 0
        for row, width in enumerate(widths):
            part = rms_norm(x[first : first + width], gains[f"gain {width}"])
            put_row(y, linear(part, tensors[str(width)], tensors["bias"]), row=row)
            add(x[first : first + width], part)
            first += width
        return y

    compare(card, network, x, tensors)


@EXAMPLES
@given(st.integers(1, 2000), st.floats(0.01, 30))
def test_tanh(card, count, spread):
    compare(card, tanh, cases.random("x", count) * np.float32(spread), {})


def test_zeros(card):
    x = cases.random("x", 7, 9)
    assert not card.compile(lambda x: zeros(x, shape=(5, 3)), x.shape, {})(x).any()


# ---- spectrograms and masks ---------------------------------------------------------------------


@EXAMPLES
@given(
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(0, 3000),
    st.sampled_from([(128, 32, False), (128, 50, True), (2048, 441, False)]),
)
def test_any_interleaved_inverse(card, channels, signals, more, kind):
    n_fft, hop, scaled = kind
    options = {"n_fft": n_fft, "hop": hop, "scaled": scaled}
    length = n_fft // 2 + 1 + more
    z = cases.random("z", signals * (n_fft // 2 + 1) * channels * 2, 1 + length // hop)
    options |= {"channels": channels, "length": length}
    compare(card, lambda z: synthesise_interleaved(z, **options), z, {})


@EXAMPLES
@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 2), st.integers(1, 40))
def test_apply_masks(card, signals, frequencies, channels, frames):
    arrays = [
        cases.random("masks", signals * frequencies * channels * 2, frames),
        cases.random("spectrum", frequencies * channels * 2, frames),
    ]
    shares, shapes = cases.random("shares", frequencies), [a.shape for a in arrays]
    network = apart(lambda masks, z: apply_masks(copy(masks), z, shares), shapes)
    both = together(arrays)
    got = card.compile(network, both.shape, {})(both)
    assert snr(apply_masks(*arrays, shares), got) >= SNR


@EXAMPLES
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 300))
def test_append_remainder(card, signals, channels, length):
    arrays = [cases.random("signals", signals * channels, length)]
    arrays.append(cases.random("mixture", channels, length))
    both = together(arrays)
    network = apart(append_remainder, [a.shape for a in arrays])
    got = card.compile(network, both.shape, {})(both)
    assert snr(append_remainder(*arrays), got) >= SNR


# ---- large networks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "most"),
    [
        (Config(), 800e6),  # the dimensions of Kim's Mel-Band RoFormer
        (Config(sizes=BS_BANDS, depth=12, mask_depth=1), 520e6),
        (Config(sizes=BS_BANDS, width=192, depth=8, mask_depth=1, hop=512), 300e6),
        (Config(sizes=BS_BANDS, width=512, depth=12, mask_depth=1), 800e6),
    ],
)
def test_common_networks_fit_the_smallest_cards(config, most):
    shapes = RoFormer.shapes(config)
    network = RoFormer({name: np.empty(shapes[name], np.float16) for name in shapes}, config)
    made = schedule(record(network.network, network.input_shape, network.tensors))
    assert made.bytes <= most
    assert max(made.buffers) <= 256 << 20
    assert max(part.size for run in made.runs for part in run.bindings) <= 128 << 20
    assert max(len(run.bindings) for run in made.runs) <= 8
    assert max(max(run.workgroups) for run in made.runs) <= 65535


def test_weights_may_need_several_buffers(card, monkeypatch):
    tensors = drawn(one=(40, 40), two=(40, 40), three=(40, 40), bias=(40,))

    def network(x):
        for name in ("one", "two", "three"):
            x = linear(x, tensors[name], tensors["bias"])
        return x

    x = cases.random("x", 40, 30)
    monkeypatch.setattr(schedules, "BUFFER_BYTES", 8000)
    made = schedule(record(network, x.shape, tensors))
    assert len(made.buffers) - made.computed == 3  # constants, and two for the weights
    compare(card, network, x, tensors)
