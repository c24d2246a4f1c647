"""Measuring, planning and assembling songs; the networks are tested elsewhere."""

import numpy as np
import pytest

import py_demixer
from py_demixer import DemucsOptions, backends
from py_demixer.separation import execution, planning, segments, statistics
from py_demixer.separation.segments import Block, Segment
from py_demixer.separation.tasks import MIXTURE, SongStatistics
from tests import synthetic, tiny
from tests.golden import cases, checks
from tests.plans import Watched, any_order, run_in_order, separate

SEGMENT, RATE = 343980, 44100


class Echo:
    """A model whose stems are its input, and twice its input."""

    architecture = "htdemucs"
    sources = ("same", "double")
    sample_rate = RATE
    channels = 2
    pads_segments = True
    normalises = True
    backend = backends.find("numpy")

    def __init__(self, segment_length=SEGMENT):
        self.segment_length = segment_length

    def __call__(self, mixture):
        assert mixture.shape == (2, self.segment_length)
        return np.stack([mixture, 2 * mixture])


@pytest.mark.parametrize("length", [1, 2, 999, 1000, 1001, 5000])
@pytest.mark.parametrize(
    "options",
    [{}, {"overlap": 0.0}, {"overlap": 0.9}, {"shifts": 3, "seed": 1}, {"transition_power": 3.0}],
)
def test_segments_add_up_to_the_song(length, options):
    mixture = cases.random("mixture", 2, length)
    stems = separate(mixture, Echo(1000), **options)
    assert stems.audio.shape == (2, 2, length)
    assert np.allclose(stems["same"], mixture, atol=2e-6)
    deviation = stems["double"] - 2 * mixture
    assert np.allclose(deviation, deviation.mean(), atol=5e-6)  # the mean is added once, not twice


DEFAULT = DemucsOptions()


def plan(length, options=DEFAULT, segment_length=SEGMENT):
    return planning.plan(Echo(segment_length), SongStatistics(length, 0.0, 1.0), options)


def segments_of(work):
    return [task for task in work.tasks if isinstance(task, Segment)]


def test_plan_of_a_twenty_second_song():
    segments = segments_of(plan(20 * RATE))
    written = [segment.writes[0] for segment in segments]
    assert [part.start for part in written] == [0, 257985, 515970, 773955]
    assert [part.length for part in written] == [SEGMENT, SEGMENT, SEGMENT, 108045]
    last = segments[-1]  # a short segment has real audio before it and zeros after it
    (read,) = last.reads
    assert last.pad_left == 0
    assert read.start == written[-1].start - last.trim
    assert last.pad_left + read.length + last.pad_right == SEGMENT
    assert last.pad_right == SEGMENT - last.trim - written[-1].length


OPTIONS = [
    DemucsOptions(),
    DemucsOptions(overlap=0.9, shifts=4, seed=3),
    DemucsOptions(overlap=0.0, shifts=1),
    DemucsOptions(overlap=0.75, shifts=2),
]
OVERLAPS = [DemucsOptions(), DemucsOptions(overlap=0.75), DemucsOptions(shifts=2)]
LENGTHS = [1, 5000, SEGMENT, SEGMENT + 1, 10**6]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("length", LENGTHS)
def test_segments_cover_the_song_in_order(options, length):
    segments = segments_of(plan(length, options))
    written = [segment.writes[0] for segment in segments]
    assert [part.start for part in written] == sorted(part.start for part in written)
    for shift in {segment.shift for segment in segments}:
        reached = 0
        for segment in (one for one in segments if one.shift == shift):
            (read,), (write,) = segment.reads, segment.writes
            assert 0 <= write.start <= reached
            assert write.length > 0
            assert read.start >= 0
            assert read.stop <= length
            reached = max(reached, write.stop)
        assert reached == length


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("length", LENGTHS)
def test_plan_satisfies_the_invariants(options, length):
    work = plan(length, options)
    writers = {}
    for index, task in enumerate(work.tasks):
        assert all(before < index for before in task.after)
        for part in (*task.reads, *task.writes):
            plane = work.planes[part.plane]
            assert plane.origin <= part.start < part.stop <= plane.origin + plane.frames
        needed = {writers[part.plane] for part in task.reads if part.plane != MIXTURE}
        assert needed == set(task.after)
        for part in task.writes:
            if work.planes[part.plane].temporary:
                assert writers.setdefault(part.plane, index) == index
    assert set(work.planes) - set(writers) == {MIXTURE, *Echo.sources}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("length", LENGTHS)
