"""Whole songs with the package itself: in several processes, in batches, and as long streams.

When run as a script, in a separate process, this prints one JSON object:

    python -m tests.bench.library MODEL WEIGHTS SONG
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import py_demixer
from py_demixer.audio.collection import Job
from py_demixer.audio.files import Output
from py_demixer.batch import run
from py_demixer.batch.run import LocalExecutor, Recipe
from tests import synthetic, tiny, unmix
from tests.bench import memory
from tests.bench.rows import Row, row
from tests.bench.songs import HOUR_SECONDS, SCALED_SECONDS, write_song
from tools.environment import ROOT

TEN_MINUTES_SECONDS = 600

_ROUNDS = 2


def measure_workers(weights: Path) -> tuple[list[Row], dict[str, str]]:
    """Time one song with one process and with one per core, alternately.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows with a ``speed_up``; ``peak_bytes`` is that of the largest process. No versions.
    """
    model = py_demixer.load_model("htdemucs", weights)
    mixture = synthetic.song(SCALED_SECONDS)
    seconds: dict[int, list[float]] = {count: [] for count in _counts()}
    peaks: dict[int, int] = {}
    for _ in range(_ROUNDS):
        for count in seconds:
            with memory.children() as watched, py_demixer.Workers(model, count) as workers:
                # Make sure that all processes have started.
                py_demixer.separate(synthetic.song(1.0), model, workers=workers)
                begun = time.perf_counter()
                py_demixer.separate(mixture, model, workers=workers)
                seconds[count].append(time.perf_counter() - begun)
            peaks[count] = max(peaks.get(count, 0), watched.peak_bytes)
    return _scaled(f"separate/song of {SCALED_SECONDS} s", model, seconds, peaks), {}


def measure_batch(weights: Path) -> tuple[list[Row], dict[str, str]]:
    """Time as many songs as there are cores, one after the other and all at once.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows with a ``speed_up``; ``peak_bytes`` is that of the largest process. No versions.
    """
    model = py_demixer.load_model("htdemucs", weights)
    recipe = Recipe("htdemucs", "", model.backend.name, py_demixer.DemucsOptions(), Output())
    seconds: dict[int, list[float]] = {}
    peaks: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as name:
        song = write_song(Path(name) / "song.wav", SCALED_SECONDS)
        for count in _counts():
            places = [Path(name) / f"{count}-{number}" for number in range(max(_counts()))]
            jobs = [Job(song, place.name, place) for place in places]
            begun = time.perf_counter()
            with memory.children() as watched:
                for outcome in run.run(jobs, recipe, LocalExecutor(count, weights)):
                    assert outcome.error is None, outcome.error
            seconds[count] = [time.perf_counter() - begun]
            peaks[count] = watched.peak_bytes
    what = f"batch/{max(_counts())} songs of {SCALED_SECONDS} s"
    return _scaled(what, model, seconds, peaks), {}


def measure_streams() -> tuple[list[Row], dict[str, str]]:
    """Measure ten minutes and an hour from file to files, with tiny models: memory stays constant.

    Returns
    -------
    tuple[list[Row], dict[str, str]]
        Rows with ``peak_bytes``, each of a separate process. No versions.
    """
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = {
            "htdemucs": tiny.write(folder / "htdemucs.safetensors"),
            "umxl": unmix.write(folder / "umxl.safetensors"),
        }
        for length in (TEN_MINUTES_SECONDS, HOUR_SECONDS):
            song = write_song(folder / f"{length}.wav", length)
            for model, weights in kinds.items():
                rows.append(_stream(model, weights, song, length))
    return rows, {}


def _stream(model: str, weights: Path, song: Path, length: int) -> Row:
    command = [sys.executable, "-m", "tests.bench.library", model, weights, song]
    words = [str(word) for word in command]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(words, cwd=ROOT, env=one_thread, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(result.stdout)
    what = f"tiny {model}/file of {length} s"
    measured = ([found["seconds"]], found["peak_bytes"])
    return row(what, "native", "py-demixer", found["backend"], *measured)


def _separate(name: str, weights: Path, song: Path) -> None:
    model = py_demixer.load_model(name, weights)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=song.parent) as out:
        py_demixer.separate_file(song, out, model)
    found = {"seconds": time.perf_counter() - begun, "peak_bytes": memory.peak_bytes()}
    print(json.dumps(found | {"backend": model.backend.name}))


def _counts() -> list[int]:
    return sorted({1, os.cpu_count() or 1})


def _scaled(
    what: str,
    model: py_demixer.models.Model,
    found: dict[int, list[float]],
    peaks: dict[int, int],
) -> list[Row]:
    one = statistics.median(found[1])
    backend = model.backend.name
    return [
        row(what, "native", "py-demixer", backend, seconds, peaks[count], workers=count)
        | {"speed_up": round(one / statistics.median(seconds), 3)}
        for count, seconds in found.items()
    ]


if __name__ == "__main__":
    _separate(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
