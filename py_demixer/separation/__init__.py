"""Separating a song: measuring it, planning its tasks and running them."""
