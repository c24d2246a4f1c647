"""The golden checks against PyTorch's numbers, run natively and inside Pyodide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

import py_demixer
from py_demixer import trace
from py_demixer.evaluation.metrics import snr
from py_demixer.models.htdemucs import sinusoids_1d, sinusoids_2d
from py_demixer.models.segmented import Segmented
from py_demixer.ops import stft
from py_demixer.ops.activation import gelu, glu, softmax, swish, tanh
from py_demixer.ops.attention import attention, local_attention
from py_demixer.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from py_demixer.ops.fourier import row_signals, row_spectra
from py_demixer.ops.lstm import bidirectional_lstm, lstm
from py_demixer.ops.norm import group_norm, layer_norm, rms_norm
from py_demixer.ops.residual import gated_branch
from py_demixer.ops.transformer import (
    attention_branch,
    feed_forward_branch,
    rotate,
    rotations,
)
from py_demixer.ops.wiener import wiener
from py_demixer.separation.planning import make_options
from tests import synthetic, tiny, unmix
from tests.golden import cases

OP_SNR = 120.0  # dB, for one operation
STEM_SNR = 100.0  # dB, for every stem
REFINED_SNR = 85.0  # dB, for stems after expectation maximisation
# For every stage inside a network: the residual branches of the last decoder nearly cancel their
# input, so even PyTorch's float32 is only 105 dB from float64 there, and less on a few samples.
STAGE_SNR = 90.0


def check_op(name: str) -> None:
    """Check one operation against PyTorch, element by element."""
    ours, reference = OPS[name](), cases.load("ops")[name]
    assert ours.shape == reference.shape
    assert snr(ours, reference) >= OP_SNR, name


def check_network(model: Segmented, segment: str, reference: Mapping[str, np.ndarray]) -> None:
    """Check every stage of a network, and its stems, on one segment."""
    with captured() as stages:
        stems = model(cases.segments(model.segment_length)[segment])
    expected = {
        key.removeprefix(f"{segment}/stages/"): value
        for key, value in reference.items()
        if key.startswith(f"{segment}/stages/")
    }
    assert set(expected) == set(stages) - {"spectrum", "stems"}
    for stage, value in expected.items():
        assert snr(stages[stage], value) >= STAGE_SNR, stage
    check_stems(stems, reference[f"{segment}/stems"])


def check_tiny_network(segment: str, name: str = "htdemucs") -> None:
    """Check a tiny model on one segment."""
    model = tiny.model(tiny.KINDS[name])
    assert isinstance(model, Segmented)
    check_network(model, segment, cases.load(f"tiny-{name}"))


def check_tiny_song(name: str) -> None:
    """Check a tiny model on a whole song, with the options of the case."""
    case = cases.SONGS[name]
    model: Any = tiny.model(tiny.kind(case.model, case.segment_length))
    options = make_options(model.architecture, case.options)
    stems = py_demixer.separate(synthetic.song(case.seconds), model, options)
    golden = cases.load("scnet" if name in cases.SCNET_SONGS else "songs")
    check_stems(stems.audio, golden[name])


def check_released(name: str) -> None:
    """Check a model with released dimensions and seeded weights on one segment."""
    kind = tiny.RELEASED[name]
    model = tiny.model(kind)
    stems = model(cases.segments(model.segment_length)["song"])
    golden = cases.load("scnet" if kind.architecture == "scnet" else "released")
    check_stems(stems, golden[name], cases.RELEASED_STRIDE)


def check_not_standardised() -> None:
    """Check an SCNet that does not standardise its spectrogram."""
    kind = tiny.kind("scnet", tiny.SECOND)
    model = tiny.model(replace(kind, config={**kind.config, "standardised": False}))
    stems = model(cases.segments(tiny.SECOND)["song"])
    check_stems(stems, cases.load("scnet")["not standardised"])


def check_stems(
    stems: np.ndarray,
    reference: np.ndarray,
    stride: int = cases.STEM_STRIDE,
    bound: float = STEM_SNR,
) -> None:
    """Check each stem against the samples kept of it."""
    ours = cases.sample_stems(stems, stride)
    assert ours.shape == reference.shape
    for index, (stem, expected) in enumerate(zip(ours, reference, strict=True)):
        assert snr(stem, expected) >= bound, f"stem {index}"


def check_unmix_song(name: str) -> None:
    """Check Open-Unmix with seeded weights on a whole song, with the options of the case."""
    case = (cases.UNMIX_SONGS | cases.LONG_UNMIX_SONGS)[name]
    options = make_options("openunmix", case.options)
    stems = py_demixer.separate(synthetic.song(case.seconds), unmix.model(case.hidden), options)
    bound = STEM_SNR if case.options["niter"] == 0 else REFINED_SNR
    check_stems(stems.audio, cases.load("openunmix")[name], case.stride, bound)


def check_unmix_stages() -> None:
    """Check every step of Open-Unmix's networks."""
    name = "one window"
    case, prefix = cases.UNMIX_SONGS[name], f"{name}/stages/"
    model = unmix.model(case.hidden)
    with captured() as stages:
        options = make_options("openunmix", case.options)
        py_demixer.separate(synthetic.song(case.seconds), model, options)
    expected = {
        key.removeprefix(prefix): value
        for key, value in cases.load("openunmix").items()
        if key.startswith(prefix)
    }
    assert len(expected) == 5 * len(model.sources)
    for stage, value in expected.items():
        assert snr(stages[stage], value) >= STEM_SNR, stage


