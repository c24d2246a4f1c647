"""The version of what is computed."""

VERSION = 1
"""Raise it with every change of what songs are computed to, rounding aside, and record the new
golden numbers: ``tests/unit/test_numerics.py`` says how. The page goes on with a song that another
build of the site has begun only if this is the same."""
