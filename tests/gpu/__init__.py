"""Tests of what runs on a graphics card, or on a software adapter that stands for one."""
