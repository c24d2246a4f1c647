"""Array functions that do not depend on any model: float32 in, float32 out.

Activations are laid out channels first, ``(channels, ..., positions)`` without a batch axis, so
that every layer of a network is a product ``weights (out, in) @ activations (in, positions)``.
"""
