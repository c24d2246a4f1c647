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
    """One layer in one direction over some frames, as ``torch.nn.LSTM``.

    What the input adds to the gates is computed for all frames at once; the recurrent rest goes
    frame by frame. Running blocks of frames one after the other, each from the state that the one
    before it left, is the same as running them as a whole.

    Parameters
    ----------
    x
        ``(in, frames)`` float32.
    weight_ih
        ``(4 hidden, in)``, float16 or float32; gates in PyTorch's order: input, forget,
        cell, output.
    weight_hh
        ``(4 hidden, hidden)``, likewise.
    bias
        ``(4 hidden,)``: the sum of PyTorch's two.
    state
        ``(2, hidden)`` float32: output and cell at the frame before the first one, or with
        ``reverse`` after the last one; zeros at the end of a song.
    reverse
        Go from the last frame to the first.

    Returns
    -------
    tuple[NDArray[np.float32], NDArray[np.float32]]
        The outputs ``(hidden, frames)`` and the state ``(2, hidden)`` that they end with.
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
    """The output, written to ``out``, and the cell after a frame; ``gates`` are overwritten."""
    hidden = len(cell)
    entered, forgotten = np.split(sigmoid(gates[: 2 * hidden]), 2)
    cell = forgotten * cell + entered * np.tanh(gates[2 * hidden : 3 * hidden])
    np.multiply(sigmoid(gates[3 * hidden :]), np.tanh(cell), out=out)
    return out, cell