def _softmax(x: np.ndarray) -> np.ndarray:
    factors = softmax(x)
    return x * factors[..., None]


def check_values_that_are_not_finite() -> None:
    """Check that NaN and infinity come out where they should, and nowhere else."""
    x = np.array([np.nan, np.inf, 200.0, -200.0, 0.0], np.float32)
    expected = np.array([np.nan, np.inf, 200, 0, 0], np.float32)
    for repeat in (1, 2, 5):
        out, wanted = gelu(np.tile(x, repeat)), np.tile(expected, repeat)
        assert np.allclose(out, wanted, rtol=0, atol=1e-30, equal_nan=True)
    gates = np.array([np.nan, np.inf, -np.inf, 100, -100, np.nan, np.inf, -np.inf], np.float32)
    out = glu(np.stack([np.ones(8, np.float32), gates]))
    assert np.allclose(
        out, [[np.nan, 1, 0, 1, 0, np.nan, 1, 0]], rtol=0, atol=1e-30, equal_nan=True
    )
    assert np.array_equal(_softmax(np.full((1, 2), 1e30, np.float32)), [[0.5, 0.5]])
    query, key, value = (cases.random(name, 8, 20) for name in "qkv")
    query[3, 5] = np.nan
    nan = np.isnan(attention(query, key, value, 2))
    assert nan[:4, 5].all()
    assert nan.sum() == 4
    x = cases.random("x", 6, 1, 40)
    x[2, 0, 3] = np.nan
    assert np.isnan(layer_norm(x[:, 0], np.ones(6), np.zeros(6))).sum() == 6
    assert np.isnan(group_norm(x, np.ones(6), np.zeros(6))).all()
    _check_rotary_positions_that_are_not_finite()


def _check_rotary_positions_that_are_not_finite() -> None:
    x = cases.random("x", 6, 1, 40)
    x[2, 0, 3], x[4, 0, 7] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        normed = rms_norm(x[:, 0], np.ones(6))
    assert np.isnan(normed[:, 3]).all()
    assert np.isnan(normed).sum() == 7  # the infinite one makes the others of its vector zero
    assert np.count_nonzero(normed[:, 7] == 0) == 5
    rotate(x, *rotations(6, 40))
    assert np.argwhere(np.isnan(x)).tolist() == [[2, 0, 3], [3, 0, 3]]
    ends = np.array([np.nan, np.inf, -np.inf, 0, 100, -100], np.float32)
    assert np.array_equal(tanh(ends), [np.nan, 1, -1, 0, 1, -1], equal_nan=True)


def tiny_model(name: str = "htdemucs") -> Any:
    """The tiny seeded model of that name, with segments as long as the published model's."""
    return tiny.model(tiny.kind(name))


