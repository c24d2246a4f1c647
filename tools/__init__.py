"""What build.py does its work with. Standard library only: it runs before anything is installed."""
