"""Weight files: where they come from (`manifest`), how to `fetch` and how to `convert` them.

``loading`` is the one module that deals with both files and networks. On the command line::

    py-demixer fetch htdemucs
    py-demixer convert 955717e8-8726e21a.th -o htdemucs.safetensors
"""
