"""Make the golden numbers of RoFormers with PyTorch and a checkout of the original.

    pip install '.[reference]' einops 'rotary-embedding-torch==0.3.5' beartype packaging librosa
    python -m tests.golden.make_roformer TRAINING

TRAINING is a checkout of https://github.com/ZFTurbo/Music-Source-Separation-Training; its commit is
kept with the numbers. Writes tiny-bs_roformer.npz and tiny-mel_roformer.npz beside this file, in
float64 like make.py, and checkpoints as the original saves them in the folder roformer; a minute.
The operations are in ops.npz, which make.py writes.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from py_demixer.models.roformer import Config
from tests import original_roformer, own, tiny
from tests.golden import cases, checks
from tests.golden.make_scnet import commit, random

Numbers = dict[str, np.ndarray]

CHECKPOINTS = cases.HERE / "roformer"

WINDOW = partial(torch.hann_window, dtype=torch.float64)
"""Not the original's, whose rounding errors are all there is in bands without sound: see
py_demixer.ops.stft.analyse_interleaved."""


def main(training: Path) -> None:
    """Write all files."""
    torch.set_grad_enabled(False)
    made_with = {f"commit of {training.name}": np.array(commit(training))}
    for name, kind in tiny.KINDS.items():
        if kind.architecture == "roformer":
            cases.save(f"tiny-{name}", segments(training, kind) | made_with)
    write_checkpoints(training)


def network(training: Path, kind: tiny.Kind) -> Any:
    """The original network with seeded weights, in float32."""
    tensors, config = tiny.tensors(0, kind), tiny.config(kind)
    return original_roformer.network(training, tensors, config, stft_window_fn=WINDOW)


def segments(training: Path, kind: tiny.Kind) -> Numbers:
    """All stages and the stems of the network, for each segment."""
    out: Numbers = {}
    config, model = tiny.config(kind), network(training, kind).double()
    for name, mixture in cases.segments(config.segment_length).items():
        stages: Numbers = {}
        masks: list[np.ndarray] = []
        hooks = listen(model, stages, masks)
        stems = run(model, mixture, config)
        for hook in hooks:
            hook.remove()
        stages["mask_estimators"] = cases.sampled(np.concatenate(masks))
        out |= {f"{name}/stages/{stage}": x for stage, x in stages.items()}
        out[f"{name}/stems"] = cases.sample_stems(stems)
    return out


def run(model: Any, mixture: np.ndarray, config: Config) -> np.ndarray:
    """The stems of a segment, float64."""
    x = torch.from_numpy(mixture).double()
    stems = model(x[None])[0].reshape(config.estimated, *x.shape)
    remainder = [(x - stems.sum(dim=0))[None]] if config.remainder else []
    return torch.cat([stems, *remainder]).numpy()


def listen(model: Any, stages: Numbers, masks: list[np.ndarray]) -> list[Any]:
    """Record the results of the original's modules, with the axes of the package."""

    def split(_module, _inputs, output):
        stages["band_split"] = cases.sampled(output[0].permute(2, 1, 0).numpy())

    def tokens(name: str) -> Any:
        def hook(_module, _inputs, output):
            stages[name] = cases.sampled(output.permute(2, 0, 1).numpy())

        return hook

    def mask(_module, _inputs, output):
        """The sums of the masks that several bands have for a frequency."""
        rows = output[0].T
        places = getattr(model, "freq_indices", torch.arange(len(rows) // 2))
        sums = rows.new_zeros(int(places.max()) + 1, 2, rows.shape[1])
        sums.index_add_(0, places, rows.reshape(len(places), 2, -1))
        masks.append(sums.flatten(0, 1).numpy())

    hooks = [model.band_split.register_forward_hook(split)]
    hooks += [estimator.register_forward_hook(mask) for estimator in model.mask_estimators]
    for name, module in model.named_modules():
        if re.fullmatch(r"layers\.\d\.\d", name):
            hooks.append(module.register_forward_hook(tokens(name)))
    return hooks


def ops() -> Numbers:
    """The operations that only RoFormers need, on their cases."""
    x, weight, _ = (random(f"norm/{name}", *shape) for name, shape in NORM.items())
    return {
        "tanh": torch.tanh(torch.from_numpy(cases.elementwise())).numpy(),
        "rms_norm": (norm((3 * x + 7)[:, 0].T.double(), weight)).T.numpy(),
        "feed_forward_branch": feed_forward().numpy(),
        **{name: attention(name).numpy() for name in cases.TOKENS},
        **transforms("interleaved", False),
        **transforms("interleaved/scaled", True),
    }


NORM = {"x": (6, 5, 70), "weight": (6,), "bias": (6,)}


def norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """RMSNorm, over the last axis."""
    return F.normalize(x, dim=-1) * x.shape[-1] ** 0.5 * weight


def attention(name: str) -> torch.Tensor:
    """Attention with its norm, rotary positions, gates and projections, plus its input."""
    *_, heads, width = cases.TOKENS[name]
    arrays = (random(f"{name}/{key}", *s).double() for key, s in checks.attention_shapes(name))
    x, weight, into, gate, gate_bias, out = arrays
    tokens = x.permute(1, 2, 0)
    y = norm(tokens, weight)
    query, key, value = (y @ into.T).unflatten(-1, (3, heads, width)).permute(2, 0, 3, 1, 4)
    attended = F.scaled_dot_product_attention(turned(query), turned(key), value)
    attended = attended * (y @ gate.T + gate_bias).sigmoid().transpose(1, 2)[..., None]
    return (tokens + attended.transpose(1, 2).flatten(2) @ out.T).permute(2, 0, 1)


def turned(x: torch.Tensor) -> torch.Tensor:
    """Pairs of channels as complex numbers, turned by angles that grow with the position."""
    positions, width = x.shape[-2:]
    exponents = torch.arange(0, width, 2).float() / width
    angles = (1 / 10000**exponents).double() * torch.arange(positions)[:, None]
    turns = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.contiguous().unflatten(-1, (width // 2, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2)


def feed_forward() -> torch.Tensor:
    """The layers of FeedForward, plus its input."""
    shapes = checks.feed_forward_shapes()
    arrays = (random(f"feed_forward/{name}", *shape).double() for name, shape in shapes)
    x, weight, into, into_bias, out, out_bias = arrays
    tokens = x.permute(1, 2, 0)
    hidden = F.gelu(F.linear(norm(tokens, weight), into, into_bias))
    return (tokens + F.linear(hidden, out, out_bias)).permute(2, 0, 1)


def transforms(name: str, scaled: bool) -> Numbers:
    """Short-time Fourier transforms whose hop does not divide the window."""
    length = cases.CENTRED_LENGTHS["centred"]
    window = torch.hann_window(cases.N_FFT).double()
    options = {"hop_length": cases.HOP, "window": window, "normalized": scaled}
    x = random(name, 2, length).double()
    z = torch.stft(x, cases.N_FFT, **options, return_complex=True)
    back = torch.istft(z, cases.N_FFT, **options, length=length)
    numbers = torch.view_as_real(z).permute(1, 0, 3, 2).flatten(0, 2)
    return {
        name: numbers[::29].numpy(),
        f"{name}/inverse": torch.cat([back, 2 * back])[:, ::11].numpy(),
    }


def write_checkpoints(training: Path) -> None:
    """Write checkpoints with tiny networks as training saves them."""
    CHECKPOINTS.mkdir(exist_ok=True)
    for name, kind in own.ROFORMERS.items():
        state = network(training, kind).half().state_dict()
        parallel = {f"module.{key}": tensor for key, tensor in state.items()}
        torch.save({"epoch": 7, "state_dict": parallel}, CHECKPOINTS / f"{name}.ckpt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
