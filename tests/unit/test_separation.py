"""Measuring, planning and assembling songs; what the network does is tested elsewhere."""

import numpy as np
import pytest

import py_demixer
from py_demixer import separation
from py_demixer.separation import Assembler, Meter, Options, plan, run_task
from tests import synthetic
from tests.golden import cases, checks

SEGMENT, RATE = 343980, 44100


class Echo:
    """A model whose every stem is its input, or that times a number."""

    sources = ("same", "double")
    sample_rate = RATE
    channels = 2

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
    stems = py_demixer.separate(mixture, Echo(1000), **options)
    assert stems.audio.shape == (2, 2, length)
    assert np.allclose(stems["same"], mixture, atol=2e-6)
    deviation = stems["double"] - 2 * mixture
    assert np.allclose(deviation, deviation.mean(), atol=5e-6)  # the mean is added once, not twice


def test_plan_of_a_twenty_second_song():
    tasks = plan(20 * RATE, SEGMENT, RATE, Options()).tasks
    assert [task.out_start for task in tasks] == [0, 257985, 515970, 773955]
    assert [task.out_length for task in tasks] == [SEGMENT, SEGMENT, SEGMENT, 108045]
    last = tasks[-1]  # a short segment has real audio before it and zeros behind it
    assert last.pad_left == 0
    assert last.input_start == last.out_start - last.trim
    assert last.pad_left + last.input_length + last.pad_right == SEGMENT
    assert last.pad_right == SEGMENT - last.trim - last.out_length


@pytest.mark.parametrize("options", [Options(), Options(0.9, 4, 3), Options(0.0, 1)])
@pytest.mark.parametrize("length", [1, 5000, SEGMENT, SEGMENT + 1, 10**6])
def test_plan_covers_the_song_in_order(options, length):
    tasks = plan(length, SEGMENT, RATE, options).tasks
    assert [t.out_start for t in tasks] == sorted(t.out_start for t in tasks)
    for shift in {task.shift for task in tasks}:
        reached = 0
        for task in (t for t in tasks if t.shift == shift):
            assert 0 <= task.out_start <= reached
            assert task.out_length > 0
            assert task.input_start >= 0
            assert task.input_start + task.input_length <= length
            reached = max(reached, task.out_stop)
        assert reached == length


def test_window_is_a_triangle():
    window = separation.triangular_window(8)
    assert np.array_equal(window, np.float32([1, 2, 3, 4, 4, 3, 2, 1]) / 4)


def test_blocks_come_out_once_in_order_and_early():
    model, mixture = Echo(1000), cases.random("mixture", 2, 5000)
    cut = plan(5000, 1000, RATE, Options())
    assembler, reached = Assembler(cut), 0
    for number, task in enumerate(cut.tasks):
        part = mixture[:, task.input_start : task.input_start + task.input_length]
        final = assembler.add(run_task(model, task, part, cut.window, 0.0, 1.0))
        assert final is not None
        start, block = final
        assert start == reached
        reached += block.shape[2]
        assert reached >= 750 * (number + 1) or reached == 5000
        assert len(assembler._pending) <= 1
    assert reached == 5000


def test_same_input_same_bits():
    mixture, model = synthetic.song(9), checks.tiny_model()
    first, second = (py_demixer.separate(mixture, model).audio for _ in range(2))
    assert np.array_equal(first, second)


def test_seed_decides_the_shifts():
    first, same, other = (plan(10**6, SEGMENT, RATE, Options(shifts=2, seed=s)) for s in (1, 1, 2))
    assert first.tasks == same.tasks
    assert first.tasks != other.tasks


def test_meter_is_the_mean_and_unbiased_std_of_the_mono_mix():
    mixture = (0.1 * cases.random("m", 2, separation.MEASURE_BLOCK + 777) + 3).astype(np.float32)
    meter = separation.measure(mixture, RATE)
    mono = mixture.astype(np.float64).mean(axis=0)
    assert meter.length == mixture.shape[1]
    assert meter.mean == pytest.approx(mono.mean(), rel=1e-7)
    assert meter.std == pytest.approx(mono.std(ddof=1) + 1e-8, rel=1e-5)


def test_silence_is_separated_into_silence():
    stems = py_demixer.separate(np.zeros((2, 3 * RATE), np.float32), checks.tiny_model())
    assert np.abs(stems.audio).max() < 1e-6


def test_silence_measures_as_a_number_one_can_divide_by():
    meter = separation.measure(np.zeros((2, 1), np.float32), RATE)
    assert (meter.mean, meter.std) == (0, 1e-8)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_with_their_time(bad):
    mixture = np.zeros((2, separation.MEASURE_BLOCK + RATE), np.float32)
    mixture[1, separation.MEASURE_BLOCK + 100] = bad
    time = (separation.MEASURE_BLOCK + 100) / RATE
    with pytest.raises(ValueError, match=f"not a finite number at {time:.3f} s"):
        separation.measure(mixture, RATE)


def test_empty_mixture_is_refused():
    with pytest.raises(ValueError, match="The audio is empty"):
        py_demixer.separate(np.zeros((2, 0), np.float32), Echo())


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"must have the shape \(2, samples\), not \(1, 5\)"):
        py_demixer.separate(np.zeros((1, 5), np.float32), Echo())


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
        py_demixer.separate(np.zeros((2, 5), np.float32), Echo(), **options)


def test_progress_tells_done_total_and_time_left():
    calls = []
    mixture = cases.random("mixture", 2, 2500)
    py_demixer.separate(mixture, Echo(1000), progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert np.isnan(calls[0][2])
    assert all(call[2] > 0 for call in calls[1:-1])
    assert calls[-1][2] == 0


def test_cancel_stops_before_the_next_segment():
    answers = iter([False, False, True])
    with pytest.raises(py_demixer.Cancelled, match="after 2 of 4 segments"):
        py_demixer.separate(
            cases.random("mixture", 2, 2500), Echo(1000), cancel=lambda: next(answers)
        )


@pytest.mark.parametrize("channels", range(1, 9))
def test_downmix_keeps_left_and_right_apart(channels):
    matrix = separation.downmix_matrix(channels)
    assert matrix.shape == (2, channels)
    if channels > 1:
        assert matrix[0, 1] == matrix[1, 0] == 0
        assert matrix[0].sum() == pytest.approx(matrix[1].sum())


def test_downmix_of_surround_follows_web_audio():
    half = 0.5**0.5
    expected = np.float32([[1, 0, half, 0, half, 0], [0, 1, half, 0, 0, half]])
    assert np.array_equal(separation.downmix_matrix(6), expected)


@pytest.mark.parametrize("channels", [0, 9])
def test_downmix_of_other_numbers_is_refused(channels):
    with pytest.raises(ValueError, match=f"has {channels} channels; between 1 and 8"):
        separation.downmix_matrix(channels)


def test_stems_by_name():
    stems = py_demixer.Stems(("a", "b"), np.zeros((2, 2, 3)), RATE)
    assert stems["b"].shape == (2, 3)
    with pytest.raises(KeyError, match="no stem 'c', only a, b"):
        stems["c"]


def test_meter_takes_blocks():
    meter = Meter(RATE)
    mixture = cases.random("m", 2, separation.MEASURE_BLOCK + 5)
    meter.update(mixture[:, : separation.MEASURE_BLOCK])
    meter.update(mixture[:, separation.MEASURE_BLOCK :])
    whole = separation.measure(mixture, RATE)
    assert (meter.mean, meter.std) == (whole.mean, whole.std)
