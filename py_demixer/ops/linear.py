"""The linear layer of a transformer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .activation import activate
from .operation import Shape, operation


def _projected(
    x: NDArray[np.float32], weight: NDArray[np.float32], *_: NDArray[np.float32], **__: str | None
) -> Shape:
    """The shape of the result of :func:`linear`."""
    return len(weight), x.shape[1]


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
        None or ``"gelu"``.

    Returns
    -------
    NDArray[np.float32]
        ``(out, positions)`` float32.
    """
    y = np.empty((len(weight), x.shape[1]), np.float32)
    if (kernels := backend.kernels()) is not None:
        size = (1, x.shape[1])
        kernels.convolve(
            weight, x[:, None], y, taps=[(0, 0)], size=size, bias=bias, activation=activation
        )
        return y
    backend.gemm(weight, x, y)
    y += bias.astype(np.float32)[:, None]
    return activate(y, activation)