@contextmanager
def captured(
    sample: Callable[[np.ndarray], np.ndarray] = cases.sampled,
) -> Iterator[dict[str, np.ndarray]]:
    """Record samples of every step traced inside the ``with`` block, by name."""
    steps: dict[str, np.ndarray] = {}
    original = trace.step

    def keep(name: str, x: np.ndarray) -> np.ndarray:
        steps[name] = sample(x)
        return x

    trace.step = keep
    try:
        yield steps
    finally:
        trace.step = original


def _conv_inputs(
    name: str, size: tuple[int, ...], weight: tuple[int, ...], outputs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        cases.random(f"{name}/x", *size),
        cases.random(f"{name}/weight", *weight),
        cases.random(f"{name}/bias", outputs),
    )


def convolve(name: str, **scratch: int) -> np.ndarray:
    """The convolution of a case."""
    if name in cases.TRANSPOSED:
        case = cases.TRANSPOSED[name]
        inputs = _conv_inputs(name, case.size, case.weight, case.weight[1])
        cut: dict[str, Any] = {"stride": case.stride, "crop": case.crop, **scratch}
        if len(case.weight) == 4:
            return conv_transpose2d(*inputs, height=case.length, **cut)
        return conv_transpose1d(*inputs, length=case.length, **cut)
    conv = (cases.CONV2D | cases.CONV1D)[name]
    inputs = _conv_inputs(name, conv.size, conv.weight, conv.weight[0])
    padding = [(p, p) for p in conv.padding]
    if len(conv.weight) == 4:
        return conv2d(
            *inputs,
            stride=(conv.stride[0], conv.stride[1]),
            padding=(padding[0], padding[1]),
            dilation=(conv.dilation[0], conv.dilation[1]),
            **scratch,
        )
    return conv1d(
        *inputs, stride=conv.stride[0], padding=padding[0], dilation=conv.dilation[0], **scratch
    )


def _norm_inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = 3 * cases.random("norm/x", 6, 5, 70) + 7
    return x, cases.random("norm/weight", 6), cases.random("norm/bias", 6)


def _layer_norm() -> np.ndarray:
    x, weight, bias = _norm_inputs()
    return layer_norm(x[:, 0], weight, bias)


def _attention() -> np.ndarray:
    q, k, v = (
        cases.random(f"attention/{name}", 32, n)
        for name, n in zip("qkv", (19, 23, 23), strict=True)
    )
    return attention(q, k, v, cases.HEADS, score_bytes=4 * 23 * 5)


def _local_attention() -> np.ndarray:
    channels, heads, positions = cases.LOCAL
    q, k, v = (cases.random(f"local/{name}", channels, positions) for name in "qkv")
    # With a single decay, LocalState uses half of a sigmoid.
    decay = 0.5 / (1 + np.exp(-cases.random("local/decay", heads, positions)))
    return local_attention(q, k, v, decay, score_bytes=4 * positions * 6)


def _stft(name: str = "stft/x", length: int = cases.STFT_LENGTH) -> np.ndarray:
    return stft.stft(cases.random(name, 2, length), cases.N_FFT)


