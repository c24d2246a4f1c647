"""The operations and ceilings that the page's benchmark and `build.py bench` measure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from py_demixer import speed
from py_demixer.ops import backend
from py_demixer.ops.backend import Backend
from py_demixer.ops.kernels import Kernels
from py_demixer.pyodide import browser
from py_demixer.pyodide import speed as for_page


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[speed.Operation]:
    operations = [
        speed.linear_layer((20, 33), 40),
        speed.convolution((6, 1, 50), (10, 6, 1, 8), stride=(1, 4), padding=(0, 2)),
        speed.transposed_convolution((6, 9, 11), 10),
        speed.self_attention(2, 8, 40),
    ]
    monkeypatch.setattr(speed, "operations", lambda: iter(operations))
    monkeypatch.setattr(speed, "_LOOPS", 1000)
    return operations


def test_operations_are_those_of_a_segment() -> None:
    found = list(speed.operations())
    assert [operation.name for operation in found] == [
        "linear 512->2048 x 2688, GELU",
        "conv 3x3 96->192 x 128x336",
        "conv 8/4 48->96 x 85995",
        "conv 3/1 192->384 x 5375",
        "transposed conv 8/4 96->48 x 128x336",
        "attention 8x64 x 2688",
    ]
    gflop = [round(operation.gflop, 1) for operation in found]
    assert gflop == [5.6, 14.3, 1.6, 2.4, 3.2, 14.8]


def test_processor_with_kernels(native_kernels: Kernels, small: list[speed.Operation]) -> None:
    with backend.using(Backend("kernels", native_kernels.gemm, native_kernels)):
        measured = list(speed.on_processor())
    names = [operation.name for operation in small]
    assert [one.operation for one in measured] == [speed.CEILING, *names]
    assert measured[0].gflop == pytest.approx(96e-6)
    assert all(one.seconds > 0 for one in measured)


def test_processor_without_kernels_has_no_ceiling(small: list[speed.Operation]) -> None:
    with backend.using("numpy"):
        names = [one.operation for one in speed.on_processor()]
    assert names == [operation.name for operation in small]


def test_page_gets_operations_for_the_card(small: list[speed.Operation]) -> None:
    ceiling, *others = for_page.for_card()
    assert ceiling.name == speed.CEILING
    assert ceiling.gflop == pytest.approx(4.29, abs=0.01)
    assert [other.name for other in others] == [operation.name for operation in small]
    for operation, other in zip(small, others, strict=True):
        plan = json.loads(other.described())
        assert plan["input"][2] == other.input().nbytes
        np.testing.assert_array_equal(other.input(), operation.x)
        assert len(plan["weights"]) == len(operation.tensors)
        assert all(other.weight(number).size > 0 for number in range(len(plan["weights"])))


def test_page_measures_with_the_backend_of_its_model(
    tiny_weights, small: list[speed.Operation]
) -> None:
    content = np.fromfile(tiny_weights, np.uint8)
    browser.allocate(content.size)[:] = content
    browser.load("numpy")
    measured = json.loads(for_page.on_processor())
    assert [one["operation"] for one in measured] == [operation.name for operation in small]
    assert all(one["gflop"] > 0 for one in measured)
