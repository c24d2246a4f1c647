"""Remove subnormal float32 numbers, which take some processors 150 cycles to multiply.

They are inaudible: some 750 dB below full scale. They come from sigmoids far from 0 and from songs
that fade out, and are set to zero there. (The softmax, the kernels and the shaders produce none.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = float(np.finfo(np.float32).smallest_normal)


def drop_subnormals(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to multiples of the smallest normal number, in place: there are no smaller results.

    Numbers ``2 ** 25`` times as large, or larger, do not change.

    Parameters
    ----------
    x
        Float32, of any shape.
    """
    # The smallest normal number is the last binary digit of `grain`, so adding `grain` rounds to
    # that digit. Two passes and no mask: a comparison would take several times as long.
    grain = np.float32(1.5 * 2**23 * SMALLEST)
    x += grain
    x -= grain
    return x
