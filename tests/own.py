"""Checkpoints of one's own for tests: small networks, their configurations, and a hostile file."""

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

TOKENS = tiny.ROFORMER | {"n_fft": 128, "depth": 1, "segment_length": tiny.SECOND}
ROFORMERS = {
    "bs": tiny.Kind(
        "roformer",
        TOKENS
        | {
            "sources": ("left", "right"),
            "remainder": False,
            "sizes": (9, 24, 32),
            "hop": 32,
            "skips": True,
            "mask_depth": 1,
        },
    ),
    "mel": tiny.Kind("roformer", TOKENS | {"mel_bands": 4, "hop": 50}),
}
"""The networks in golden/roformer: see tests/golden/make_roformer.py."""

ROFORMER_CHECKPOINT = CHECKPOINT.parents[1] / "roformer" / "mel.ckpt"

ROFORMER_SETTINGS = {
    "bs": """
audio: {chunk_size: 99, sample_rate: 44100, hop_length: 441, num_channels: 2}
model:
  dim: 16
  depth: 1
  stereo: true
  num_stems: 2
  time_transformer_depth: 1
  freq_transformer_depth: 1
  linear_transformer_depth: 0
  freqs_per_bands: !!python/tuple [9, 24, 32]
  dim_head: 8
  heads: 2
  attn_dropout: 0.1
  flash_attn: true
  stft_n_fft: 128
  stft_hop_length: 32
  stft_win_length: 128
  stft_normalized: false
  mask_estimator_depth: 2
  multi_stft_resolutions_window_sizes: !!python/tuple
  - 4096
  - 2048
  mlp_expansion_factor: 2
  skip_connection: true
training: {instruments: [left, right], target_instrument: null}
inference: {chunk_size: 44100, num_overlap: 4}
""",
    "mel": """
audio: {chunk_size: 44100, sample_rate: 44100}
model:
  dim: 16
  depth: 1
  stereo: true
  num_stems: 1
  num_bands: 4
  dim_head: 8
  heads: 2
  sample_rate: 44100
  stft_n_fft: 128
  stft_hop_length: 50
  stft_win_length: 128
  match_input_audio_length: true
training: {instruments: [vocals, other], target_instrument: vocals}
""",
}


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
