"""Make the golden numbers with PyTorch and the original Demucs.

    pip install '.[evaluate,reference]'
    python -m tests.golden.make weights/htdemucs.safetensors

Writes ops.npz, tiny-MODEL.npz, songs.npz, released.npz, htdemucs.npz and scores.json beside this
file; about ten minutes on two cores.

Networks run in float64: PyTorch's float32 results are only 105-130 dB from those, and less where a
stem is almost silent, so a difference from float32 could be either side's error.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from demucs import transformer
from demucs.apply import BagOfModels
from demucs.demucs import BLSTM, LocalState
from demucs.hdemucs import HDecLayer, HDemucs
from demucs.htdemucs import HTDemucs

from py_demixer.evaluation import pytorch
from py_demixer.models.htdemucs import Config
from py_demixer.weights import checkpoint
from py_demixer.weights.networks import Networks
from tests import synthetic, tiny
from tests.golden import cases, make_openunmix, make_roformer, make_scnet

Numbers = dict[str, np.ndarray]

LAYERS = r"t?(en|de)coder\.\d|channel_(up|down)sampler(_t)?"
"""Modules whose results are stages as they are."""


def main(weights: Path) -> None:
    """Write all files."""
    torch.set_grad_enabled(False)
    cases.save("ops", ops())
    for name, kind in tiny.KINDS.items():
        if not kind.bag and "demucs" in kind.architecture:  # others: make_scnet, make_roformer
            cases.save(f"tiny-{name}", segments(model(kind)))
    cases.save("songs", {name: song(case) for name, case in cases.DEMUCS_SONGS.items()})
    demucs = {name: kind for name, kind in tiny.RELEASED.items() if kind.architecture != "scnet"}
    cases.save("released", {name: released(kind) for name, kind in demucs.items()})
    tensors = checkpoint.read(np.fromfile(weights, np.uint8)).tensors
    network = pytorch.demucs_network(tensors, Config()).double()
    numbers = segments(network)
    numbers["songs/plain"] = separated(network, cases.REAL_SONG_SECONDS)
    short = pytorch.demucs_network(tensors, Config(segment_length=cases.SHORT_SEGMENT)).double()
    numbers["short/stems"] = stems_of_song(short, cases.STEM_STRIDE)
    cases.save("htdemucs", numbers)
    (cases.HERE / "scores.json").write_text(json.dumps(scores(network), indent=1) + "\n")


def ops() -> Numbers:
    """Every operation on its cases."""
    out: Numbers = {}
    for name, conv in (cases.CONV2D | cases.CONV1D).items():
        convolve = F.conv2d if len(conv.weight) == 4 else F.conv1d
        x, weight, bias = conv_inputs(name, conv.size, conv.weight, conv.weight[0])
        y = convolve(x[None], weight, bias, conv.stride, conv.padding, conv.dilation)
        out[name] = y[0].numpy()
    for name, case in cases.TRANSPOSED.items():
        x, weight, bias = conv_inputs(name, case.size, case.weight, case.weight[1])
        if len(case.weight) == 4:
            y = F.conv_transpose2d(x[None], weight, bias, (case.stride, 1))[0]
        else:
            y = F.conv_transpose1d(x[None], weight, bias, case.stride)[0]
        out[name] = y[:, case.crop : case.crop + case.length].numpy()
    out |= elementwise_ops() | norms() | transforms()
    return out | make_openunmix.ops() | make_scnet.ops() | make_roformer.ops()


def conv_inputs(
    name: str, size: tuple[int, ...], weight: tuple[int, ...], outputs: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (
        tensor(f"{name}/x", *size),
        tensor(f"{name}/weight", *weight),
        tensor(f"{name}/bias", outputs),
    )


def elementwise_ops() -> Numbers:
    x = torch.from_numpy(cases.elementwise())
    return {
        "gelu": F.gelu(x).numpy(),
        "glu": F.glu(x, dim=0).numpy(),
        "softmax": torch.softmax(x, dim=-1).numpy(),
    }


def norms() -> Numbers:
    x, weight, bias = tensor("norm/x", 6, 5, 70), tensor("norm/weight", 6), tensor("norm/bias", 6)
    x = 3 * x + 7
    rows = F.group_norm(x.transpose(0, 1), 1, weight, bias).transpose(0, 1)
    groups = F.group_norm(x.transpose(0, 1), cases.GROUPS, weight, bias).transpose(0, 1)
    tokens = F.layer_norm(x[:, 0].T, (6,), weight, bias).T
    return {
        "group_norm": rows.numpy(),
        "group_norm/groups": groups.numpy(),
        "layer_norm": tokens.numpy(),
    }


def transforms() -> Numbers:
    q, k, v = (
        tensor(f"attention/{name}", 32, n) for name, n in zip("qkv", (19, 23, 23), strict=True)
    )
    heads = [y.reshape(1, cases.HEADS, -1, y.shape[1]).transpose(2, 3) for y in (q, k, v)]
    attended = F.scaled_dot_product_attention(*heads)[0].transpose(1, 2).reshape(32, -1)
    network = HTDemucs(["a"], channels=8, t_layers=0)
    x = tensor("stft/x", 2, cases.STFT_LENGTH)
    spectrum = network._spec(x[None])
    back = network._ispec(spectrum, cases.STFT_LENGTH)
    short = {
        name: network._spec(tensor(name, 2, length)[None])[0].numpy()
        for name, length in cases.SHORT_LENGTHS.items()
    }
    channels, length = cases.SINUSOIDS_1D
    return short | {
        "attention": attended.numpy(),
        "local_attention": local_attention().numpy(),
        "stft": spectrum[0, :, ::7].numpy(),
        "istft": back[0].numpy(),
        "sinusoids_1d": transformer.create_sin_embedding(length, channels)[:, 0].T.numpy(),
        "sinusoids_2d": transformer.create_2d_sin_embedding(*cases.SINUSOIDS_2D)[0].numpy(),
    }


class Constant(torch.nn.Module):
    """Replaces a projection by a constant result."""

    def __init__(self, value: np.ndarray) -> None:
        super().__init__()
        self.value = torch.from_numpy(value)[None].double()

    def forward(self, _x: torch.Tensor) -> torch.Tensor:
        return self.value


def local_attention() -> torch.Tensor:
    """What LocalState does between its projections."""
    channels, heads, positions = cases.LOCAL
    local = LocalState(channels, heads, ndecay=1)
    for name, letter in (("query", "q"), ("key", "k"), ("content", "v")):
        setattr(local, name, Constant(cases.random(f"local/{letter}", channels, positions)))
    local.query_decay = Constant(cases.random("local/decay", heads, positions))
    local.proj = torch.nn.Identity()
    return local(torch.zeros(1, channels, positions).double())[0]


def tensor(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(cases.random(name, *shape))


def model(kind: tiny.Kind, seed: int = 0) -> HTDemucs | HDemucs | BagOfModels:
    """The original network with seeded weights, in float64."""
    count = len(kind.bag) or 1
    tensors = tuple(tiny.tensors(seed + number, replace(kind, bag=())) for number in range(count))
    return pytorch.demucs(
        Networks(kind.architecture, tiny.config(kind), tensors, kind.bag)
    ).double()


def song(case: cases.Song) -> np.ndarray:
    """A whole song separated by a tiny model."""
    kind = tiny.kind(case.model, case.segment_length)
    return separated(model(kind), case.seconds, **case.options)


def separated(network: torch.nn.Module, seconds: float, **options: float) -> np.ndarray:
    """The stems of the synthetic song."""
    stems = pytorch.separate_by_demucs(network, synthetic.song(seconds), **options)
    return cases.sample_stems(np.stack(list(stems.values())))


def segments(network: HTDemucs | HDemucs) -> Numbers:
    """All stages and the stems of the network, for each segment."""
    out: Numbers = {}
    length = int(network.segment * network.samplerate)
    for name, mixture in cases.segments(length).items():
        stages: Numbers = {}
        hooks = listen(network, stages)
        stems = network(torch.from_numpy(mixture)[None].double())[0].numpy()
        for hook in hooks:
            hook.remove()
        out |= {f"{name}/stages/{stage}": x for stage, x in stages.items()}
        out[f"{name}/stems"] = cases.sample_stems(stems)
    return out


def scores(network: HTDemucs) -> dict[str, dict[str, float]]:
    """Scores of the stems of the synthetic track by museval: medians over windows of 1 s."""
    import museval  # needs ffmpeg, which nothing else here does

    track = synthetic.track(cases.SCORED_SECONDS)
    stems = pytorch.separate_by_demucs(network, track["mixture"])
    references = np.stack([track[name].T for name in stems])
    estimates = np.stack([stem.T for stem in stems.values()])
    sdr, isr, sir, sar = museval.evaluate(references, estimates)
    metrics = {"SDR": sdr, "SIR": sir, "ISR": isr, "SAR": sar}
    return {
        name: {metric: float(np.nanmedian(values[row])) for metric, values in metrics.items()}
        for row, name in enumerate(stems)
    }


def released(kind: tiny.Kind) -> np.ndarray:
    """The stems of one segment, by a seeded model with the released dimensions."""
    return stems_of_song(model(kind), cases.RELEASED_STRIDE)


def stems_of_song(network: HTDemucs | HDemucs, stride: int) -> np.ndarray:
    """The stems of one segment of the synthetic song."""
    mixture = cases.segments(int(network.segment * network.samplerate))["song"]
    stems = network(torch.from_numpy(mixture)[None].double())[0].numpy()
    return cases.sample_stems(stems, stride)


def listen(network: HTDemucs | HDemucs, stages: Numbers) -> list:
    """Record the results of the original's modules under the names of py_demixer.trace."""
    modules = dict(network.named_modules())
    hooks = []

    def keep(stage: str, module: str, shape: Callable, pick: Callable = result) -> None:
        def hook(_module, inputs, output):
            stages[stage] = cases.sampled(shape(pick(inputs, output)).numpy())

        hooks.append(modules[module].register_forward_hook(hook))

    keep("freq_emb", "encoder.1", only, argument)
    for name, module in modules.items():
        if name.endswith(".dconv"):
            shape = only if name.startswith("t") else rows
            before = "conv" if "encoder" in name else "rewrite"
            keep(name.replace("dconv", before), name, shape, argument)
            keep(name, name, shape)
        elif re.fullmatch(r"crosstransformer\.layers(_t)?\.\d", name):
            keep(name, name, transposed if "_t" in name else tokens(network))
        elif isinstance(module, BLSTM | LocalState) or re.fullmatch(LAYERS, name):
            keep(name, name, only)
        if isinstance(module, HDecLayer) and not module.empty and module.dconv is None:
            keep(f"{name}.rewrite", name, only, lambda _inputs, output: output[1])
    return hooks


def result(_inputs, output):
    return output[0] if isinstance(output, tuple) else output


def argument(inputs, _output):
    return inputs[0]


def only(x):
    return x[0]


def rows(x):
    """Move frequencies out of the batch axis, where spectral residual branches have them."""
    return x.transpose(0, 1)


def transposed(x):
    return x[0].T


def tokens(network: HTDemucs) -> Callable:
    """Reorder tokens: sorted by time in the original, by frequency here."""
    frequencies = network.nfft // 2 // 4**network.depth
    return lambda x: x[0].reshape(-1, frequencies, x.shape[2]).permute(2, 1, 0).flatten(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
