"""Measurements of `build.py bench`: speed, memory, and closeness to PyTorch."""
