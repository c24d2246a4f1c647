"""Element-wise activations, computed block by block so that temporaries stay in the cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import backend
from .operation import operation
from .subnormal import drop_subnormals

# The tail of the normal distribution, Phi(-a) = exp(-a^2 / 2) P(a) / Q(a) for a >= 0: P / Q is a
# rational approximation of the scaled complementary error function, fitted so that a Phi(-a) is
# accurate to 1e-9. Beyond 13 it is below the smallest float32.
_TAIL_END = np.float32(13)
_TAIL_P = np.array([4.99999981e-01, 3.22272787e-01, 9.79260264e-02, 1.22116628e-02], np.float32)
_TAIL_Q = np.array(
    [1.00000000e00, 1.44242880e00, 8.46755928e-01, 2.44733961e-01, 3.06372893e-02], np.float32
)
# Relative to the largest score. Weights as small as this one do not change a sum, and products with
# them are not subnormal.
_LEAST_SCORE = np.float32(-70)
_FAR = 1e30  # an ordinary number divided by less than this is not subnormal
BLOCK = 1 << 14
"""Elements per block; the six float32 temporaries of a block fit in a level-2 cache."""


def activate(x: NDArray[np.float32], name: str | None) -> NDArray[np.float32]:
    """Apply an activation in place: None, ``"gelu"``, ``"glu"`` or ``"swish"``.

    Returns
    -------
    NDArray[np.float32]
        ``x``, or with ``"glu"`` its first half; the second half is overwritten.
    """
    if name == "gelu":
        return gelu(x)
    if name == "glu":
        return glu(x, out=x[: len(x) // 2])
    if name == "swish":
        return swish(x)
    return x


def gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The exact GELU ``x Phi(x)`` (Hendrycks & Gimpel 2016), in place; within 1.3e-7 of |x|.

    It is computed as ``max(x, 0) - a Phi(-a)`` with ``a = |x|``: the second term is at most 0.17,
    so its rounding errors are small compared with those of ``(1 + erf) / 2``.

    Parameters
    ----------
    x
        Float32, any shape, C-contiguous; it is overwritten and returned.
    """
    assert x.flags.c_contiguous
    if (kernels := backend.kernels()) is not None:
        kernels.gelu(x)
        return x
    flat = x.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        a = np.minimum(np.abs(block), _TAIL_END)
        tail = np.exp(a * a * np.float32(-0.5))
        tail *= a
        tail *= _polynomial(_TAIL_P, a)
        tail /= _polynomial(_TAIL_Q, a)
        np.maximum(block, 0, out=block)
        block -= tail
    return x


def glu(x: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """The gated linear unit: the first half of the channels times the sigmoid of the second.

    Parameters
    ----------
    x
        ``(2 c, ...)`` float32, C-contiguous; the second half is overwritten.
    out
        ``(c, ...)``, C-contiguous, to write to; if None, a new array is made.
    """
    half = len(x) // 2
    if out is None:
        out = np.empty((half, *x.shape[1:]), np.float32)
    if (kernels := backend.kernels()) is not None:
        kernels.glu(x[:half], x[half:], out)
        return out
    apply_gate(x[:half], x[half:], out)
    return out


def swish(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The swish ``x sigmoid(x)`` (Ramachandran et al. 2017), in place.

    Parameters
    ----------
    x
        Float32, any shape, C-contiguous; it is overwritten and returned.
    """
    assert x.flags.c_contiguous
    if (kernels := backend.kernels()) is not None:
        kernels.glu(x, x, x)
        return x
    flat = x.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        apply_gate(block, block.copy(), block)
    return x


def apply_gate(
    values: NDArray[np.float32], gates: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """``values * sigmoid(gates)``, in NumPy; all of one shape and C-contiguous.

    Parameters
    ----------
    values
        Float32, any shape.
    gates
        Overwritten.
    out
        Written to; it may be ``values``.
    """
    flat = [a.reshape(-1) for a in (values, gates, out)]
    with np.errstate(over="ignore"):  # exp overflows to infinity, and the sigmoid is 0 there
        for start in range(0, out.size, BLOCK):
            value, gate, result = (a[start : start + BLOCK] for a in flat)
            np.negative(gate, out=gate)
            np.exp(gate, out=gate)
            gate += np.float32(1)
            np.divide(value, gate, out=result)
            if not gate.max() < _FAR:
                drop_subnormals(result)


@operation()
def tanh(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The hyperbolic tangent, in place; float32 of any shape, C-contiguous."""
    assert x.flags.c_contiguous
    if (kernels := backend.kernels()) is not None:
        kernels.tanh(x)
        return x
    return np.tanh(x, out=x)


def sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logistic function, in place; 0 where exp overflows (below -88)."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += np.float32(1)
    return drop_subnormals(np.reciprocal(x, out=x))


def softmax(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The softmax over the last axis, up to a factor: ``x`` is replaced by its powers of e.

    Attention applies the factors to its product with the values, which is smaller. Powers below
    4e-31 of the largest are rounded up to that.

    Parameters
    ----------
    x
        ``(..., queries, keys)`` float32; it is overwritten.

    Returns
    -------
    NDArray[np.float32]
        ``(..., queries)``: the factor for each row; with it, the row is the softmax.
    """
    x -= x.max(axis=-1, keepdims=True)
    np.maximum(x, _LEAST_SCORE, out=x)
    np.exp(x, out=x)
    return np.reciprocal(x.sum(axis=-1))


def _polynomial(coefficients: NDArray[np.float32], t: NDArray[np.float32]) -> NDArray[np.float32]:
    """Horner's rule, lowest power first."""
    result: NDArray[np.float32] = t * coefficients[-1]
    result += coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        result *= t
        result += coefficient
    return result
