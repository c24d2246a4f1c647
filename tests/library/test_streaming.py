"""Separating songs block by block, in one process and in several, and where planes are stored."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

import py_demixer
from py_demixer import DemucsOptions, OpenUnmixOptions, SongStatistics
from py_demixer.separation import execution, planning, separate, statistics
from py_demixer.separation.planes import InFiles, InMemory
from py_demixer.separation.tasks import MIXTURE, Plane, Range
from tests import synthetic, tiny, unmix
from tests.golden import cases, checks
from tests.plans import plan

RATE = 44100
ROOT = Path(__file__).parents[2]
MODELS = {
    "demucs": (tiny.short(), DemucsOptions(overlap=0.5)),
    "bag, some stems": (tiny.short("htdemucs_ft"), DemucsOptions(stems=("bass", "other"))),
    "v3, shifts": (tiny.short("hdemucs_mmi"), DemucsOptions(shifts=2)),
    "scnet": (tiny.short("scnet"), DemucsOptions(overlap=0.5)),
    "open-unmix": (unmix.model(), OpenUnmixOptions(residual=True)),
}
SECONDS = {"open-unmix": 13.0}
"""Lengths of songs with several segments, or with several LSTM blocks."""


def cut(mixture, length):
    """A mixture in blocks of this length, after an empty block."""
    yield mixture[:, :0]
    for start in range(0, mixture.shape[1], length):
        yield mixture[:, start : start + length]


def joined(parts):
    """The concatenated audio of parts, which must be consecutive."""
    audio, at = [], 0
    for part in parts:
        assert part.start == at
        at += part.audio.shape[2]
        audio.append(part.audio)
    return np.concatenate(audio, axis=2)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [30_000, 12_345_678])
def test_blocks_give_the_same_bits_as_the_whole(name, length):
    model, options = MODELS[name]
    mixture = synthetic.song(SECONDS.get(name, 2.1))
    song = py_demixer.measure(cut(mixture, length), RATE)
    assert song == py_demixer.measure([mixture], RATE)
    whole = py_demixer.separate(mixture, model, options)
    parts = list(py_demixer.separate_blocks(cut(mixture, length), model, options, song=song))
    assert all(part.sources == whole.sources for part in parts)
    assert np.array_equal(joined(parts), whole.audio)


@pytest.mark.parametrize("name", ["demucs", "open-unmix"])
def test_planes_in_files_give_the_same_bits(name, monkeypatch, tmp_path):
    model, options = MODELS[name]
    mixture = synthetic.song(SECONDS.get(name, 2.1))
    whole = py_demixer.separate(mixture, model, options)
    monkeypatch.setattr(separate, "MEMORY_BYTES", 0)
    song, seen = py_demixer.measure([mixture], RATE), []
    parts = []
    for part in py_demixer.separate_blocks([mixture], model, options, song=song, scratch=tmp_path):
        seen += tmp_path.rglob("*.f32")
        parts.append(part)
    assert seen
    assert not list(tmp_path.iterdir())
    assert np.array_equal(joined(parts), whole.audio)


def test_parts_are_returned_before_all_input_is_read():
    model, mixture = tiny.short(), synthetic.song(4.0)
    given = 0

    def blocks():
        nonlocal given
        for block in cut(mixture, RATE // 8):
            given += block.shape[1]
            yield block

    song = py_demixer.measure([mixture], RATE)
    first = next(py_demixer.separate_blocks(blocks(), model, song=song))
    # The first part needs two segments, that is 1.75 s.
    assert given <= 2 * RATE
    assert first.audio.shape[2] == 33075


@pytest.mark.parametrize("name", MODELS)
def test_held_bytes_predicts_the_memory_of_a_stream(name, monkeypatch):
    model, options = MODELS[name]
    length = round(3 * SECONDS.get(name, 2.1) * RATE)
    work = planning.plan(model, SongStatistics(length, 0.0, 1.0), options)
    most = 0

    class Weighed(InMemory):
        def weigh(self):
            nonlocal most
            held = (
                piece.nbytes
                for plane, pieces in self._pieces.items()
                if plane not in work.stems
                for _, piece in pieces
            )
            most = max(most, sum(held))

        def write(self, part, values):
            super().write(part, values)
            self.weigh()

    mixture = np.zeros((2, length), np.float32)
    for _ in execution.execute(work, cut(mixture, 1000), Weighed()):
        pass
    foretold = execution.held_bytes(work)
    # Blocks of the mixture are dropped as a whole; the margins of Open-Unmix windows are not known
    # in advance.
    assert most - 16_000 <= foretold <= most + 16_000 + foretold // 20


def test_memory_of_demucs_does_not_grow_with_the_song():
    held = [execution.held_bytes(plan(checks.tiny_model(), n * 60 * RATE)) for n in (10, 60)]
    assert held[0] == held[1] < separate.MEMORY_BYTES
    assert execution.held_bytes(plan(unmix.model(1024), 600 * RATE)) > separate.MEMORY_BYTES


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([np.zeros((2, 900), np.float32)], "was measured to have 1000 samples, but ends at 900"),
        ([np.zeros((2, 1001), np.float32)], "to have 1000 samples, but goes on at 1001"),
        ([np.zeros((2, 1000), np.float32)] * 2, "to have 1000 samples, but goes on at 2000"),
        ([np.zeros((3, 9), np.float32)], r"must have the shape \(2, samples\) or be mono, and not"),
        ([np.zeros((2, 9, 1), np.float32)], r"must have the shape \(channels, samples\), not"),
    ],
)
def test_blocks_that_do_not_match_the_song_are_refused(blocks, message):
    song = SongStatistics(1000, 0.0, 1.0)
    with pytest.raises(ValueError, match=message):
        list(py_demixer.separate_blocks(blocks, tiny.short(), song=song))


def into_one_buffer(blocks):
    """Like audio libraries, reuse the previous block's memory for each block."""
    buffer = np.empty((2, 30_000), np.float32)
    for block in blocks:
        filled = buffer[:, : block.shape[1]]
        filled[:] = block
        yield filled


