"""The linear layer of a transformer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import activate
from .operation import Shape, operation


def _projected(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    *_: NDArray[np.float32],
    activation: str | None = None,
    **__: NDArray[np.float32],
) -> Shape:
    """The shape of the result of :func:`linear`."""
    return len(weight) // 2 if activation == "glu" else len(weight), x.shape[1]


@operation(_projected)
def linear(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    activation: str | None = None,
) -> NDArray[np.float32]:
    """``activation(weight @ x + bias)``: ``torch.nn.functional.linear`` with channels first.

    Parameters
    ----------
    x
        ``(in, positions)`` float32.
    weight
        ``(out, in)``, float16 or float32.
    bias
        ``(out,)``.
    activation
        None, ``"gelu"`` or ``"glu"``.

    Returns
    -------
    NDArray[np.float32]
        ``(out, positions)`` float32; half of it with ``"glu"``.
    """
    if (kernels := backend.kernels()) is not None:
        y = np.empty(_projected(x, weight, activation=activation), np.float32)
        size = (1, x.shape[1])
        kernels.convolve(
            weight, x[:, None], y, taps=[(0, 0)], size=size, bias=bias, activation=activation
        )
        return y
    y = backend.gemm(weight, x)
    y += bias.astype(np.float32)[:, None]
    return activate(y, activation)
