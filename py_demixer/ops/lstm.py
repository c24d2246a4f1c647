"""Long short-term memory (Hochreiter & Schmidhuber 1997; the variant with a forget gate).

:func:`lstm` runs over one sequence that may come in blocks, :func:`bidirectional_lstm` over many
whole sequences side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import sigmoid
from .linear import linear
from .operation import Shape, operation

GATE_BYTES = 8 << 20
"""Limit on the input's contribution to the gates that is computed at once."""


def lstm(
    x: NDArray[np.float32],
    weight_ih: NDArray[np.float32],
    weight_hh: NDArray[np.float32],
    bias: NDArray[np.float32],
    state: NDArray[np.float32],
    *,
    reverse: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run one layer in one direction over a block of frames, as ``torch.nn.LSTM``.

    The input's contribution to the gates is computed for all frames at once; the recurrent part
    goes frame by frame. Running blocks of frames one after the other, each starting from the state
    that the previous block returned, gives the same result as running all frames at once.

    Parameters
    ----------
    x
        ``(in, frames)`` float32.
    weight_ih
        ``(4 hidden, in)``, float16 or float32; gates in PyTorch's order: input, forget, cell,
        output.
    weight_hh
        ``(4 hidden, hidden)``, likewise.
    bias
        ``(4 hidden,)``: the sum of PyTorch's two biases.
    state
        ``(2, hidden)`` float32: output and cell at the frame before the first one or, with
        ``reverse``, at the frame after the last one; zeros at the ends of a song.
    reverse
        Go from the last frame to the first.

    Returns
    -------
    tuple[NDArray[np.float32], NDArray[np.float32]]
        The outputs ``(hidden, frames)`` and the final state ``(2, hidden)``.
    """
    gates = np.ascontiguousarray(linear(x, weight_ih, bias).T)
    out = np.empty((x.shape[1], weight_hh.shape[1]), np.float32)
    weight_hh = np.ascontiguousarray(weight_hh, np.float32)
    if (kernels := backend.kernels()) is not None:
        state = state.astype(np.float32, order="C")
        kernels.lstm(gates, weight_hh, state, reverse, out)
        return out.T, state
    output, cell = state
    for t in _in_direction(range(len(gates)), reverse):
        gates[t] += weight_hh @ output
        output, cell = _step(gates[t], cell, out[t])
    return out.T, np.stack([output, cell])


def _doubled(
    x: NDArray[np.float32],
    _weight_ih: NDArray[np.float32],
    weight_hh: NDArray[np.float32],
    *_: NDArray[np.float32],
) -> Shape:
    """The shape of the result of :func:`bidirectional_lstm`."""
    return 2 * weight_hh.shape[1], *x.shape[1:]


@operation(_doubled)
def bidirectional_lstm(
    x: NDArray[np.float32],
    weight_ih: NDArray[np.float32],
    weight_hh: NDArray[np.float32],
    bias: NDArray[np.float32],
    weight_ih_reverse: NDArray[np.float32],
    weight_hh_reverse: NDArray[np.float32],
    bias_reverse: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Run one layer in both directions over many sequences, from zeros, as ``torch.nn.LSTM``.

    A step of all sequences is one matrix product.

    Parameters
    ----------
    x
        ``(in, steps, sequences)`` float32.
    weight_ih, weight_hh, bias
        For the direction of time, as in :func:`lstm`.
    weight_ih_reverse, weight_hh_reverse, bias_reverse
        For the other direction.

    Returns
    -------
    NDArray[np.float32]
        ``(2 hidden, steps, sequences)`` float32: the outputs in the direction of time, then those
        of the other direction.
    """
    out = np.empty(_doubled(x, weight_ih, weight_hh), np.float32)
    forwards, backwards = np.split(out, 2)
    _run_sequences(x, weight_ih, weight_hh, bias, False, forwards)
    _run_sequences(x, weight_ih_reverse, weight_hh_reverse, bias_reverse, True, backwards)
    return out


def _run_sequences(
    x: NDArray[np.float32],
    weight_ih: NDArray[np.float32],
    weight_hh: NDArray[np.float32],
    bias: NDArray[np.float32],
    reverse: bool,
    out: NDArray[np.float32],
) -> None:
    """One direction of :func:`bidirectional_lstm`, written to ``out (hidden, steps, sequences)``.

    The input's contribution to the gates is computed for a block of steps at once.
    """
    if (kernels := backend.kernels()) is not None:
        weight = np.concatenate([weight_ih, weight_hh], axis=1)
        kernels.lstm_sequences(x, weight, bias, reverse, out)
        return
    (inputs, steps, sequences), rows = x.shape, len(weight_ih)
    weight_hh = np.ascontiguousarray(weight_hh, np.float32)
    output, cell = np.zeros((2, len(out), sequences), np.float32)
    gates = np.empty((rows, sequences), np.float32)
    each = max(1, GATE_BYTES // (4 * rows * sequences))
    for first in _in_direction(range(0, steps, each), reverse):
        block = x[:, first : first + each]
        made = linear(np.ascontiguousarray(block).reshape(inputs, -1), weight_ih, bias)
        from_input = made.reshape(rows, -1, sequences)
        for step in _in_direction(range(block.shape[1]), reverse):
            backend.gemm(weight_hh, output, gates)
            gates += from_input[:, step]
            output, cell = _step(gates, cell, output)
            out[:, first + step] = output


def _in_direction(numbers: range, reverse: bool) -> range:
    return numbers[::-1] if reverse else numbers


def _step(
    gates: NDArray[np.float32], cell: NDArray[np.float32], out: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the output, written to ``out``, and the cell of a step; overwrites ``gates``.

    ``gates`` has a row for each hidden unit of each gate, and possibly an axis for sequences.
    """
    hidden = len(cell)
    with np.errstate(over="ignore"):  # exp overflows to infinity, and the sigmoid is 0 there
        entered, forgotten = np.split(sigmoid(gates[: 2 * hidden]), 2)
        cell = forgotten * cell + entered * np.tanh(gates[2 * hidden : 3 * hidden])
        np.multiply(sigmoid(gates[3 * hidden :]), np.tanh(cell), out=out)
    return out, cell
