"""Long short-term memory (Hochreiter & Schmidhuber 1997; the variant with a forget gate)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import sigmoid
from .linear import linear


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
    frames = range(len(gates))
    with np.errstate(over="ignore"):  # exp overflows to infinity, and the sigmoid is 0 there
        for t in reversed(frames) if reverse else frames:
            gates[t] += weight_hh @ output
            output, cell = _step(gates[t], cell, out[t])
    return out.T, np.stack([output, cell])


def _step(
    gates: NDArray[np.float32], cell: NDArray[np.float32], out: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the output, written to ``out``, and the cell of a frame; overwrites ``gates``."""
    hidden = len(cell)
    entered, forgotten = np.split(sigmoid(gates[: 2 * hidden]), 2)
    cell = forgotten * cell + entered * np.tanh(gates[2 * hidden : 3 * hidden])
    np.multiply(sigmoid(gates[3 * hidden :]), np.tanh(cell), out=out)
    return out, cell
