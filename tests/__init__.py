"""Tests; run by `python build.py test`."""
