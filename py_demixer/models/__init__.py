"""The networks. They are built from ``ops`` and know nothing of songs, files or browsers."""
