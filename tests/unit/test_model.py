"""Weight files, the model catalogue and the trace."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import safetensors.numpy

import py_demixer
from py_demixer import trace
from py_demixer.models import htdemucs, registry
from py_demixer.models.htdemucs import Config, HTDemucs
from py_demixer.ops import backend
from py_demixer.separation import planning
from py_demixer.weights import checkpoint, manifest, networks
from tests import tiny
from tests.golden import cases, checks

TENSORS = {
    "b": cases.random("b", 2, 3).astype(np.float16),
    "a": cases.random("a", 5),
    "c": np.arange(7, dtype=np.uint8),
}


def test_checkpoint_is_compatible_with_the_safetensors_library(tmp_path):
    checkpoint.write(tmp_path / "ours", TENSORS, {"key": "value"})
    read = safetensors.numpy.load_file(tmp_path / "ours")
    assert set(read) == set(TENSORS)
    safetensors.numpy.save_file(TENSORS, tmp_path / "theirs", {"key": "value"})
    back = checkpoint.read((tmp_path / "theirs").read_bytes())
    assert back.metadata == {"key": "value"}
    for name, tensor in TENSORS.items():
        for other in (read[name], back.tensors[name]):
            assert other.dtype == tensor.dtype
            assert np.array_equal(other, tensor)


def test_checkpoint_bytes_depend_only_on_the_content(tmp_path):
    checkpoint.write(tmp_path / "one", TENSORS, {"x": "1", "y": "2"})
    checkpoint.write(tmp_path / "two", dict(reversed(TENSORS.items())), {"y": "2", "x": "1"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_checkpoint_is_not_copied(tmp_path):
    checkpoint.write(tmp_path / "file", TENSORS, {})
    buffer = np.fromfile(tmp_path / "file", np.uint8)
    for tensor in checkpoint.read(buffer).tensors.values():
        assert np.shares_memory(tensor, buffer)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-1],
        lambda data: b"PK" + data[2:],
        lambda data: data[:8] + b"?" + data[9:],
        lambda data: data.replace(b"F16", b"F99"),
        lambda data: data.replace(b'"shape":[2,3]', b'"shape":[2,4]'),
    ],
)
def test_damaged_checkpoints_are_refused_with_a_message(damage, tmp_path):
    checkpoint.write(tmp_path / "file", TENSORS, {})
    with pytest.raises(ValueError, match=r"fetch it again|not a safetensors file|F99"):
        checkpoint.read(damage((tmp_path / "file").read_bytes()))


def test_released_model_has_533_tensors():
    shapes = HTDemucs.shapes(Config())
    assert len(shapes) == 533
    assert sum(np.prod(shape) for shape in shapes.values()) == 41984456


def test_weights_of_another_model_are_refused():
    tensors = tiny.tensors()
    with pytest.raises(ValueError, match=r"has the shape \(.*\) instead of \(.*\)"):
        HTDemucs(tensors)
    del tensors["freq_emb.embedding.weight"]
    with pytest.raises(ValueError, match=r"lacks the tensor freq_emb\.embedding"):
        HTDemucs(tensors, Config(**tiny.CONFIG))


def test_short_segments_are_padded_and_long_ones_refused():
    model = checks.tiny_model()
    assert model(cases.random("x", 2, 5000)).shape == (4, 2, 5000)
    with pytest.raises(ValueError, match="at most 343980 samples, this one has 343981"):
        model(np.zeros((2, 343981), np.float32))


def test_load_model_reads_a_weight_file(tiny_weights):
    model = py_demixer.load_model("htdemucs", tiny_weights)
    assert model.sources == ("drums", "bass", "other", "vocals")
    assert model.config.channels == tiny.CONFIG["channels"]


def test_load_model_reads_the_content_of_a_file(tiny_weights):
    content, segment = tiny_weights.read_bytes(), cases.random("x", 2, 5000)
    expected = py_demixer.load_model("htdemucs", tiny_weights)(segment)
    for given in (content, bytearray(content), np.frombuffer(content, np.uint8)):
        assert np.array_equal(py_demixer.load_model("htdemucs", given)(segment), expected)


def test_model_keeps_its_backend(tiny_weights):
    with backend.using("scipy"):
        model = py_demixer.load_model("htdemucs", tiny_weights, backend="numpy")
        other = py_demixer.load_model("htdemucs", tiny_weights, backend="scipy")
        assert backend.current().name == "scipy"
    assert (model.backend.name, other.backend.name) == ("numpy", "scipy")
    segment = cases.random("x", 2, 5000)
    used = []
    for network in (model, other):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(htdemucs, "attention", spy(used, htdemucs.attention))
            network(segment)
    assert set(used[: len(used) // 2]) == {"numpy"}
    assert set(used[len(used) // 2 :]) == {"scipy"}


def spy(used, function):
    def watched(*arguments):
        used.append(backend.current().name)
        return function(*arguments)

    return watched


def test_load_model_names_the_missing_weight_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not at .*nowhere: name another file"):
        py_demixer.load_model(weights=tmp_path / "nowhere")


def test_empty_weight_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="is empty"):
        py_demixer.load_model(weights=tmp_path / "empty")


def test_unknown_model():
    with pytest.raises(ValueError, match="no model 'spleeter', only htdemucs"):
        py_demixer.load_model("spleeter")


def test_weights_of_another_kind_or_with_other_stems_are_refused(tmp_path):
    v3 = tiny.write(tmp_path / "v3", name="hdemucs_mmi")
    with pytest.raises(ValueError, match="another kind, which is not htdemucs"):
        py_demixer.load_model("htdemucs", v3)
    six = tiny.write(tmp_path / "six", name="htdemucs_6s")
    with pytest.raises(ValueError, match=r"with the stems .*piano, which is not htdemucs: choose"):
        py_demixer.load_model("htdemucs", six)
    assert py_demixer.load_model("htdemucs_6s", six).sources == tiny.SIX


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "for the architecture ''"),
        ({"architecture": "wavenet"}, "architecture 'wavenet'"),
        ({"architecture": "htdemucs", "config": '{"size": 3}'}, "dimensions .* are not a network"),
        ({"architecture": "htdemucs", "config": "?"}, "dimensions .* are not a network"),
    ],
)
def test_weight_files_of_unknown_networks_are_refused(tmp_path, metadata, message):
    checkpoint.write(tmp_path / "file", TENSORS, metadata)
    with pytest.raises(ValueError, match=message):
        networks.build_model(checkpoint.read((tmp_path / "file").read_bytes()))


def test_load_model_reads_a_bag(tmp_path):
    length = {"segment_length": tiny.SECOND}
    path = tiny.write(tmp_path / "bag", seed=3, name="htdemucs_ft", **length)
    bag = py_demixer.load_model("htdemucs_ft", path)
    assert isinstance(bag, py_demixer.Bag)
    assert bag.weights == tiny.KINDS["htdemucs_ft"].bag
    segment = cases.random("x", 2, 5000)
    for number, member in enumerate(bag.members):
        alone = tiny.model(tiny.kind("htdemucs", tiny.SECOND), 3 + number)
        assert np.array_equal(member(segment), alone(segment))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1, 1, 1, 1]], "bag of 2 networks needs as many rows of weights, not 1"),
        ([[1, 1, 1], [1, 1, 1]], "one for each of 4 sources"),
        ([[1, 1, 0, 1], [1, 1, 0, 1]], "weights of other must not be negative, nor all zero"),
        ([[1, 1, 1, 1], [1, -1, 1, 1]], "weights of bass must not be negative"),
    ],
)
def test_weights_that_do_not_fit_a_bag_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        py_demixer.Bag((checks.tiny_model(), checks.tiny_model()), weights)


def test_every_architecture_of_a_model_is_known():
    for name, model in manifest.MODELS.items():
        kind = registry.ARCHITECTURES[model.architecture]
        assert model.file.name == f"{name}.safetensors"
        assert len(model.bag) == (len(model.parts) if name == "htdemucs_ft" else 0)
        planning.make_options(model.architecture, model.page.options)
        assert kind.network.architecture == model.architecture


@pytest.fixture(scope="module")
def steps():
    with trace.record() as recorded:
        checks.tiny_model()(cases.segments()["noise"])
    return recorded


def test_trace_reports_every_step(steps):
    names = [step.name for step in steps]
    assert names[0] == "spectrum"
    assert names[-1] == "stems"
    assert len(set(names)) == len(names) >= 60
    stems = steps[-1]
    assert stems.shape == (4, 2, 343980)
    assert stems.min <= stems.mean <= stems.max
    assert stems.sum == pytest.approx(stems.mean * 4 * 2 * 343980)


def test_trace_records_its_own_thread_only(tmp_path):
    with trace.record() as steps, ThreadPoolExecutor(1) as thread:
        thread.submit(trace.step, "of another thread", np.zeros(3)).result()
        trace.step("of this one", np.zeros(3))
    assert [step.name for step in steps] == ["of this one"]


def test_trace_is_off_outside_record(steps):
    before = len(steps)
    trace.step("another", np.zeros(3))
    assert len(steps) == before


def test_trace_is_saved_and_loaded(steps, tmp_path):
    trace.dump(steps, tmp_path / "trace.json")
    assert trace.load(tmp_path / "trace.json") == steps
    (tmp_path / "other.json").write_text(json.dumps({"not": "a trace"}))
    with pytest.raises(ValueError, match="is not a trace"):
        trace.load(tmp_path / "other.json")


def test_trace_names_the_first_step_that_differs(steps):
    assert trace.first_difference(steps, steps) is None
    tensors = tiny.tensors()
    tensors["encoder.2.rewrite.bias"] = tensors["encoder.2.rewrite.bias"] + np.float16(0.1)
    with trace.record() as others:
        HTDemucs(tensors, Config(**tiny.CONFIG))(cases.segments()["noise"])
    ours, theirs = trace.first_difference(steps, others)
    assert ours.name == theirs.name == "encoder.2"
    assert trace.first_difference(steps, steps[:-1]) == (steps[-1], None)
