"""The functions that the page's workers call, with NumPy arrays in place of JavaScript's."""

import json

import numpy as np
import pytest

import py_demixer
from py_demixer.gpu import selftest
from py_demixer.program import execute
from py_demixer.program.record import record
from py_demixer.pyodide import browser
from py_demixer.separation import statistics
from py_demixer.weights import checkpoint
from tests import synthetic, tiny, unmix


class JavaScriptArray:
    """The part of Pyodide's proxy of a Float32Array that the package uses."""

    def __init__(self, values):
        self.values = np.ascontiguousarray(values, np.float32).reshape(-1)
        self.length = self.values.size

    def assign_to(self, target):
        target[:] = self.values


def load(weights):
    content = np.fromfile(weights, np.uint8)
    browser.allocate(content.size)[:] = content
    return json.loads(browser.load("numpy"))


@pytest.fixture(scope="module")
def info(tiny_weights):
    return load(tiny_weights)


def measure(mixture, block):
    meter = browser.Measure()
    for start in range(0, mixture.shape[1], block):
        meter.update(JavaScriptArray(mixture.T[start : start + block]))
    return json.loads(meter.finish())


def test_separation_equals_that_of_the_library(info, tiny_weights):
    mixture = synthetic.song(1.2)
    song = measure(mixture, info["measure_block"])
    del song["digest"]
    job = json.dumps(song), json.dumps({"overlap": 0.5})
    plan = json.loads(browser.plan(*job))
    arrays = {
        name: np.full((plane["frames"], plane["width"]), np.nan, np.float32)
        for name, plane in plan["planes"].items()
    }
    arrays["mixture"][:] = mixture.T

    def view(part):
        start = part["start"] - plan["planes"][part["plane"]]["origin"]
        return arrays[part["plane"]][start : start + part["length"]]

    for index, task in enumerate(plan["tasks"]):
        inputs = [JavaScriptArray(view(part)) for part in task["reads"]]
        outputs = browser.run(*job, index, inputs)
        for part, output in zip(task["writes"], outputs, strict=True):
            assert output.flags.c_contiguous
            assert output.dtype == np.float32
            view(part)[:] = output
    model = py_demixer.load_model("htdemucs", weights=tiny_weights, backend="numpy")
    expected = py_demixer.separate(mixture, model, py_demixer.DemucsOptions(overlap=0.5))
    for source in info["sources"]:
        assert np.array_equal(arrays[source].T, expected[source])


def test_another_model_gets_its_own_plans(info, tiny_weights, tmp_path):
    """A plan is cached by song and options alone, so loading another model must discard it."""
    job = json.dumps({"length": 50_000, "mean": 0.0, "std": 1.0}), "{}"
    assert json.loads(browser.plan(*job))["stems"] == list(info["sources"])
    try:
        loaded = load(tiny.write(tmp_path / "six.safetensors", name="htdemucs_6s"))
        assert json.loads(browser.plan(*job))["stems"] == loaded["sources"]
        assert len(loaded["sources"]) == 6
    finally:
        load(tiny_weights)


def test_prepare_network_and_finish_equal_run(info):
    mixture = synthetic.song(1.2)
    song = measure(mixture, info["measure_block"])
    del song["digest"]
    job = json.dumps(song), "{}"
    tasks = json.loads(browser.plan(*job))["tasks"]
    assert [task["network"] for task in tasks] == [0, None, 0, None]
    (part,) = tasks[2]["reads"]
    inputs = [JavaScriptArray(mixture.T[part["start"] : part["start"] + part["length"]])]
    segment = browser.prepare(*job, 2, inputs)
    assert segment.flags.c_contiguous
    (expected,) = browser.run(*job, 2, inputs)
    tensors = checkpoint.read(browser._weights[0]).tensors
    program = record(browser._model.network, segment.shape, tensors)
    stems = execute.run(program, tensors, segment)
    (found,) = browser.finish(*job, 2, JavaScriptArray(stems))
    assert np.array_equal(found, expected)


def test_network_for_the_card_has_all_weights_and_constants(info):
    (network,) = browser.networks()
    schedule = json.loads(network.described())
    assert len(schedule["weights"]) > 50
    computed = schedule["computed"]
    constants, room = schedule["buffers"][computed:]
    assert {buffer for buffer, _ in schedule["weights"]} == {computed + 1}
    starts = [start for _, start in schedule["weights"]]
    ends = [start + network.weight(number).size for number, start in enumerate(starts)]
    assert room - 256 < ends[-1] <= room
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert network.constants().size == constants
    assert network.sizes().size > max(run["sizes"] or 0 for run in schedule["runs"])
    assert schedule["input"][2] == 2 * tiny.SECOND * 4


