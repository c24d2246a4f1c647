"""Make the PyTorch files that tests/unit/test_weights_convert.py reads, and their contents.

    pip install torch==2.13.0 demucs==4.1.0
    pip install --no-deps openunmix==1.3.0
    python -m tests.golden.make_checkpoint

- tiny.th: a Demucs package of a tiny HTDemucs with float16 state, as demucs/states.py makes them
- demucs/SIGNATURE-HASH.th: such packages in place of the published ones of htdemucs_ft, htdemucs_6s
  and hdemucs_mmi, with corresponding names
- layouts.pth: a plain state dict whose tensors have strides, offsets and a shared storage
- layouts-old.pth: the same in the format of PyTorch before version 1.6
- unmix/STEM-HASH.pth: small networks of Open-Unmix, named like the published ones, with what older
  files hold besides parameters; two of them in the old format
- checkpoint.npz: the tensors of all files, as file name / tensor name; under unmix/stems and
  demucs/MODEL, the originals' stems of a short song
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
from demucs.apply import BagOfModels, apply_model
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from demucs.states import get_state, load_model, save_with_checksum

from tests import synthetic

sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))  # imported, but not used here
from openunmix import model  # noqa: E402

HERE = Path(__file__).parent
SOURCES = ["drums", "bass", "other", "vocals"]


FOUR = ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
"""The signatures of the published networks of htdemucs_ft."""

# As passed on by the training: the whole configuration, needed or not.
HYBRID = {
    "audio_channels": 2,
    "samplerate": 44100,
    "channels": 4,
    "channels_time": None,
    "growth": 2,
    "nfft": 4096,
    "wiener_iters": 0,
    "end_iters": 0,
    "wiener_residual": False,
    "cac": True,
    "rewrite": True,
    "multi_freqs": [],
    "multi_freqs_depth": 3,
    "freq_emb": 0.2,
    "emb_scale": 10,
    "emb_smooth": True,
    "kernel_size": 8,
    "stride": 4,
    "time_stride": 2,
    "context": 1,
    "context_enc": 0,
    "norm_starts": 4,
    "norm_groups": 4,
    "dconv_depth": 2,
    "dconv_comp": 2,
    "dconv_init": 1e-3,
    "rescale": 0.1,
}
HTDEMUCS = HYBRID | {
    "sources": SOURCES,
    "segment": Fraction(39, 5),
    "depth": 4,
    "dconv_mode": 3,
    "bottom_channels": 8,
    "t_layers": 3,
    "t_heads": 2,
    "t_hidden_scale": 4.0,
    "t_dropout": 0.0,
    "t_emb": "sin",
}
SHALLOW = HTDEMUCS | {"t_layers": 1}
SIX = SHALLOW | {"sources": [*SOURCES, "guitar", "piano"], "bottom_channels": 0}
HDEMUCS = HYBRID | {
    "sources": SOURCES,
    "segment": 11,
    "channels": 2,
    "depth": 6,
    "hybrid": True,
    "hybrid_old": False,
    "dconv_mode": 1,
    "dconv_attn": 4,
    "dconv_lstm": 4,
}


def main() -> None:
    """Write all files."""
    torch.set_grad_enabled(False)
    torch.manual_seed(2)
    tiny = package(HTDemucs, HTDEMUCS)
    files = {"tiny.th": tiny["state"], "layouts.pth": layouts()}
    torch.save(tiny, HERE / "tiny.th")
    torch.save(files["layouts.pth"], HERE / "layouts.pth")
    torch.save(files["layouts.pth"], HERE / "layouts-old.pth", _use_new_zipfile_serialization=False)
    arrays = {
        f"{file}/{name}": tensor.detach().numpy()
        for file, state in files.items()
        for name, tensor in state.items()
    }
    arrays |= demucs(HERE / "demucs") | unmix(HERE / "unmix")
    np.savez_compressed(HERE / "checkpoint.npz", **arrays)


def package(klass: type, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The result of demucs.states.serialize_model, which would need omegaconf."""
    return {
        "klass": klass,
        "args": (),
        "kwargs": kwargs,
        "state": get_state(klass(**kwargs), quantizer=None, half=True),
        "training_args": {"optim": {"lr": 3e-4, "betas": [0.9, 0.999]}, "dset": None, "seed": 42},
    }


def demucs(folder: Path) -> dict[str, np.ndarray]:
    """Write the packages of Demucs' models; return their stems of a short song."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    signatures = dict.fromkeys(FOUR, (HTDemucs, SHALLOW))
    signatures |= {"5c90dfd2": (HTDemucs, SIX), "75fc33f5": (HDemucs, HDEMUCS)}
    models = {}
    for signature, given in signatures.items():
        content = package(*given)
        save_with_checksum(content, folder / f"{signature}.th")
        models[signature] = load_model(content).double()
    four = BagOfModels([models[name] for name in FOUR], np.eye(4).tolist())
    six = BagOfModels([models["5c90dfd2"]])
    three = BagOfModels([models["75fc33f5"]], segment=44)
    made = {"htdemucs_ft": four, "htdemucs_6s": six, "hdemucs_mmi": three}
    return {f"demucs/{name}": separate(model) for name, model in made.items()}


def separate(model: BagOfModels) -> np.ndarray:
    """Like demucs.api.Separator: every seventh sample of half a second."""
    mix = torch.from_numpy(synthetic.song(0.5)).double()
    mean, std = mix.mean(0).mean(), mix.mean(0).std() + 1e-8
    stems = apply_model(model, ((mix - mean) / std)[None], shifts=0, overlap=0.25)[0] * std + mean
    return stems[..., ::7].numpy().astype(np.float32)


def layouts() -> dict[str, torch.Tensor]:
    """A state dict of tensors with unusual layouts in their storages."""
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
    """Write the networks of Open-Unmix; return their tensors and stems."""
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
    stems = separator(torch.from_numpy(synthetic.song(0.5)).double()[None])[0]
    return arrays | {"unmix/stems": stems[..., ::7].numpy().astype(np.float32)}


if __name__ == "__main__":
    main()
