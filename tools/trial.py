"""What every installed package of a release must do: separate a second of noise, by NumPy alone.

    python trial.py WEIGHTS

It is run away from the sources, in an environment that has the package and NumPy, or in Pyodide.
Prints where the package is and who computed.
"""

import sys

import numpy as np

import py_demixer

mixture = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 44100)).astype(np.float32)
model = py_demixer.load_model("htdemucs", sys.argv[1])
stems = py_demixer.separate(mixture, model)
assert tuple(stems) == ("drums", "bass", "other", "vocals"), tuple(stems)
assert stems.audio.shape == (4, 2, 44100), stems.audio.shape
assert np.isfinite(stems.audio).all()
assert np.abs(stems["vocals"]).max() > 0
others = {"scipy", "soundfile", "soxr", "tqdm", "onnx"} & set(sys.modules)
assert not others, others
print(py_demixer.__file__, model.backend.name)
