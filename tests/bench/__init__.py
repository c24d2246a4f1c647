"""What `build.py bench` measures: speed, memory, and how close to PyTorch the stems are."""
