"""LSTM layers over many sequences side by side."""

from __future__ import annotations

from py_demixer.program.program import Operation

from .dispatch import Dispatch, Packed, Scratch, groups
from .multiply import Product, lower_product, packed_convolution
from .operands import MOST_FLOP, array, result, weights

TOGETHER = 4
"""Sequences of a workgroup: the lanes of a vector."""

MOST_INVOCATIONS = 256
"""Invocations of a workgroup; each computes all gates of some hidden units."""

GATE_BYTES = 32 << 20
"""Limit on the input's contribution to the gates of one direction that is stored at a time."""

ENOUGH_GROUPS = 32
"""With fewer workgroups, a dispatch takes as long as with this many."""


def bidirectional_lstm(operation: Operation) -> list[Dispatch]:
    """Lower :func:`py_demixer.ops.lstm.bidirectional_lstm`, some steps at a time.

    The input's contribution to the gates is a product for these steps of either direction; then
    both directions advance, with their last output in workgroup memory and their cells in scratch
    memory.
    """
    x, y = array(operation.operands[0]), result(operation)
    (into, around, into_reverse, around_reverse), half = weights(
        [operation.operands[number] for number in (1, 2, 4, 5)]
    )
    (bias, bias_reverse), half_bias = weights([operation.operands[number] for number in (3, 6)])
    inputs, steps, sequences = x.shape
    hidden = around.shape[1]
    rows = 4 * hidden
    workgroups = groups(sequences, TOGETHER)
    flop = 2 * rows * hidden * TOGETHER * 2 * max(workgroups, ENOUGH_GROUPS)
    some = min(steps, max(1, GATE_BYTES // (4 * rows * sequences)))
    each = min(some, max(1, MOST_FLOP // flop))
    gates = [Scratch(number, rows * some * sequences) for number in (0, 1)]
    cells = Scratch(2, 2 * hidden * sequences)
    recurrent = [
        Packed(weight, (4, hidden, hidden), (2, 1, 0)) for weight in (around, around_reverse)
    ]
    dispatches: list[Dispatch] = []
    for first in range(0, steps, some):
        count = min(some, steps - first)
        for made, weight, offset, start in (
            (gates[0], into, bias, first),
            (gates[1], into_reverse, bias_reverse, steps - first - count),
        ):
            dispatches += lower_product(
                Product(
                    *(x, inputs, (steps, sequences), made, Packed(offset), half),
                    packed_convolution(weight, None),
                    rows=rows,
                    half_bias=half_bias,
                    size=(steps, sequences),
                    part=(start * sequences, count * sequences),
                )
            )
        dispatches += [
            Dispatch(
                shader=("activation", "outer", "lstm"),
                constants={
                    "HIDDEN": hidden,
                    "THREADS": min(hidden, MOST_INVOCATIONS),
                    "HALF": half,
                },
                sizes={
                    "steps": steps,
                    "sequences": sequences,
                    "block": first,
                    "block_steps": count,
                    "first": step,
                    "end": min(step + each, first + count),
                },
                bindings=(*gates, *recurrent, cells, y),
                workgroups=(workgroups, 2, 1),
                writes=(4, 5),
            )
            for step in range(first, first + count, each)
        ]
    return dispatches
