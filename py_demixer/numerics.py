"""The version of the numerical results."""

VERSION = 1
"""Increase this with every change of the numerical results beyond rounding, and record the new
golden numbers: ``tests/unit/test_numerics.py`` says how. The web page resumes a song that another
build of the site started only if this version is the same."""
