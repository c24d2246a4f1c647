"""The parts of build.py; standard library only, as they run before anything is installed.

(Two modules, tour and docstrings, are for the documentation and run in the environment.)
"""