def test_blocks_follow_their_last_contributor_and_make_up_the_song(options, length):
    work, reached = plan(length, options), 0
    for index, task in enumerate(work.tasks):
        if isinstance(task, Block):
            assert max(task.after) == index - 1
            assert [part.plane for part in task.writes] == list(Echo.sources)
            assert {(part.start, part.length) for part in task.writes} == {
                (reached, task.writes[0].length)
            }
            reached = task.writes[0].stop
    assert reached == length


def test_window_is_a_triangle():
    window = segments.triangular_window(8)
    assert np.array_equal(window, np.float32([1, 2, 3, 4, 4, 3, 2, 1]) / 4)


@pytest.mark.parametrize("options", OVERLAPS)
def test_any_order_gives_the_same_bits(options):
    model, mixture = Echo(1000), cases.random("mixture", 5000, 2)
    work = planning.plan(model, statistics.measure([mixture.T], RATE), options)
    expected = run_in_order(work, mixture, range(len(work.tasks)))
    rng = np.random.default_rng(0)
    for _ in range(3):
        stems = run_in_order(work, mixture, any_order(work, rng))
        assert all(np.array_equal(stems[name], expected[name]) for name in model.sources)


@pytest.mark.parametrize("options", OVERLAPS)
def test_temporary_planes_are_dropped_as_soon_as_possible(options):
    alive, mixture = [], cases.random("mixture", 2, 20_000)
    work, kept = plan(20_000, options, 1000), Watched()

    def count(*_):
        alive.append(sum(work.planes[name].temporary for name in kept.alive))

    assert list(execution.execute(work, [mixture], kept, count))[-1][1] == 20_000
    at_once = max(1, options.shifts) / (1 - options.overlap)
    assert max(alive) <= at_once + 1
    assert kept.alive == set(Echo.sources)


def test_same_input_same_bits():
    mixture, model = synthetic.song(1.2), tiny.short()
    first, second = (py_demixer.separate(mixture, model).audio for _ in range(2))
    assert np.array_equal(first, second)


def test_seed_decides_the_shifts():
    first, same, other = (plan(10**6, DemucsOptions(shifts=2, seed=s)) for s in (1, 1, 2))
    assert first.tasks == same.tasks
    assert first.tasks != other.tasks


def test_statistics_are_the_mean_and_unbiased_std_of_the_mono_mix():
    mixture = (0.1 * cases.random("m", 2, statistics.MEASURE_BLOCK + 777) + 3).astype(np.float32)
    song = statistics.measure([mixture], RATE)
    mono = mixture.astype(np.float64).mean(axis=0)
    assert song.length == mixture.shape[1]
    assert song.mean == pytest.approx(mono.mean(), rel=1e-7)
    assert song.std == pytest.approx(mono.std(ddof=1) + 1e-8, rel=1e-5)
    interleaved = np.ascontiguousarray(mixture.T).T
    assert statistics.measure([interleaved], RATE) == song


def test_silence_is_separated_into_silence():
    stems = py_demixer.separate(np.zeros((2, 3 * RATE), np.float32), checks.tiny_model())
    assert np.abs(stems.audio).max() < 1e-6


