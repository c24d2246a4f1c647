"""Make the PyTorch files that tests/unit/test_weights_convert.py reads, and what is in them.

    pip install torch==2.13.0 demucs==4.1.0
    pip install --no-deps openunmix==1.3.0
    python -m tests.golden.make_checkpoint

- tiny.th: a Demucs package, as demucs/states.py makes them, of a tiny HTDemucs with float16 state
- layouts.pth: a plain state dict whose tensors have strides, offsets and a storage in common
- layouts-old.pth: the same as PyTorch wrote it before version 1.6
- unmix/STEM-HASH.pth: small networks of Open-Unmix, named as the published ones are, with what
  older files hold besides parameters; two of them in the old format
- checkpoint.npz: the tensors of all, by file name / tensor name; under unmix/stems what openunmix
  makes of a short song with the small networks
"""

import hashlib
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state

from tests import synthetic

sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))  # imported, and not used here
from openunmix import model  # noqa: E402

HERE = Path(__file__).parent
SOURCES = ["drums", "bass", "other", "vocals"]


def main() -> None:
    """Write all files."""
    torch.manual_seed(2)
    package = demucs_package()
    files = {"tiny.th": package["state"], "layouts.pth": layouts()}
    torch.save(package, HERE / "tiny.th")
    torch.save(files["layouts.pth"], HERE / "layouts.pth")
    torch.save(files["layouts.pth"], HERE / "layouts-old.pth", _use_new_zipfile_serialization=False)
    arrays = {
        f"{file}/{name}": tensor.detach().numpy()
        for file, state in files.items()
        for name, tensor in state.items()
    }
    np.savez_compressed(HERE / "checkpoint.npz", **arrays, **unmix(HERE / "unmix"))


def demucs_package() -> dict[str, Any]:
    """What demucs.states.serialize_model returns, without its need of omegaconf."""
    kwargs = {
        "sources": SOURCES,
        "channels": 8,
        "depth": 2,
        "bottom_channels": 8,
        "t_heads": 2,
        "t_layers": 3,
        "dconv_mode": 3,
        "segment": Fraction(39, 5),
    }
    model = HTDemucs(**kwargs)
    return {
        "klass": HTDemucs,
        "args": (),
        "kwargs": kwargs,
        "state": get_state(model, quantizer=None, half=True),
        "training_args": {"optim": {"lr": 3e-4, "betas": [0.9, 0.999]}, "dset": None, "seed": 42},
    }


def layouts() -> dict[str, torch.Tensor]:
    """A state dict of tensors that are not laid out plainly in a storage of their own."""
    base = torch.randn(4, 6)
    return {
        "whole": base,
        "transposed": base.T,
        "offset": base[1:3, 2:5],
        "parameter": torch.nn.Parameter(torch.randn(3, dtype=torch.float64)),
        "scalar": torch.tensor(7),
        "bytes": torch.arange(5, dtype=torch.uint8),
    }


def unmix(folder: Path) -> dict[str, np.ndarray]:
    """Write the networks of Open-Unmix; returns their tensors and stems."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    networks, arrays = {}, {}
    for number, stem in enumerate(SOURCES):
        network = model.OpenUnmix(nb_bins=33, nb_channels=2, hidden_size=8, max_bin=24)
        for value in network.state_dict().values():
            if value.is_floating_point() and value.ndim == 1:
                value.copy_(0.75 + 0.5 * torch.rand(len(value)))
        networks[stem] = network.double().eval()
        state = {name: x.float() for name, x in network.state_dict().items()}
        arrays |= {f"unmix/{stem}/{name}": x.numpy() for name, x in state.items()}
        state |= {"sample_rate": torch.tensor(44100.0), "stft.window": torch.hann_window(64)}
        file = folder / stem
        torch.save(state, file, _use_new_zipfile_serialization=bool(number % 2))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(folder / f"{stem}-{digest[:8]}.pth")
    separator = model.Separator(networks, niter=1, n_fft=64, n_hop=16).double().eval()
    with torch.no_grad():
        stems = separator(torch.from_numpy(synthetic.song(0.5)).double()[None])[0]
    return arrays | {"unmix/stems": stems[..., ::7].numpy().astype(np.float32)}


if __name__ == "__main__":
    main()
