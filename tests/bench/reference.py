"""Compare whole songs with the stems that another implementation made of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import py_demixer
from py_demixer.audio import decode
from py_demixer.evaluation.metrics import snr
from tests.bench.memory import peak_bytes
from tests.bench.rows import Row, row
from tools.environment import CannotGoOn

Case = tuple[Path, Path]


def measure(weights: Path, folder: Path | None) -> tuple[list[Row], dict[str, str]]:
    """Separate every song that has reference stems in `folder`, and compare.

    Parameters
    ----------
    weights
        The released model's file.
    folder
        Has, anywhere below it, SONG.MODEL.ORIGIN.npz files (`stems` (S, 2, T) float32 and
        `sources`, as separated by ORIGIN), and for each a SONG/mixture.wav. None: nothing.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        One row per song, and no versions.

    Raises
    ------
    CannotGoOn
        There is no such pair in the folder.
    """
    if folder is None:
        return [], {}
    cases = list(_cases(folder))
    if not cases:
        raise CannotGoOn(
            f"{folder} has no reference: it needs a SONG.htdemucs.ORIGIN.npz and a "
            "SONG/mixture.wav, anywhere below it."
        )
    return [_compare(stems, mixture, weights) for stems, mixture in cases], {}


def _cases(folder: Path) -> Iterator[Case]:
    for stems in sorted(folder.rglob("*.htdemucs.*.npz")):
        song = stems.name.split(".")[0]
        for mixture in folder.rglob(f"{song}/mixture.wav"):
            yield stems, mixture


def _compare(stems: Path, mixture: Path, weights: Path) -> Row:
    song, _, origin, _ = stems.name.split(".")
    model = py_demixer.load_model("htdemucs", weights=weights)
    mix = decode.load(mixture, model.sample_rate, lambda line: print(line, file=sys.stderr))
    start = time.perf_counter()
    ours = py_demixer.separate(mix, model)
    seconds = time.perf_counter() - start
    reference = np.load(stems)
    wanted = dict(zip(reference["sources"].tolist(), reference["stems"], strict=True))
    measured = row(
        f"htdemucs/song {song} against {origin}",
        "native",
        "py-demixer",
        model.backend.name,
        [seconds],
        peak_bytes(),
        threads=os.cpu_count() or 1,
    )
    return {
        **measured,
        "snr_db": {name: round(snr(ours[name], wanted[name]), 1) for name in wanted},
    }
