"""The small networks that test graphics cards."""

import numpy as np
import pytest

from py_demixer.gpu import selftest
from py_demixer.gpu.lowering import lower
from py_demixer.models.registry import ARCHITECTURES
from py_demixer.program import execute
from py_demixer.program.record import record
from py_demixer.weights.manifest import MODELS
from tests import tiny


@pytest.fixture(scope="module", params=selftest.SELF_TESTS)
def test(request):
    return selftest.of(request.param)


@pytest.fixture(scope="module")
def stems(test):
    network = test.network
    program = record(network.network, network.input_shape, network.tensors)
    return execute.run(program, network.tensors, test.segment())


def test_stored_stems_equal_those_of_numpy(test, stems):
    assert test.is_right(stems)


def test_wrong_stems_are_rejected(test, stems):
    assert not test.is_right(np.zeros_like(stems))
    assert not test.is_right(stems[:, ::-1])
    assert not test.is_right(np.roll(stems, 1, axis=-1))
    assert not test.is_right(np.full_like(stems, np.nan))
    one_is_wrong = stems.copy()
    one_is_wrong[-1, 1, 5000] += 0.1
    assert not test.is_right(one_is_wrong)


def test_stated_decibels_are_the_threshold(test, stems):
    noise = selftest.noise(stems.shape, 1000)
    noise *= np.linalg.norm(stems) / np.linalg.norm(noise)
    for decibels, right in ((selftest.LEAST_DECIBELS + 2, True), (88, False)):
        assert test.is_right(stems + noise * 10 ** (-decibels / 20)) is right


def used(network, different):
    """Every shader of a network, with every value that its constants take."""
    program = record(network.network, network.input_shape, network.tensors)
    return {
        (dispatch.shader, *constant)
        for operation in program.operations
        for dispatch in lower(operation)
        for constant in [("", None), *dispatch.constants.items()]
        if constant[0] not in different
    }


LENGTHS = {"SCALE"}
"""Constants that differ for every length of a Fourier transform."""


@pytest.mark.parametrize(
    ("name", "different"),
    [
        ("htdemucs", LENGTHS),
        ("scnet", LENGTHS | {"POINTS", "HIDDEN", "THREADS"}),
        ("scnet_large", LENGTHS | {"POINTS", "HIDDEN", "THREADS"}),
        ("roformer", LENGTHS | {"WIDTH", "PAIRS"}),
    ],
)
def test_every_shader_of_the_released_network_is_used(name, different):
    architecture = MODELS[name].architecture if name in MODELS else name
    kind = ARCHITECTURES[architecture]
    config = tiny.config(tiny.RELEASED[name]) if name in tiny.RELEASED else kind.config()
    shapes = kind.network.shapes(config)
    released = kind.network({name: np.empty(shapes[name], np.float16) for name in shapes}, config)
    assert used(released, different) <= used(selftest.of(architecture).network, different)
