"""How good stems are (SDR, SIR, ISR, SAR against true ones), and how close to PyTorch's.

Needs the packages of ``py-demixer[evaluate]``, and for the comparison those of
``py-demixer[reference]``. Nothing of the package needs this.
"""
