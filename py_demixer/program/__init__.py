"""Networks as data: operations that are recorded once, to be run by other code than NumPy."""
