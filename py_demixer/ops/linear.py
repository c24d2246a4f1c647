"""The linear layer of a transformer."""

from __future__ import annotations

import numpy as np

from . import backend
from .activation import activate
from .operation import Shape, operation


def _projected(x: np.ndarray, weight: np.ndarray, *_: np.ndarray, **__: str | None) -> Shape:
    """The shape of what :func:`linear` makes."""
    return len(weight), x.shape[1]


@operation(_projected)
def linear(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, activation: str | None = None
) -> np.ndarray:
    """``activation(weight @ x + bias)``, as ``torch.nn.functional.linear`` channels first.

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
    np.ndarray
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
