"""The operations of a program as compute shaders in WGSL, for WebGPU.

Each kind of operation is *lowered* to one or a few :class:`~.dispatch.Dispatch`es. That is done
here, in Python, once: who runs dispatches, natively or in the page, knows buffers and pipelines
only.
"""
