"""Make the numbers the tests compare with, by PyTorch and the original Demucs.

    pip install torch==2.13.0 einops julius pyyaml tqdm numpy
    pip install --no-deps demucs==4.1.0 openunmix==1.3.0
    python -m tests.golden.make .cache/weights/htdemucs.safetensors

Writes ops.npz, tiny.npz and htdemucs.npz beside this file; about five minutes on two cores.

Networks are run in float64: PyTorch's own float32 results are only 105-130 dB from those, and less
where a stem is almost silent, so a difference from them would not tell whose it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from random import seed as seed_random

import numpy as np
import torch
import torch.nn.functional as F
from demucs import transformer
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs

from py_demixer import checkpoint
from py_demixer.models.htdemucs import Config
from tests import synthetic, tiny
from tests.golden import cases, make_openunmix

Numbers = dict[str, np.ndarray]


def main(weights: Path) -> None:
    """Write all three files."""
    torch.set_grad_enabled(False)
    save("ops", ops())
    model = network(tiny.tensors(), Config(**tiny.CONFIG)).double()
    numbers = segments(model)
    for name, (seconds, options) in cases.SONGS.items():
        stems = separate(model, synthetic.song(seconds), **options)
        numbers[f"songs/{name}"] = cases.sample_stems(stems)
    save("tiny", numbers)
    released = checkpoint.read(np.fromfile(weights, np.uint8))
    model = network(released.tensors, Config()).double()
    numbers = segments(model)
    stems = separate(model, synthetic.song(cases.REAL_SONG_SECONDS))
    numbers["songs/plain"] = cases.sample_stems(stems)
    save("htdemucs", numbers)


def save(name: str, numbers: Numbers) -> None:
    """Write the file; float64 results are kept as the float32 nearest to them."""
    rounded = {
        key: x.astype(np.float32) if x.dtype == np.float64 else x for key, x in numbers.items()
    }
    np.savez_compressed(cases.HERE / f"{name}.npz", **rounded)


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
    return out | elementwise_ops() | norms() | transforms() | make_openunmix.ops()


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
    tokens = F.layer_norm(x[:, 0].T, (6,), weight, bias).T
    return {"group_norm": rows.numpy(), "layer_norm": tokens.numpy()}


def transforms() -> Numbers:
    q, k, v = (
        tensor(f"attention/{name}", 32, n) for name, n in zip("qkv", (19, 23, 23), strict=True)
    )
    heads = [y.reshape(1, cases.HEADS, -1, y.shape[1]).transpose(2, 3) for y in (q, k, v)]
    attended = F.scaled_dot_product_attention(*heads)[0].transpose(1, 2).reshape(32, -1)
    model = HTDemucs(["a"], channels=8, t_layers=0)
    x = tensor("stft/x", 2, cases.STFT_LENGTH)
    spectrum = model._spec(x[None])
    back = model._ispec(spectrum, cases.STFT_LENGTH)
    channels, length = cases.SINUSOIDS_1D
    return {
        "attention": attended.numpy(),
        "stft": spectrum[0, :, ::7].numpy(),
        "istft": back[0].numpy(),
        "sinusoids_1d": transformer.create_sin_embedding(length, channels)[:, 0].T.numpy(),
        "sinusoids_2d": transformer.create_2d_sin_embedding(*cases.SINUSOIDS_2D)[0].numpy(),
    }


def tensor(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(cases.random(name, *shape))


def network(tensors: Numbers, config: Config) -> HTDemucs:
    """The original network with the given weights."""
    model = HTDemucs(
        list(config.sources),
        channels=config.channels,
        dconv_mode=3,
        dconv_comp=config.dconv_compress,
        bottom_channels=config.bottom_channels,
        t_layers=config.t_layers,
        t_heads=config.t_heads,
        segment=Fraction(config.segment_length, config.sample_rate),
    )
    model.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in tensors.items()})
    return model.eval()


def segments(model: HTDemucs) -> Numbers:
    """All stages of the network, and the stems, for each of the segments."""
    out: Numbers = {}
    for name, mixture in cases.segments().items():
        stages: Numbers = {}
        hooks = listen(model, stages)
        stems = model(torch.from_numpy(mixture)[None].double())[0].numpy()
        for hook in hooks:
            hook.remove()
        out |= {f"{name}/stages/{stage}": x for stage, x in stages.items()}
        out[f"{name}/stems"] = cases.sample_stems(stems)
    return out


def listen(model: HTDemucs, stages: Numbers) -> list:
    """Collect what the original's modules compute under the names of py_demixer.trace."""
    modules = dict(model.named_modules())
    hooks = []

    def keep(stage: str, module: str, shape: Callable, of_input: bool = False) -> None:
        def hook(_module, inputs, output):
            value = inputs[0] if of_input else output
            value = value[0] if isinstance(value, tuple) else value
            stages[stage] = cases.strided(shape(value).numpy())

        hooks.append(modules[module].register_forward_hook(hook))

    def only(x):
        return x[0]

    def rows(x):  # the spectral residual branches have frequencies as batch
        return x.transpose(0, 1)

    for i in range(model.depth):
        for kind, before in (("encoder", "conv"), ("decoder", "rewrite")):
            for branch, shape in (("", rows), ("t", only)):
                name = f"{branch}{kind}.{i}"
                keep(f"{name}.{before}", f"{name}.dconv", shape, of_input=True)
                keep(f"{name}.dconv", f"{name}.dconv", shape)
                keep(name, name, only)
    frequencies = model.nfft // 2 // 4**model.depth

    def tokens(x):  # sorted by time there, by frequency here
        return x[0].reshape(-1, frequencies, x.shape[2]).permute(2, 1, 0).flatten(1)

    keep("freq_emb", "encoder.1", only, of_input=True)
    for change in ("up", "down"):
        for branch in ("", "_t"):
            name = f"channel_{change}sampler{branch}"
            keep(name, name, only)
    for i in range(model.crosstransformer.num_layers):
        name = f"crosstransformer.layers.{i}"
        keep(name, name, tokens)
        keep(f"crosstransformer.layers_t.{i}", f"crosstransformer.layers_t.{i}", lambda x: x[0].T)
    return hooks


def separate(model: HTDemucs, mixture: np.ndarray, seed: int = 0, **options: float) -> np.ndarray:
    """A whole song as demucs.api.Separator does it; the seed is for the random shifts alone."""
    transformer.random = Random()  # the network draws a shift of 0 per segment: not from ours
    seed_random(seed)
    mix = torch.from_numpy(mixture).double()
    mono = mix.mean(0)
    mean, std = mono.mean(), mono.std() + 1e-8
    stems = apply_model(
        model, ((mix - mean) / std)[None], **{"shifts": 0, "overlap": 0.25} | options
    )
    return (stems[0] * std + mean).numpy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
