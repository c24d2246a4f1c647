"""How exact a card must be."""

import numpy as np

from py_demixer.evaluation import metrics

SNR = 115.0
"""Decibels: float32 leaves about 120 in sums of thousands."""


def snr(expected: np.ndarray, got: np.ndarray) -> float:
    """In decibels; infinite if there is no difference."""
    return metrics.snr(got, expected)
