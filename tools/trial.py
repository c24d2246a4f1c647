"""A trial of an installed package of a release: separate a second of noise, with only NumPy.

    python trial.py WEIGHTS

It is run outside the sources' folder, in an environment with the package and NumPy, or in Pyodide.
It prints the path of the package and the backend's name.
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
