"""Weight files: where they come from (`manifest`), how to `fetch` and how to `convert` them.

Installed as ``py_demixer.weights``; nothing in the package needs it once the file is there::

    python -m py_demixer.weights fetch htdemucs
    python -m py_demixer.weights convert 955717e8-8726e21a.th -o htdemucs.safetensors
"""