def _whole_sinusoids_2d() -> np.ndarray:
    channels, *size = cases.SINUSOIDS_2D
    halves = sinusoids_2d(*cases.SINUSOIDS_2D)
    return np.concatenate([np.broadcast_to(half, (channels // 2, *size)) for half in halves])


def _lstm(reverse: bool) -> np.ndarray:
    """Outputs in two blocks, followed by the last state."""
    inputs, hidden, frames = cases.LSTM
    x = cases.random("lstm/x", inputs, frames)
    weights = [cases.random(f"lstm/{name}", *shape) for name, shape in lstm_shapes()]
    state = cases.random("lstm/state", 2, hidden)
    parts = [x[:, :9], x[:, 9:]]
    out = []
    for part in reversed(parts) if reverse else parts:
        found, state = lstm(part, *weights[:2], weights[2] + weights[3], state, reverse=reverse)
        out.append(found)
    whole = np.concatenate(out[::-1] if reverse else out, axis=1)
    return np.concatenate([whole, state.T], axis=1)


def lstm_shapes() -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the parameters, in PyTorch's order."""
    inputs, hidden, _ = cases.LSTM
    gates = 4 * hidden
    return [
        ("weight_ih", (gates, inputs)),
        ("weight_hh", (gates, hidden)),
        ("bias_ih", (gates,)),
        ("bias_hh", (gates,)),
    ]


def sequence_shapes() -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the parameters of a layer over many sequences, in PyTorch's order."""
    inputs, hidden, *_ = cases.SEQUENCES
    one = [("weight_ih", inputs), ("weight_hh", hidden), ("bias_ih", 0), ("bias_hh", 0)]
    return [
        (f"{name}_l0{way}", (4 * hidden, width) if width else (4 * hidden,))
        for way in ("", "_reverse")
        for name, width in one
    ]


def _sequences() -> np.ndarray:
    inputs, _, steps, sequences = cases.SEQUENCES
    x = cases.random("sequences/x", inputs, steps, sequences)
    given = [cases.random(f"sequences/{name}", *shape) for name, shape in sequence_shapes()]
    forwards, backwards = (
        (into, around, bias + more) for into, around, bias, more in (given[:4], given[4:])
    )
    return bidirectional_lstm(x, *forwards, *backwards)


def branch_shapes() -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the input and the parameters of a gated branch."""
    channels, hidden, rows, positions = cases.BRANCH
    return [
        ("x", (channels, rows, positions)),
        ("norm", (channels,)),
        ("norm_bias", (channels,)),
        ("in", (2 * hidden, channels, 1, 3)),
        ("in_bias", (2 * hidden,)),
        ("taps", (hidden, 1, 3)),
        ("taps_bias", (hidden,)),
        ("last", (hidden,)),
        ("last_bias", (hidden,)),
        ("out", (channels, hidden, 1, 1)),
        ("out_bias", (channels,)),
    ]


def _gated_branch() -> np.ndarray:
    """In strips of three rows."""
    channels, _, _, positions = cases.BRANCH
    x, *weights = (cases.random(f"branch/{name}", *shape) for name, shape in branch_shapes())
    some = 3 * 4 * 2 * channels * positions
    return gated_branch(x, *weights, activation="gelu", branch_bytes=some)


def _rectangular() -> np.ndarray:
    x = cases.random("rectangular", 2, cases.RECTANGULAR_LENGTH)
    return stft.analyse_rectangular(x, n_fft=cases.N_FFT)


def _rectangular_inverse() -> np.ndarray:
    spectra = cases.random("rectangular/spectra", 4, cases.N_FFT // 2 + 1, 6)
    return stft.synthesise_rectangular(spectra, n_fft=cases.N_FFT)


def attention_shapes(name: str) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the input and the parameters of an attention branch."""
    channels, rows, positions, heads, width = cases.TOKENS[name]
    return [
        ("x", (channels, rows, positions)),
        ("norm", (channels,)),
        ("in", (3 * heads * width, channels)),
        ("gate", (heads, channels)),
        ("gate_bias", (heads,)),
        ("out", (channels, heads * width)),
    ]


def _attention_branch(name: str) -> np.ndarray:
    """In strips of two rows."""
    *_, positions, heads, width = cases.TOKENS[name]
    arrays = (cases.random(f"{name}/{key}", *shape) for key, shape in attention_shapes(name))
    return attention_branch(*arrays, branch_bytes=2 * 4 * 3 * heads * width * positions)


def feed_forward_shapes() -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the input and the parameters of a feed-forward branch."""
    channels, rows, positions, *_ = cases.TOKENS["attention_branch"]
    return [
        ("x", (channels, rows, positions)),
        ("norm", (channels,)),
        ("in", (4 * channels, channels)),
        ("in_bias", (4 * channels,)),
        ("out", (channels, 4 * channels)),
        ("out_bias", (channels,)),
    ]


def _feed_forward_branch() -> np.ndarray:
    """In strips of three rows."""
    arrays = [cases.random(f"feed_forward/{n}", *shape) for n, shape in feed_forward_shapes()]
    return feed_forward_branch(*arrays, branch_bytes=3 * 4 * len(arrays[2]) * arrays[0].shape[2])


def _interleaved(name: str, scaled: bool) -> np.ndarray:
    x = cases.random(name, 2, cases.CENTRED_LENGTHS["centred"])
    return stft.analyse_interleaved(x, n_fft=cases.N_FFT, hop=cases.HOP, scaled=scaled)


def _interleaved_inverse(name: str, scaled: bool) -> np.ndarray:
    """Of two signals: the one that was analysed, and one that is twice as loud."""
    spectra = _interleaved(name, scaled)
    return stft.synthesise_interleaved(
        np.concatenate([spectra, 2 * spectra]),
        n_fft=cases.N_FFT,
        hop=cases.HOP,
        scaled=scaled,
        channels=2,
        length=cases.CENTRED_LENGTHS["centred"],
    )


def _centred(name: str) -> np.ndarray:
    """The spectrogram, with its frames in two parts."""
    length = cases.CENTRED_LENGTHS[name]
    transform = stft.Centred(length, cases.N_FFT)
    x = cases.random(name, 2, length)
    parts = ((0, 1), (1, transform.frames - 1))
    return np.concatenate(
        [transform.analyse(x[:, slice(*transform.reach(*part))], *part) for part in parts], axis=2
    )


def _centred_inverse(name: str) -> np.ndarray:
    length = cases.CENTRED_LENGTHS[name]
    transform = stft.Centred(length, cases.N_FFT)
    heard = transform.synthesise(_centred(name))
    return heard[:, cases.N_FFT // 2 :][:, :length] / transform.weight(0, length)


OPS: dict[str, Callable[[], np.ndarray]] = {
    "gelu": lambda: gelu(cases.elementwise()),
    "glu": lambda: glu(cases.elementwise()),
    "softmax": lambda: _softmax(cases.elementwise()),
    "group_norm": lambda: group_norm(*_norm_inputs()),
    "group_norm/groups": lambda: group_norm(*_norm_inputs(), groups=cases.GROUPS),
    "layer_norm": _layer_norm,
    "attention": _attention,
    "local_attention": _local_attention,
    "stft": lambda: _stft()[:, ::7],
    "istft": lambda: stft.istft(_stft(), cases.N_FFT, cases.STFT_LENGTH),
    "lstm": lambda: _lstm(reverse=False),
    "lstm/reverse": lambda: _lstm(reverse=True),
    "swish": lambda: swish(cases.elementwise()),
    "bidirectional_lstm": _sequences,
    "gated_branch": _gated_branch,
    "row_spectra": lambda: row_spectra(cases.random("rows", *cases.ROWS)),
    "row_signals": lambda: row_signals(row_spectra(cases.random("rows", *cases.ROWS))),
    "analyse_rectangular": lambda: _rectangular()[:, ::7],
    "synthesise_rectangular": _rectangular_inverse,
    "tanh": lambda: tanh(cases.elementwise()),
    "rms_norm": lambda: rms_norm(_norm_inputs()[0][:, 0], _norm_inputs()[1]),
    "feed_forward_branch": _feed_forward_branch,
    "sinusoids_1d": lambda: sinusoids_1d(*cases.SINUSOIDS_1D),
    "sinusoids_2d": _whole_sinusoids_2d,
}
for _name in cases.CONV2D | cases.CONV1D | cases.TRANSPOSED:
    OPS[_name] = lambda name=_name: convolve(name)  # type: ignore[misc]
for _name in cases.SHORT_LENGTHS:
    OPS[_name] = lambda name=_name: _stft(name, cases.SHORT_LENGTHS[name])  # type: ignore[misc]
for _name in cases.CENTRED_LENGTHS:
    OPS[_name] = lambda name=_name: _centred(name)[:, ::29]  # type: ignore[misc]
    OPS[f"{_name}/inverse"] = lambda name=_name: _centred_inverse(name)[:, ::11]  # type: ignore[misc]
for _name in cases.TOKENS:
    OPS[_name] = lambda name=_name: _attention_branch(name)  # type: ignore[misc]
for _name, _scaled in (("interleaved", False), ("interleaved/scaled", True)):
    OPS[_name] = lambda name=_name, scaled=_scaled: _interleaved(name, scaled)[::29]  # type: ignore[misc]
    OPS[f"{_name}/inverse"] = lambda name=_name, scaled=_scaled: _interleaved_inverse(  # type: ignore[misc]
        name, scaled
    )[:, ::11]
for _name in cases.WIENERS:
    OPS[_name] = lambda name=_name: wiener(*cases.wiener_inputs(), **cases.WIENERS[name])  # type: ignore[misc]
