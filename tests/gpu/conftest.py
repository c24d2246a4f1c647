"""What tests of shaders share: a card."""

import pytest

from py_demixer.ops.gpu.native import Card


@pytest.fixture(scope="session")
def card() -> Card:
    """What wgpu-native finds on this machine: Mesa's lavapipe, where there is no real card."""
    return Card()
