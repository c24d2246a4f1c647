"""Make the golden numbers of SCNet with PyTorch and checkouts of the originals.

    pip install '.[reference]'
    python -m tests.golden.make_scnet SCNET TRAINING

SCNET is a checkout of https://github.com/starrytong/SCNet, TRAINING one of
https://github.com/ZFTurbo/Music-Source-Separation-Training; the commits are kept with the numbers.
Writes tiny-scnet.npz and scnet.npz beside this file, in float64 like make.py, and checkpoints as
the originals save them in the folder scnet; ten minutes on two cores. Its operations are in
ops.npz, which make.py writes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from py_demixer.evaluation import scnet
from tests import synthetic, tiny
from tests.golden import cases, checks

Numbers = dict[str, np.ndarray]

CHECKPOINTS = cases.HERE / "scnet"
SMALL = {"widths": (4, 4, 8), "layers": 2}
"""Dimensions of the network in the checkpoints."""


def main(original: Path, training: Path) -> None:
    """Write all files."""
    torch.set_grad_enabled(False)
    commits = {f"commit of {path.name}": np.array(commit(path)) for path in (original, training)}
    cases.save("tiny-scnet", segments(original, tiny.KINDS["scnet"]) | commits)
    numbers: Numbers = {}
    for name, case in cases.SCNET_SONGS.items():
        kind = tiny.kind(case.model, case.segment_length)
        model = network(original, kind).double()
        seconds = tiny.config(kind).segment_length / synthetic.RATE
        options = {"segment": seconds, "overlap": 0.25} | case.options
        stems = scnet.separate(original, model, synthetic.song(case.seconds), **options)
        numbers[name] = cases.sample_stems(np.stack(list(stems.values())))
    for name, kind in tiny.RELEASED.items():
        if kind.architecture == "scnet":
            stems = stems_of(network(original, kind).double(), tiny.config(kind).segment_length)
            numbers[name] = cases.sample_stems(stems, cases.RELEASED_STRIDE)
    short = tiny.kind("scnet", tiny.SECOND)
    plain = replace(short, config={**short.config, "standardised": False})
    stems = stems_of(network(training, plain).double(), tiny.SECOND)
    numbers["not standardised"] = cases.sample_stems(stems)
    cases.save("scnet", numbers | commits)
    write_checkpoints(original)


def commit(checkout: Path) -> str:
    """The commit of a checkout."""
    command = ["git", "-C", checkout, "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def network(original: Path, kind: tiny.Kind) -> Any:
    """The original network with seeded weights."""
    return scnet.network(original, tiny.tensors(0, kind), tiny.config(kind))


def segments(original: Path, kind: tiny.Kind) -> Numbers:
    """All stages and the stems of the network, for each segment."""
    out: Numbers = {}
    model = network(original, kind).double()
    for name, mixture in cases.segments(tiny.config(kind).segment_length).items():
        stages: Numbers = {}
        hooks = listen(model, stages)
        stems = run(model, mixture)
        for hook in hooks:
            hook.remove()
        out |= {f"{name}/stages/{stage}": x for stage, x in stages.items()}
        out[f"{name}/stems"] = cases.sample_stems(stems)
    return out


def stems_of(model: Any, length: int) -> np.ndarray:
    """The stems of one segment of the synthetic song."""
    return run(model, cases.segments(length)["song"])


def run(model: Any, mixture: np.ndarray) -> np.ndarray:
    """The stems of a segment, float64."""
    with scnet.in_its_precision():
        return model(torch.from_numpy(mixture)[None].double())[0].numpy()


def listen(model: Any, stages: Numbers) -> list[Any]:
    """Record the results of the original's modules under the names of py_demixer.trace."""

    def keep(stage: str, x: torch.Tensor) -> None:
        stages[stage] = cases.sampled(x[0].numpy())

    def down(name: str) -> Any:
        def hook(_module, _inputs, output):
            for number, band in enumerate(output[0]):
                keep(f"{name}.{number}", band)

        return hook

    def encoder(name: str) -> Any:
        def hook(_module, _inputs, output):
            keep(name, output[0])
            keep(f"{name}.skip", output[1])

        return hook

    def result(name: str) -> Any:
        return lambda _module, _inputs, output: keep(name, output)

    def argument(name: str) -> Any:
        return lambda _module, inputs, _output: keep(name, inputs[0])

    hooks = []
    for name, module in model.named_modules():
        if re.fullmatch(r"encoder\.\d\.SDlayer", name):
            hooks.append(module.register_forward_hook(down(name)))
        elif re.fullmatch(r"encoder\.\d", name):
            hooks.append(module.register_forward_hook(encoder(name)))
        elif re.fullmatch(r"decoder\.\d\.\d|separation_net\.dp_modules\.\d", name):
            hooks.append(module.register_forward_hook(result(name)))
        elif match := re.fullmatch(r"(separation_net\.dp_modules\.\d)\.norm_layers\.1", name):
            hooks.append(module.register_forward_hook(argument(f"{match[1]}.frequency")))
    return hooks


