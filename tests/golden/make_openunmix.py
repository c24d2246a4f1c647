"""Make the golden numbers of Open-Unmix with PyTorch and openunmix.

    pip install '.[reference]'
    python -m tests.golden.make_openunmix [--long]

Writes openunmix.npz beside this file, in float64 like make.py; without --long, songs that take
minutes keep their existing numbers.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from py_demixer.evaluation import pytorch
from py_demixer.models.openunmix import Config
from tests import synthetic, unmix
from tests.golden import cases, checks

# isort: split
from openunmix import filtering, transforms  # works once evaluation.pytorch is imported

Numbers = dict[str, np.ndarray]


def main() -> None:
    """Write the file."""
    torch.set_grad_enabled(False)
    numbers: Numbers = {}
    if "--long" not in sys.argv:
        numbers |= {name: cases.load("openunmix")[name] for name in cases.LONG_UNMIX_SONGS}
    for name, case in (cases.UNMIX_SONGS | cases.LONG_UNMIX_SONGS).items():
        if name not in numbers:
            numbers |= song(name, case)
            print(name, flush=True)
    cases.save("openunmix", numbers)


def song(name: str, case: cases.UnmixSong) -> Numbers:
    """The stems, and for a song of a single window also the results of the networks' steps."""
    stages: Numbers = {}
    separator = separate_with(Config(hidden=case.hidden), stages, **case.options)
    stems = pytorch.separate_by_open_unmix(separator, synthetic.song(case.seconds))
    out = {name: cases.sample_stems(np.stack(list(stems.values())), case.stride)}
    if name == "one window":
        out |= {f"{name}/stages/{stage}": value for stage, value in stages.items()}
    return out


def separate_with(
    config: Config, stages: Numbers, stems: tuple[str, ...] = (), **options: object
) -> torch.nn.Module:
    """The original separator with the seeded weights, which records its steps in `stages`."""
    separator = pytorch.open_unmix(unmix.tensors(config), config, stems, **options).double()
    for source, network in separator.target_models.items():
        listen(network, source, stages)
    return separator


def listen(net: torch.nn.Module, source: str, stages: Numbers) -> None:
    """Record the results of modules under the names of py_demixer.trace, ``(width, frames)``."""

    def keep(name: str, x: torch.Tensor) -> None:
        stages[f"{source}.{name}"] = cases.sampled(x.numpy())

    def recurrent(_module, inputs, output):
        keep("fc1", inputs[0][:, 0].T)
        for end, half in zip(("l2", "l2_reverse"), output[0][:, 0].T.chunk(2), strict=True):
            keep(f"lstm.{end}", half)

    def last(_module, inputs, output):
        mask = output.reshape(len(output), 2, -1) * net.output_scale + net.output_mean
        keep("mask", torch.relu(mask).permute(1, 2, 0))

    net.lstm.register_forward_hook(recurrent)
    net.fc3.register_forward_hook(lambda _module, inputs, _output: keep("fc2", inputs[0].T))
    net.bn3.register_forward_hook(last)


def ops() -> Numbers:
    """The operations that only Open-Unmix uses, for ops.npz."""
    out: Numbers = {"lstm": recurrent(reverse=False), "lstm/reverse": recurrent(reverse=True)}
    for name, length in cases.CENTRED_LENGTHS.items():
        window = torch.nn.Parameter(torch.hann_window(cases.N_FFT, dtype=torch.float64))
        x = torch.from_numpy(cases.random(name, 1, 2, length)).double()
        spectrum = transforms.TorchSTFT(center=True, window=window)(x)
        back = transforms.TorchISTFT(center=True, window=window)(spectrum, length)
        out[name] = torch.view_as_complex(spectrum)[0, :, ::29].numpy().astype(np.complex64)
        out[f"{name}/inverse"] = back[0, :, ::11].numpy()
    magnitudes, mixture = cases.wiener_inputs()
    spectrograms = torch.from_numpy(magnitudes).double().permute(3, 2, 1, 0)
    mix = torch.view_as_real(torch.from_numpy(mixture).to(torch.complex128).permute(2, 1, 0))
    for name, options in cases.WIENERS.items():
        y = filtering.wiener(spectrograms, mix.contiguous().clone(), **options)
        y = torch.view_as_complex(y.permute(4, 2, 1, 0, 3).contiguous())
        out[name] = y.numpy().astype(np.complex64)
    return out


def recurrent(reverse: bool) -> np.ndarray:
    """Outputs of one layer in one direction, followed by the last state."""
    inputs, hidden, frames = cases.LSTM
    layer = torch.nn.LSTM(inputs, hidden).double()
    for name, shape in checks.lstm_shapes():
        getattr(layer, f"{name}_l0").data = torch.from_numpy(
            cases.random(f"lstm/{name}", *shape)
        ).double()
    x = torch.from_numpy(cases.random("lstm/x", inputs, frames)).double().T
    state = torch.from_numpy(cases.random("lstm/state", 2, hidden)).double()
    out, last = layer(x.flip(0) if reverse else x, (state[:1], state[1:]))
    return torch.cat([out.flip(0) if reverse else out, *last]).T.detach().numpy()


if __name__ == "__main__":
    main()
