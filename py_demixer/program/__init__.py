"""A network as data: the operations it does, recorded once, for others than NumPy to run."""
