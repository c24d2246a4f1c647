"""Networks as programs: recording them, and executing them with NumPy."""

from dataclasses import replace

import numpy as np
import pytest

from py_demixer import trace
from py_demixer.errors import NotRecordable
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.ops.conv import conv1d
from py_demixer.ops.residual import add, copy
from py_demixer.program import execute
from py_demixer.program.program import Array, Constant, Operation, Program, Weight
from py_demixer.program.record import record
from tests import synthetic, tiny

WEIGHT = np.arange(24, dtype=np.float16).reshape(4, 2, 3)
BIAS = np.arange(4, dtype=np.float16)


def recorded(model: HTDemucs, tensors) -> Program:
    return record(model.network, (model.channels, model.segment_length), tensors)


@pytest.fixture(params=["htdemucs", "htdemucs_6s"])
def network(request) -> tuple[HTDemucs, dict[str, np.ndarray], Program]:
    kind = tiny.KINDS[request.param]
    kind = replace(kind, config={**kind.config, "segment_length": 1 << 16})
    tensors = tiny.tensors(0, kind)
    model = HTDemucs(tensors, tiny.model(kind).config)
    return model, tensors, recorded(model, tensors)


def test_program_gives_the_bits_of_its_network(network):
    model, tensors, program = network
    segment = synthetic.song(1.5)[:, : model.segment_length]
    stems = execute.run(program, tensors, segment.copy())
    assert np.array_equal(stems, model(segment))


def test_program_has_the_steps_of_its_network(network):
    model, tensors, program = network
    segment = synthetic.song(1.5)[:, : model.segment_length]
    with trace.record() as expected:
        model(segment)
    with trace.record() as found:
        for name, array in execute.Execution(program, tensors).steps(segment.copy()):
            trace.step(name, array)
    assert found == expected
    assert len(found) > 30


def test_program_uses_all_weights_and_few_constants(network):
    _, tensors, program = network
    used: dict[str, int] = dict.fromkeys(tensors, 0)
    for operation in program.operations:
        for operand in operation.operands:
            if isinstance(operand, Weight):
                assert operand.dtype == tensors[operand.name].dtype.name
                used[operand.name] += operand.size
    used.pop("freq_emb.embedding.weight")  # becomes a constant, with its scale
    assert {name: tensors[name].size for name in used} == used
    assert len(program.constants) == 4


def test_views_share_their_buffer():
    def network(x):
        add(x[1:3], copy(x)[:2])
        return x.reshape(-1)[:, None]

    program = record(network, (4, 5), {})
    x = np.arange(20, dtype=np.float32).reshape(4, 5)
    found = execute.run(program, {}, x.copy())
    expected = x.copy()
    expected[1:3] += x[:2]
    assert found.shape == (20, 1)
    assert np.array_equal(found.reshape(4, 5), expected)
    assert program.operations[1].operands == (Array(0, (2, 5), 5), Array(1, (2, 5)))


def test_weights_are_identified_by_their_memory():
    tensors = {"both": np.concatenate([WEIGHT, WEIGHT]), "bias": BIAS}

    def network(x):
        return conv1d(x, np.split(tensors["both"], 2)[1], tensors["bias"], padding=(1, 1))

    program = record(network, (2, 7), tensors)
    (operation,) = program.operations
    assert operation.kind == "conv2d"
    assert operation.operands[1] == Weight("both", (4, 2, 1, 3), 24, "float16")
    assert operation.options["padding"] == ((0, 0), (1, 1))
    x = np.ones((2, 7), np.float32)
    assert np.array_equal(execute.run(program, tensors, x.copy()), network(x))


def test_other_arrays_are_constants():
    program = record(lambda x: add(x, np.arange(3, dtype=np.float32)[:, None]), (3, 2), {})
    assert program.operations[0].operands[1] == Constant(0, (3, 1))
    assert np.array_equal(
        execute.run(program, {}, np.zeros((3, 2), np.float32)), [[0, 0], [1, 1], [2, 2]]
    )


@pytest.mark.parametrize(
    ("network", "what"),
    [
        (lambda x: x[:, 1:3], "slice"),
        (lambda x: x[1], "takes"),
        (lambda x: x.mean(), "'mean'"),
        (lambda x: x.reshape(3, 3), "shape"),
    ],
)
def test_unsupported_array_operations_are_reported(network, what):
    with pytest.raises(NotRecordable, match=what):
        record(network, (4, 5), {})


def test_plain_arithmetic_is_refused():
    with pytest.raises(NotRecordable, match="does not compute"):
        record(lambda x: x + np.ones((4, 5)), (4, 5), {})


def test_demucs_v3_is_not_recorded():
    kind = tiny.KINDS["hdemucs_mmi"]
    model = tiny.model(kind)
    with pytest.raises(NotRecordable, match="recorded"):
        record(model.network, (2, 220500), tiny.tensors(0, kind))


def test_unknown_operation_is_refused():
    array = Array(0, (2,))
    program = Program((Operation("fold", (array,), {}, None),), (2,), array, array, (), ())
    with pytest.raises(ValueError, match="fold"):
        execute.run(program, {}, np.zeros(2, np.float32))
