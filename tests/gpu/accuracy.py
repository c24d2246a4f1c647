"""The required accuracy of a graphics card."""

import numpy as np

from py_demixer.evaluation import metrics

SNR = 115.0
"""Decibels: float32 leaves about 120 dB in sums of thousands."""


def snr(expected: np.ndarray, got: np.ndarray) -> float:
    """SNR in dB; infinite if there is no difference."""
    return metrics.snr(got, expected)
