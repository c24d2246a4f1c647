"""How exact a card must be."""

import numpy as np

SNR = 115.0
"""Decibels: float32 leaves about 120 in sums of thousands."""


def snr(expected: np.ndarray, got: np.ndarray) -> float:
    """In decibels; infinite if there is no difference."""
    expected = expected.astype(float)
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.square(expected).sum() / np.square(got - expected).sum()))