@pytest.mark.parametrize("name", MODELS)
def test_buffer_may_be_reused_for_the_next_block(name, monkeypatch):
    model, options = MODELS[name]
    mixture = synthetic.song(SECONDS.get(name, 2.1))
    monkeypatch.setattr(statistics, "MEASURE_BLOCK", 50_000)
    song = py_demixer.measure(into_one_buffer(cut(mixture, 30_000)), RATE)
    assert song == py_demixer.measure([mixture], RATE)
    parts = py_demixer.separate_blocks(
        into_one_buffer(cut(mixture, 30_000)), model, options, song=song
    )
    expected = py_demixer.separate_blocks(cut(mixture, 30_000), model, options, song=song)
    assert np.array_equal(joined(parts), joined(expected))


def test_options_for_another_architecture_are_refused():
    for model, options in (
        (tiny.short(), OpenUnmixOptions()),
        (unmix.model(), DemucsOptions()),
    ):
        with pytest.raises(TypeError, match=r"are not for this model: give it \w+Options"):
            py_demixer.separate(np.zeros((2, 100), np.float32), model, options)


def test_only_networks_with_weight_for_the_stems_are_run(monkeypatch):
    bag = tiny.short("htdemucs_ft")
    work = plan(bag, 20 * RATE, stems=("vocals", "bass"))
    segments = [task for task in work.tasks if task.cost]
    assert {task.member for task in segments} == {1, 3}
    assert work.stems == ("bass", "vocals")
    mixture = synthetic.song(3.0)
    every = py_demixer.separate(mixture, bag)
    some = py_demixer.separate(mixture, bag, DemucsOptions(stems=("bass",)))
    assert np.array_equal(some["bass"], every["bass"])


def test_stems_are_the_same_alone_and_among_all():
    model, mixture = tiny.short("htdemucs_6s"), synthetic.song(1.2)
    every = py_demixer.separate(mixture, model, DemucsOptions(shifts=2))
    options = DemucsOptions(stems=("piano", "drums"), shifts=2)
    some = py_demixer.separate(mixture, model, options)
    assert some.sources == ("drums", "piano")
    assert all(np.array_equal(some[name], every[name]) for name in some)


def test_segments_of_unsupported_length_are_refused():
    with pytest.raises(ValueError, match=r"segments of 7\.8 s at most, not of 9 s"):
        plan(checks.tiny_model(), 10 * RATE, segment=9)
    with pytest.raises(ValueError, match="shorter than one sample"):
        plan(tiny.short(), 10 * RATE, segment=1e-6)
    assert plan(tiny.short("hdemucs_mmi"), 100 * RATE, segment=60).tasks


# ---- planes -------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "files"])
def planes(request, tmp_path):
    about = {"a": Plane(2, 100), "b": Plane(3, 50, origin=1000)}
    return InMemory() if request.param == "memory" else InFiles(tmp_path, about)


def test_planes_return_what_was_written(planes):
    values = cases.random("values", 100, 2)
    for start, stop in ((60, 100), (0, 10), (10, 60)):
        planes.write(Range("a", start, stop - start), values[start:stop])
    other = cases.random("other", 3, 50).T  # not contiguous
    planes.write(Range("b", 1000, 50), other)
    for start, length in ((0, 100), (0, 1), (5, 30), (59, 2), (99, 1)):
        assert np.array_equal(
            planes.read(Range("a", start, length)), values[start : start + length]
        )
    assert np.array_equal(planes.read(Range("b", 1020, 30)), other[20:])


def test_unwritten_or_forgotten_frames_cannot_be_read(planes):
    planes.write(Range("a", 0, 50), np.ones((50, 2), np.float32))
    with pytest.raises(LookupError):
        planes.read(Range("a", 40, 20))
    planes.forget("a", 20)
    assert planes.read(Range("a", 20, 30)).shape == (30, 2)
    planes.forget("a", None)
    with pytest.raises((LookupError, FileNotFoundError)):
        planes.read(Range("a", 20, 30))