def ops() -> Numbers:
    """The operations that only SCNet needs, on their cases."""
    return {
        "swish": F.silu(torch.from_numpy(cases.elementwise())).numpy(),
        "bidirectional_lstm": lstm().numpy(),
        "gated_branch": branch().numpy(),
        **transforms(),
    }


def lstm() -> torch.Tensor:
    """Many sequences: here in the last axis, in PyTorch in the first."""
    inputs, hidden, steps, sequences = cases.SEQUENCES
    layer = torch.nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True).double()
    for name, shape in checks.sequence_shapes():
        getattr(layer, name).data = random(f"sequences/{name}", *shape).double()
    x = random("sequences/x", inputs, steps, sequences).double()
    return layer(x.permute(2, 1, 0))[0].permute(2, 1, 0)


def branch() -> torch.Tensor:
    """The layers of ConvolutionModule, with the rows as a batch, and a GELU."""
    x, *rest = (random(f"branch/{name}", *shape).double() for name, shape in checks.branch_shapes())
    norm, norm_bias, into, into_bias, taps, taps_bias, last, last_bias, out_of, out_bias = rest
    x = x.transpose(0, 1)
    y = F.conv1d(F.group_norm(x, 1, norm, norm_bias), into[:, :, 0], into_bias, padding=1)
    y = F.conv1d(F.glu(y, 1), taps, taps_bias, padding=1, groups=len(taps))
    y = F.conv1d(F.silu(F.group_norm(y, 1, last, last_bias)), out_of[:, :, 0], out_bias)
    return F.gelu(x + y).transpose(0, 1)


def transforms() -> Numbers:
    """Fourier transforms: of rows, and short-time ones without a window."""
    rows = torch.fft.rfft(random("rows", *cases.ROWS).double(), norm="ortho")
    options = {"n_fft": cases.N_FFT, "hop_length": cases.N_FFT // 4, "normalized": True}
    x = random("rectangular", 2, cases.RECTANGULAR_LENGTH).double()
    z = torch.stft(x, **options, return_complex=True)
    spectra = random("rectangular/spectra", 4, cases.N_FFT // 2 + 1, 6).double()
    spectra = spectra.reshape(2, 2, *spectra.shape[1:])
    return {
        "row_spectra": torch.cat([rows.real, rows.imag]).numpy(),
        "row_signals": torch.fft.irfft(rows, norm="ortho").numpy(),
        "analyse_rectangular": torch.stack([z.real, z.imag], 1).flatten(0, 1)[:, ::7].numpy(),
        "synthesise_rectangular": torch.istft(
            torch.complex(spectra[:, 0], spectra[:, 1]), **options
        ).numpy(),
    }


def random(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(cases.random(name, *shape))


def write_checkpoints(original: Path) -> None:
    """Write checkpoints with a tiny network as they are published, and as training saves them."""
    state = network(original, tiny.Kind("scnet", SMALL)).state_dict()
    CHECKPOINTS.mkdir(exist_ok=True)
    torch.save(state, CHECKPOINTS / "weights.ckpt")
    # See _serialize() of scnet/solver.py; parallel training adds a prefix to all names.
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    last = {name: tensor + 1 for name, tensor in parallel.items()}
    package = {
        "state": last,
        "best_nsdr": torch.tensor(9.5),
        "best_state": parallel,
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 5e-4}]},
        "epoch": 3,
        "ema_batch_0": {"state": last, "count": 2.5},
    }
    torch.save(package, CHECKPOINTS / "training.th")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
