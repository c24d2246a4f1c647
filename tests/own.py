"""Checkpoints of one's own for tests: a small SCNet, its configuration, and a hostile file."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

from tests import tiny

CHECKPOINT = Path(__file__).parent / "golden" / "scnet" / "weights.ckpt"
"""Made by the original, with PyTorch: see tests/golden/make_scnet.py."""

SMALL = tiny.Kind("scnet", {"widths": (4, 4, 8), "layers": 2})
"""The network in golden/scnet: see tests/golden/make_scnet.py."""

SETTINGS = """
audio:
  chunk_size: 44100
model:
  sources: [drums, bass, other, vocals]
  dims: [4, 4, 8]
  nfft: 4096
  hop_size: 1024
  win_size: 4096
  normalized: True
  band_SR: [0.175, 0.392, 0.433]
  band_stride: [1, 4, 16]
  num_dplayer: 2
"""
TRAINING = """
training:
  instruments: [drums, bass, other, vocals]
augmentations:
  mixup_probs:
    !!python/tuple
    - 0.2
    - 0.02
"""


class Hostile:
    def __reduce__(self):
        return print, ("This must not be executed.",)


def hostile() -> bytes:
    """The checkpoint with another pickle, which would print a line if it were executed."""
    content = io.BytesIO()
    with zipfile.ZipFile(CHECKPOINT) as archive, zipfile.ZipFile(content, "w") as made:
        for name in archive.namelist():
            data = pickle.dumps(Hostile()) if name.endswith("data.pkl") else archive.read(name)
            made.writestr(name, data)
    return content.getvalue()
