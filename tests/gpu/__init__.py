"""Tests of code that runs on a graphics card, or on a software adapter in place of one."""
