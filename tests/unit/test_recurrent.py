"""Open-Unmix's plans: the invariants of plans, blocks, stems, and edge cases of songs."""

import numpy as np
import pytest

import py_demixer
from py_demixer.evaluation.metrics import snr
from py_demixer.models.openunmix import Config, OpenUnmix
from py_demixer.ops import stft
from py_demixer.separation import execution, recurrent
from py_demixer.separation.tasks import MIXTURE
from tests import plans, synthetic, unmix
from tests.golden import cases, checks
from tests.plans import Watched, any_order, run_in_order, separate

RATE, HOP, N_FFT = 44100, 1024, 4096
MODEL = unmix.model()


def plan(length, **options):
    return plans.plan(MODEL, length, **options)


LENGTHS = [1, 2, 1023, 1024, 2500, 7 * RATE, 300 * HOP - 1, 300 * HOP, 301 * HOP, 302 * HOP + 5]
OPTIONS = [{}, {"block": 43}, {"residual": True, "block": 300}, {"stems": ["bass"], "block": 7}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("length", LENGTHS)
def test_plan_satisfies_the_invariants(length, options):
    work = plan(length, **options)
    written = {name: np.zeros(plane.frames, np.int64) for name, plane in work.planes.items()}
    writers = {name: [] for name in work.planes}
    for index, task in enumerate(work.tasks):
        assert all(before < index for before in task.after)
        needed = set()
        for part in (*task.reads, *task.writes):
            plane = work.planes[part.plane]
            assert plane.origin <= part.start < part.stop <= plane.origin + plane.frames
        for part in task.reads:
            if part.plane == MIXTURE:
                continue
            origin = work.planes[part.plane].origin
            assert written[part.plane][part.start - origin : part.stop - origin].all()
            needed |= {
                i
                for i, other in writers[part.plane]
                if other.start < part.stop and part.start < other.stop
            }
        assert needed == set(task.after)
        for part in task.writes:
            origin = work.planes[part.plane].origin
            written[part.plane][part.start - origin : part.stop - origin] += 1
            writers[part.plane].append((index, part))
    assert not written.pop(MIXTURE).any()
    assert all((count == 1).all() for count in written.values())
    read = {part.plane for task in work.tasks for part in task.reads}
    assert set(work.planes) - read == set(work.stems)


def test_reads_and_writes_of_a_task_do_not_grow_with_the_song():
    def largest(minutes):
        work = plan(minutes * 60 * RATE)
        return max(
            sum(part.length * work.planes[part.plane].width for part in parts)
            for task in work.tasks
            for parts in (task.reads, task.writes)
        )

    assert largest(30) == largest(4)


def test_lstm_chains_depend_only_on_what_they_need():
    work = plan(60 * RATE)
    firsts = [
        task for task in work.tasks if isinstance(task, recurrent.LstmPass) and not task.carried[0]
    ]
    assert len(firsts) == 4 * 3 * 2
    for task in firsts:
        before = [work.tasks[index] for index in task.after]
        assert {type(other) for other in before} == {
            recurrent.LstmPass if task.layer else recurrent.Encode
        }
        assert all(other.source == task.source for other in before)


@pytest.mark.parametrize("block", [43, 431])
def test_block_size_does_not_matter(block):
    mixture = synthetic.song(12.0)
    whole = separate(mixture, MODEL, block=10**6).audio
    parts = separate(mixture, MODEL, block=block).audio
    assert np.abs(parts - whole).max() <= 1e-6 * np.abs(whole).max()


def test_any_order_gives_the_same_bits():
    mixture = np.ascontiguousarray(synthetic.song(8.0).T)
    work = plan(len(mixture), block=100)
    expected = run_in_order(work, mixture, range(len(work.tasks)))
    rng = np.random.default_rng(0)
    stems = run_in_order(work, mixture, any_order(work, rng))
    assert all(np.array_equal(stems[name], expected[name]) for name in work.stems)


def test_temporary_planes_are_dropped():
    mixture = synthetic.song(8.0)
    work = plan(mixture.shape[1], stems=["drums", "bass"], block=100)
    kept, alive = Watched(), []
    found = execution.execute(work, [mixture], kept, lambda *_: alive.append(set(kept.alive)))
    assert list(found)[-1][1] == mixture.shape[1]
    assert kept.alive == {"drums", "bass"}
    # Only the merged frames are left of the other source's network.
    second = next(names for names in alive if "encoded bass" in names)
    assert {name for name in second if name.endswith("drums")} == {"merged drums"}


def test_stems_are_in_model_order_and_independent_of_each_other():
    mixture = synthetic.song(1.0)
    some = separate(mixture, MODEL, stems=["vocals", "bass"], niter=0)
    assert some.sources == ("bass", "vocals")
    every = separate(mixture, MODEL, niter=0)
    for name in some.sources:
        assert np.array_equal(some[name], every[name])


def test_one_stem_is_not_refined():
    mixture = synthetic.song(1.0)
    refined = separate(mixture, MODEL, stems=["vocals"], niter=2)
    assert np.array_equal(refined.audio, separate(mixture, MODEL, stems=["vocals"], niter=0).audio)


@pytest.mark.parametrize("niter", [0, 1, 2])
def test_stems_and_residual_add_up_to_the_mixture(niter):
    mixture = synthetic.song(7.5)
    stems = separate(mixture, MODEL, stems=["drums"], residual=True, niter=niter)
    assert stems.sources == ("drums", "residual")
    assert snr(stems.audio.sum(axis=0), mixture) >= (
        120 if niter == 0 else 40
    )  # EM leaves noise out


@pytest.mark.parametrize("options", [{}, {"residual": True, "niter": 0}, {"residual": True}])
def test_silence_is_separated_into_silence(options):
    stems = separate(np.zeros((2, RATE), np.float32), MODEL, **options)
    assert np.array_equal(stems.audio, np.zeros_like(stems.audio))


def test_silence_before_and_within_a_song():
    mixture = synthetic.song(3.0).copy()
    mixture[:, : RATE // 2] = 0
    mixture[:, RATE : 2 * RATE] = 0
    stems = separate(mixture, MODEL, residual=True)
    assert np.isfinite(stems.audio).all()
    assert np.abs(stems.audio[..., RATE + N_FFT : 2 * RATE - N_FFT]).max() < 1e-6


def test_identical_channels():
    mixture = np.tile(synthetic.song(2.0)[:1], (2, 1))
    stems = separate(mixture, MODEL, residual=True)
    assert np.isfinite(stems.audio).all()
    assert snr(stems.audio.sum(axis=0), mixture) > 40


@pytest.mark.parametrize("length", [1, 2, 100, 1023, 1024, 1025, 2049, 4410])
def test_short_songs_keep_their_length(length):
    mixture = synthetic.song(0.2)[:, :length]
    stems = separate(mixture, MODEL)
    assert stems.audio.shape == (4, 2, length)
    assert np.isfinite(stems.audio).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stems": ["guitar"]}, "no stem 'guitar': choose from drums, bass, other, vocals"),
        ({"niter": -1}, "must not be negative, it is -1"),
        ({"block": 0}, "at least one frame, not 0"),
        ({"overlap": 0.5}, "no option 'overlap', only stems, residual"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        separate(cases.random("m", 2, 100), MODEL, **options)


def test_empty_song_is_refused():
    with pytest.raises(ValueError, match="empty"):
        separate(np.zeros((2, 0), np.float32), MODEL)


def test_cancel_stops_before_the_next_task():
    answers = iter([False, False, True])
    with pytest.raises(py_demixer.Cancelled):
        py_demixer.separate(cases.random("m", 2, 5000), MODEL, cancel=lambda: next(answers))


@pytest.mark.parametrize("length", [1, 3, 2047, 2049, 5000, 50 * HOP, 50 * HOP + 1])
@pytest.mark.parametrize("step", [1, 3, 40])
def test_frames_do_not_depend_on_the_block_size(length, step):
    x = cases.random("x", 2, length)
    transform = stft.Centred(length, N_FFT)
    padded = np.pad(x, ((0, 0), (N_FFT // 2, N_FFT // 2)), mode="reflect")
    window = stft.hann(N_FFT)
    for first in range(0, transform.frames, step):
        count = min(step, transform.frames - first)
        start, stop = transform.reach(first, count)
        assert 0 <= start < stop <= length
        assert stop - start <= (count + 5) * HOP + 1
        frames = transform.analyse(x[:, start:stop], first, count)
        for t in range(first, first + count):
            seen = padded[:, t * HOP : t * HOP + N_FFT] * window
            assert np.allclose(frames[:, :, t - first], np.fft.rfft(seen), atol=1e-3)


def test_released_models_have_the_published_numbers_of_parameters():
    for hidden, count in ((cases.UMXHQ, 8_893_000), (cases.UMXL, 28_300_000)):
        shapes = OpenUnmix.shapes(Config(hidden=hidden))
        assert len(shapes) == 4 * (7 + 12 + 24)
        assert sum(np.prod(shape) for shape in shapes.values()) == pytest.approx(
            4 * count, rel=0.01
        )


def test_weights_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"has the shape \(.*\) instead of \(.*\)"):
        OpenUnmix(unmix.tensors(Config(**unmix.TINY)))


def test_8_bit_matrices_are_widened_row_by_row():
    tensors = dict(unmix.tensors(Config(**unmix.TINY)))
    name = "drums.fc2.weight"
    rows = tensors[name]
    scale = (rows.max(axis=1) - rows.min(axis=1)) / 255
    offset = rows.min(axis=1)
    tensors[name] = np.round((rows - offset[:, None]) / scale[:, None]).astype(np.uint8)
    tensors[f"{name}.scale"], tensors[f"{name}.offset"] = scale, offset
    model = OpenUnmix(tensors, Config(**unmix.TINY))
    x = cases.random("x", 32, 50)
    ours, exact = model.merge("drums", x), MODEL.merge("drums", x)
    assert 40 < snr(ours, exact) < 70


def test_trace_names_every_step():
    with checks.captured() as steps:
        separate(synthetic.song(1.0), MODEL)
    assert [name for name in steps if name.startswith("bass")] == [
        "bass.fc1",
        *(f"bass.lstm.l{layer}{end}" for layer in range(3) for end in ("", "_reverse")),
        "bass.fc2",
        "bass.mask",
    ]
