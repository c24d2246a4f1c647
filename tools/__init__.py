"""What build.py does its work with. Standard library only: it runs before anything is installed.

(Two modules are for the documentation and run in the environment: tour, docstrings.)
"""
