"""Make the PyTorch files that tests/unit/test_weights_convert.py reads, and what is in them.

    pip install torch==2.13.0 demucs==4.1.0
    python tests/golden/make_checkpoint.py

- tiny.th: a Demucs package, as demucs/states.py makes them, of a tiny HTDemucs with float16 state
- layouts.pth: a plain state dict whose tensors have strides, offsets and a storage in common
- checkpoint.npz: the tensors of both, by file name / tensor name
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state

HERE = Path(__file__).parent
SOURCES = ["drums", "bass", "other", "vocals"]


def main() -> None:
    """Write the three files."""
    torch.manual_seed(2)
    package = demucs_package()
    files = {"tiny.th": package["state"], "layouts.pth": layouts()}
    torch.save(package, HERE / "tiny.th")
    torch.save(files["layouts.pth"], HERE / "layouts.pth")
    arrays = {
        f"{file}/{name}": tensor.detach().numpy()
        for file, state in files.items()
        for name, tensor in state.items()
    }
    np.savez_compressed(HERE / "checkpoint.npz", **arrays)


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


if __name__ == "__main__":
    main()
