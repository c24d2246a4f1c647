"""Formatting of numbers for people."""

from __future__ import annotations


def megabytes(count: int) -> str:
    """Format a number of bytes in megabytes."""
    return f"{count / 1e6:.1f} MB"