def test_shorter_segments_have_a_network_with_the_same_weights(tmp_path, tiny_weights):
    try:
        load(tiny.write(tmp_path / "scnet.safetensors", name="scnet", segment_length=tiny.SECOND))
        mixture = synthetic.song(1.2)
        song = measure(mixture, statistics.MEASURE_BLOCK)
        del song["digest"]
        job = json.dumps(song), "{}"
        (whole,) = browser.networks()
        last = len(browser._plan(*job).tasks) - 2
        (part,) = json.loads(browser.plan(*job))["tasks"][last]["reads"]
        inputs = [JavaScriptArray(mixture.T[part["start"] : part["start"] + part["length"]])]
        segment = browser.prepare(*job, last, inputs)
        short = browser.network(0, segment.size)
        described = [json.loads(network.described()) for network in (whole, short)]
        assert described[1]["input"][2] == segment.nbytes < described[0]["input"][2]
        assert described[0]["weights"] == described[1]["weights"]
        assert whole._schedule.weights == short._schedule.weights
        (expected,) = browser.run(*job, last, inputs)
        (found,) = browser.finish(*job, last, JavaScriptArray(browser._model.network(segment)))
        assert np.array_equal(found, expected)
        (test,) = browser.self_tests()
        stems = selftest.of("scnet").network.network(test.segment())
        assert test.passes(JavaScriptArray(stems))
    finally:
        load(tiny_weights)


def test_ensemble_is_loaded_from_several_files(tmp_path, tiny_weights):
    names = ("htdemucs", "scnet")
    paths = [
        tiny.write(tmp_path / f"{name}.safetensors", name=name, segment_length=tiny.SECOND)
        for name in names
    ]
    try:
        for path in paths:
            content = np.fromfile(path, np.uint8)
            browser.allocate(content.size)[:] = content
        info = json.loads(browser.load("numpy"))
        mixture = synthetic.song(1.2)
        song = measure(mixture, info["measure_block"])
        del song["digest"]
        job = json.dumps(song), json.dumps({"overlap": 0.1, "shifts": 0})
        tasks = json.loads(browser.plan(*job))["tasks"]
        assert len(browser.networks()) == 2
        assert {task["network"] for task in tasks} == {0, 1, None}
        assert len(browser.self_tests()) == 2
        for network in (0, 1):
            index = next(i for i, task in enumerate(tasks) if task["network"] == network)
            (part,) = tasks[index]["reads"]
            seen = mixture.T[part["start"] : part["start"] + part["length"]]
            inputs = [JavaScriptArray(seen)]
            segment = browser.prepare(*job, index, inputs)
            stems = browser._segmented()[network].network(segment)
            (found,) = browser.finish(*job, index, JavaScriptArray(stems))
            (expected,) = browser.run(*job, index, inputs)
            assert np.array_equal(found, expected)
    finally:
        assert load(tiny_weights)["sources"] == ["drums", "bass", "other", "vocals"]


def test_self_test_accepts_the_stems_of_numpy():
    (test,) = browser.self_tests()
    assert json.loads(test.network().described())["runs"]
    stems = selftest.of("htdemucs").network(test.segment())
    assert test.passes(JavaScriptArray(stems)) is True
    assert test.passes(JavaScriptArray(1.001 * stems)) is False


def test_models_without_shaders_are_refused(tmp_path, tiny_weights):
    try:
        load(tiny.write(tmp_path / "hdemucs_mmi.safetensors", name="hdemucs_mmi"))
        with pytest.raises(ValueError, match="This kind of network") as raised:
            browser.networks()
        assert type(raised.value) is ValueError  # the exact type by which the page recognises it
        load(unmix.write(tmp_path / "umxhq.safetensors"))
        with pytest.raises(ValueError, match="Open-Unmix"):
            browser.networks()
    finally:
        load(tiny_weights)


def test_different_samples_have_different_digests(info):
    mixture = synthetic.noise(1.0)
    block = info["measure_block"]
    same, again = measure(mixture, block), measure(mixture, block)
    other = measure(np.nextafter(mixture, 1), block)
    assert same == again
    assert same["digest"] != other["digest"]


@pytest.mark.parametrize("name", ["numpy", "scipy"])
def test_build_names_the_backend(info, name):
    assert json.loads(browser.load(name))["build"] == name


def test_trace_lists_the_steps_of_a_segment(info):
    mixture = synthetic.song(2.0)
    song = measure(mixture, info["measure_block"])
    del song["digest"]
    job = json.dumps(song), json.dumps({})
    plan = json.loads(browser.plan(*job))
    (part,) = plan["tasks"][0]["reads"]
    samples = mixture.T[part["start"] : part["start"] + part["length"]]
    steps = json.loads(browser.trace(*job, 0, [JavaScriptArray(samples)]))
    assert len(steps) > 50
    assert set(steps[0]) == {"name", "shape", "min", "max", "mean", "std"}
    for step in steps:
        assert step["min"] <= step["mean"] <= step["max"]
        assert step["std"] >= 0


def test_speed_of_matrix_products_is_measured(info):
    assert 0.01 < browser.speed() < 1e5