def test_std_of_silence_is_not_zero():
    assert statistics.measure([np.zeros((2, 1), np.float32)], RATE) == SongStatistics(1, 0.0, 1e-8)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_with_their_time(bad):
    mixture = np.zeros((2, statistics.MEASURE_BLOCK + RATE), np.float32)
    mixture[1, statistics.MEASURE_BLOCK + 100] = bad
    time = (statistics.MEASURE_BLOCK + 100) / RATE
    with pytest.raises(ValueError, match=f"not a finite number at {time:.3f} s"):
        statistics.measure([mixture], RATE)


def test_empty_mixture_is_refused():
    with pytest.raises(ValueError, match="The audio is empty"):
        py_demixer.separate(np.zeros((2, 0), np.float32), Echo())


@pytest.mark.parametrize("shape", [(3, 5), (5, 2)])
def test_other_shapes_are_refused(shape):
    message = rf"must have the shape \(2, samples\) or be mono, and not \({shape[0]}, {shape[1]}\)"
    with pytest.raises(ValueError, match=message):
        py_demixer.separate(np.zeros(shape, np.float32), Echo())


@pytest.mark.parametrize("shape", [(2500,), (1, 2500)])
def test_mono_is_used_for_both_channels(shape):
    mono = cases.random("mono", 2500)
    expected = py_demixer.separate(np.stack([mono, mono]), Echo(1000))
    found = py_demixer.separate(mono.reshape(shape), Echo(1000))
    assert np.array_equal(found.audio, expected.audio)
    assert py_demixer.measure([mono], RATE) == py_demixer.measure([np.stack([mono, mono])], RATE)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.int64, bool, np.complex64])
