"""Numbers too small for float32's exponent, which some processors take 150 cycles to multiply.

Nothing that can be heard hangs on them: they are some 750 dB below full scale. They come from
softmaxes and sigmoids far from 0, and from songs that fade out; there they are made nothing. (The
kernels and shaders make none.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = float(np.finfo(np.float32).smallest_normal)


def drop_subnormals(x: NDArray[np.float32], least: float = SMALLEST) -> NDArray[np.float32]:
    """Round to multiples of ``least``, in place: what is left is 0 or at least that large.

    What is ``2 ** 25`` times as large, or larger, keeps its bits.

    Parameters
    ----------
    x
        Float32, of any shape.
    least
        A power of two, :data:`SMALLEST` or more.
    """
    # Beside a number of which `least` is the last binary digit, adding rounds to that digit. Two
    # passes without a mask: comparing takes twice as long as all the rest of a softmax.
    grain = np.float32(1.5 * 2**23 * least)
    x += grain
    x -= grain
    return x