# ---- several processes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_number_of_processes_does_not_change_a_bit(name):
    model, options = MODELS[name]
    mixture = synthetic.song(SECONDS.get(name, 2.6))
    song = py_demixer.measure([mixture], RATE)
    results = []
    for count in (1, 3):
        with py_demixer.Workers(model, count) as workers:
            whole = py_demixer.separate(mixture, model, options, workers=workers)
            parts = py_demixer.separate_blocks(
                cut(mixture, 30_000), model, options, song=song, workers=workers
            )
            assert np.array_equal(joined(parts), whole.audio)
        results.append(whole.audio)
    assert np.array_equal(*results)


def test_progress_of_several_processes():
    calls = []
    mixture = synthetic.song(2.6)
    py_demixer.separate(mixture, tiny.short(), workers=2, progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_workers_give_the_same_bits_with_a_single_threaded_blas():
    program = """
import numpy as np, py_demixer
from tests import synthetic, tiny

mixture, model = synthetic.song(1.2), tiny.short()
alone = py_demixer.separate(mixture, model)
print(np.array_equal(alone.audio, py_demixer.separate(mixture, model, workers=2).audio))
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    # With -c and no main guard: scripts need nothing special to use workers.
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.stdout == "True\n", done.stderr


def test_other_numbers_of_threads_differ_only_in_the_last_bits():
    model, mixture = tiny.short(), synthetic.song(1.2)
    with threadpoolctl.threadpool_limits(2):
        alone = py_demixer.separate(mixture, model).audio
    shared = py_demixer.separate(mixture, model, workers=1).audio
    assert np.abs(alone - shared).max() <= 3e-6 * np.abs(alone).max()


def test_workers_can_be_used_again_after_cancelling():
    model, mixture = tiny.short(), synthetic.song(5.2)
    answers = iter([False] * 6)
    with py_demixer.Workers(model, 2) as workers:
        with pytest.raises(py_demixer.Cancelled, match="parts done"):
            py_demixer.separate(mixture, model, workers=workers, cancel=lambda: next(answers, True))
        short = py_demixer.separate(mixture[:, :1000], model, workers=workers)
    assert short.audio.shape == (4, 2, 1000)


@pytest.mark.parametrize("how", ["cancelled", "closed", "failed"])
def test_no_worker_writes_after_the_end(how, monkeypatch):
    """Otherwise they would write into a folder that is being deleted."""
    model, mixture = tiny.short(), synthetic.song(5.2)
    song, submitted = py_demixer.measure([mixture], RATE), []

    def fail(done, total, left):
        if done == 3:
            raise RuntimeError("failed")

    with py_demixer.Workers(model, 2) as workers:
        submit = workers._processes.submit

        def watched(*task):
            submitted.append(submit(*task))
            return submitted[-1]

        monkeypatch.setattr(workers._processes, "submit", watched)
        parts = py_demixer.separate_blocks(
            [mixture],
            model,
            song=song,
            workers=workers,
            cancel=lambda: how == "cancelled" and len(submitted) > 3,
            progress=fail if how == "failed" else None,
        )
        if how == "closed":
            next(parts)
            parts.close()
        else:
            with pytest.raises((py_demixer.Cancelled, RuntimeError), match=how):
                list(parts)
        assert all(future.done() for future in submitted)


def test_killed_process_is_reported():
    model, mixture = tiny.short(), synthetic.song(7.8)
    with py_demixer.Workers(model, 2) as workers:
        killed = []

        def kill(done, total, left):
            if done == 1 and not killed:
                killed.append(next(iter(workers._processes._processes)))
                os.kill(killed[0], signal.SIGKILL)

        with pytest.raises(py_demixer.WorkerError, match="A worker ended in the middle"):
            py_demixer.separate(mixture, model, workers=workers, progress=kill)


def test_workers_share_the_memory_of_the_weights():
    """All processes map the same file; the memory of each one alone is smaller than the weights."""
    model = tiny.model(tiny.RELEASED["htdemucs_6s"])
    with py_demixer.Workers(model, 2) as workers:
        arrays = Path(workers._folder.name) / "arrays"
        assert arrays.stat().st_size > 54e6
        futures = [workers._processes.submit(time.sleep, 0.2) for _ in range(4)]
        for future in futures:
            future.result()
        for process in workers._processes._processes:
            maps = Path(f"/proc/{process}/maps").read_text()
            assert str(arrays) in maps


def test_workers_that_cannot_be_started_are_reported(monkeypatch):
    with pytest.raises(ValueError, match="at least one worker, not 0"):
        py_demixer.separate(np.zeros((2, 10), np.float32), tiny.short(), workers=0)
    monkeypatch.setitem(sys.modules, "loky", None)
    with pytest.raises(
        ImportError, match=r"missing \(.*loky.*\): run pip install 'py-demixer\[cli\]'"
    ):
        py_demixer.Workers(tiny.short(), 2)


def test_mixture_is_a_plane_of_the_plan():
    assert plan(tiny.short(), 100).planes[MIXTURE] == Plane(2, 100)


def test_browser_module_does_not_import_file_support():
    code = "import sys, py_demixer.pyodide.browser; print('py_demixer.audio.files' in sys.modules)"
    command = [sys.executable, "-c", f"{code}; from py_demixer import separate_file"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
