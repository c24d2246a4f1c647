"""Reading and writing audio files, and finding them in folders."""
