"""A graphics card for the tests of shaders, natively and in the browser."""

from collections.abc import Iterator

import pytest

from py_demixer.gpu.native import Card
from py_demixer.ops.backend import Compiler
from tests.gpu.browser import browser_card


@pytest.fixture(
    scope="session", params=["native", pytest.param("chromium", marks=pytest.mark.browser)]
)
def card(request, tmp_path_factory) -> Iterator[Compiler]:
    """The card that wgpu-native finds (Mesa's lavapipe if there is no real one), and Chromium's."""
    if request.param == "native":
        yield Card()
        return
    playwright = request.getfixturevalue("playwright")
    with browser_card(playwright, tmp_path_factory.mktemp("card")) as found:
        yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that take minutes: the network's shapes on a software adapter in the browser."""
    for item in items:
        if "of_the_network[chromium" in item.name:
            item.add_marker(pytest.mark.long)
