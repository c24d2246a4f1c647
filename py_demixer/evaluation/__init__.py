"""Evaluation of stems: SDR, SIR, ISR and SAR against true stems, and closeness to PyTorch's.

Needs the packages of ``py-demixer[evaluate]`` and, for the comparison with PyTorch, those of
``py-demixer[reference]``. Nothing else in the package needs this.
"""
