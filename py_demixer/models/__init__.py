"""The networks, built from ``ops`` and independent of songs, files and browsers."""
