"""The operations of a program as compute shaders in WGSL, for WebGPU.

Each kind of operation is *lowered* to one or more :class:`~.dispatch.Dispatch` objects. This is
done only here, in Python: the code that runs dispatches, natively or in the web page, handles only
buffers and pipelines.
"""
