"""The small network that tests graphics cards."""

import numpy as np
import pytest

from py_demixer.gpu import selftest
from py_demixer.gpu.lowering import lower
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.program import execute
from py_demixer.program.record import record


@pytest.fixture(scope="module")
def stems():
    network = selftest.network()
    program = record(network.network, network.input_shape, selftest.tensors())
    return execute.run(program, selftest.tensors(), selftest.segment())


def test_stored_stems_equal_those_of_numpy(stems):
    assert selftest.is_right(stems)


def test_wrong_stems_are_rejected(stems):
    assert not selftest.is_right(np.zeros_like(stems))
    assert not selftest.is_right(stems[:, ::-1])
    assert not selftest.is_right(np.roll(stems, 1, axis=-1))
    assert not selftest.is_right(np.full_like(stems, np.nan))
    one_is_wrong = stems.copy()
    one_is_wrong[2, 1, 12345] += 0.1
    assert not selftest.is_right(one_is_wrong)


def test_stated_decibels_are_the_threshold(stems):
    noise = selftest.noise(stems.shape, 1000)
    noise *= np.linalg.norm(stems) / np.linalg.norm(noise)
    for decibels, right in ((selftest.LEAST_DECIBELS + 2, True), (88, False)):
        assert selftest.is_right(stems + noise * 10 ** (-decibels / 20)) is right


def used(network, tensors):
    """Every shader of a network, with every value that its constants take."""
    program = record(network.network, network.input_shape, tensors)
    return {
        (dispatch.shader, *constant)
        for operation in program.operations
        for dispatch in lower(operation)
        for constant in [("", None), *dispatch.constants.items()]
        if constant[0] != "SCALE"  # differs for every length
    }


def test_every_shader_of_the_released_network_is_used():
    shapes = HTDemucs.shapes(HTDemucs.default_config())
    tensors = {name: np.empty(shape, np.float16) for name, shape in shapes.items()}
    released = used(HTDemucs(tensors), tensors)
    assert released <= used(selftest.network(), selftest.tensors())