def test_samples_that_are_not_floats_are_refused(dtype):
    """Their full scale is not 1, so their stems would be wrong by that factor."""
    samples = np.ones((2, 5), dtype)
    message = f"must be floats with full scale at 1, not {np.dtype(dtype)}"
    song = SongStatistics(5, 0.0, 1.0)
    for use in (
        lambda: py_demixer.separate(samples, Echo(1000)),
        lambda: py_demixer.measure([samples], RATE),
        lambda: list(py_demixer.separate_blocks([samples], Echo(1000), song=song)),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_float64_samples_are_accepted():
    mixture = cases.random("mixture", 2, 2500)
    expected = py_demixer.separate(mixture, Echo(1000))
    found = py_demixer.separate(mixture.astype(np.float64), Echo(1000))
    assert np.array_equal(found.audio, expected.audio)


def test_bad_sample_is_found_with_statistics_measured_elsewhere():
    mixture, song = cases.random("mixture", 2, 2500), SongStatistics(2500, 0.0, 1.0)
    mixture[1, 1700] = np.inf
    blocks = py_demixer.separate_blocks(np.split(mixture, [1000], 1), Echo(1000), song=song)
    with pytest.raises(ValueError, match=rf"not a finite number at {1700 / RATE:.3f} s"):
        list(blocks)


def test_wrong_sample_rate_is_refused_if_given():
    mixture, song = cases.random("mixture", 2, 2500), SongStatistics(2500, 0.0, 1.0)
    assert py_demixer.separate(mixture, Echo(1000), sample_rate=RATE).audio.shape == (2, 2, 2500)
    message = "has 48000 samples a second, and the model takes 44100"
    with pytest.raises(ValueError, match=message):
        py_demixer.separate(mixture, Echo(1000), sample_rate=48000)
    blocks = py_demixer.separate_blocks([mixture], Echo(1000), song=song, sample_rate=48000)
    with pytest.raises(ValueError, match=message):
        next(blocks)


@pytest.mark.parametrize("options", [py_demixer.DemucsOptions, py_demixer.OpenUnmixOptions])
def test_stems_may_be_a_single_name(options):
    assert options(stems="vocals") == options(stems=("vocals",))


@pytest.mark.parametrize(("length", "most"), [(SEGMENT, 7.2), (1000, 14.0), (2, 100.0)])
def test_largest_transition_power_keeps_every_sample(length, most):
    window = segments.triangular_window(length, most)
    assert window.min() >= np.finfo(np.float32).smallest_normal
    stems = separate(cases.random("mixture", 2, 1700), Echo(length), transition_power=most)
    assert np.isfinite(stems.audio).all()


@pytest.mark.parametrize(("length", "power"), [(SEGMENT, 9), (SEGMENT, 7.3), (1000, 15)])
def test_too_large_transition_power_is_refused(length, power):
    with pytest.raises(ValueError, match=r"leaves nothing of the ends .* choose one of at most"):
        separate(np.zeros((2, 5), np.float32), Echo(length), transition_power=power)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 1.0}, "at least 0 and below 1, not 1.0"),
        ({"overlap": -0.1}, "at least 0 and below 1"),
        ({"overlap": 0.9999999}, "leaves no step"),
        ({"shifts": -1}, "must not be negative"),
        ({"transition_power": 0.5}, "must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        separate(np.zeros((2, 5), np.float32), Echo(), **options)


def test_progress_reports_done_total_and_time_left():
    calls = []
    mixture = cases.random("mixture", 2, 2500)
    py_demixer.separate(mixture, Echo(1000), progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert np.isnan(calls[0][2])
    assert all(call[2] > 0 for call in calls[1:-1])
    assert calls[-1][2] == 0


def test_cancel_stops_before_the_next_segment():
    answers = iter([False, False, True])
    with pytest.raises(py_demixer.Cancelled, match="with 2 of 4 parts done"):
        py_demixer.separate(
            cases.random("mixture", 2, 2500), Echo(1000), cancel=lambda: next(answers)
        )


@pytest.mark.parametrize("channels", range(1, 9))
def test_downmix_keeps_left_and_right_apart(channels):
    matrix = statistics.downmix_matrix(channels)
    assert matrix.shape == (2, channels)
    if channels > 1:
        assert matrix[0, 1] == matrix[1, 0] == 0
        assert matrix[0].sum() == pytest.approx(matrix[1].sum())


H, N = 0.5**0.5, 0.0
GAINS = {
    1: [[1], [1]],
    2: [[1, N], [N, 1]],
    3: [[1, N, H], [N, 1, H]],
    4: [[0.5, N, 0.5, N], [N, 0.5, N, 0.5]],
    5: [[1, N, H, H, N], [N, 1, H, N, H]],
    6: [[1, N, H, N, H, N], [N, 1, H, N, N, H]],
    7: [[1, N, H, N, 0.5, H, N], [N, 1, H, N, 0.5, N, H]],
    8: [[1, N, H, N, H, N, H, N], [N, 1, H, N, N, H, N, H]],
}


@pytest.mark.parametrize("channels", GAINS)
def test_gains_of_every_channel(channels):
    """Left, right, centre, low, back, sides, in WAV order; as in W3C Web Audio if defined there."""
    assert np.array_equal(statistics.downmix_matrix(channels), np.float32(GAINS[channels]))


@pytest.mark.parametrize("channels", [0, 9])
def test_downmix_of_other_channel_counts_is_refused(channels):
    with pytest.raises(ValueError, match=f"has {channels} channels; between 1 and 8"):
        statistics.downmix_matrix(channels)


def test_stems_are_a_mapping():
    stems = py_demixer.Stems(("a", "b"), np.arange(12.0).reshape(2, 2, 3), RATE)
    assert list(stems) == ["a", "b"]
    assert len(stems) == 2
    assert "a" in stems
    assert "c" not in stems
    assert stems.get("c") is None
    assert [(name, stem[0, 0]) for name, stem in stems.items()] == [("a", 0), ("b", 6)]
    assert stems["b"].shape == (2, 3)
    assert stems == stems
    assert len({stems, stems}) == 1
    with pytest.raises(KeyError, match="no stem 'c', only a, b"):
        stems["c"]
