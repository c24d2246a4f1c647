"""Separating many songs, on this machine or on a Dask cluster."""
