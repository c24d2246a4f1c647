"""What tests of shaders share: a card, natively and in the browser."""

from collections.abc import Iterator

import pytest

from py_demixer.gpu.native import Card
from py_demixer.ops.backend import Compiler
from tests.gpu.browser import browser_card


@pytest.fixture(
    scope="session", params=["native", pytest.param("chromium", marks=pytest.mark.browser)]
)
def card(request, tmp_path_factory) -> Iterator[Compiler]:
    """What wgpu-native finds, Mesa's lavapipe where there is no real card; and Chromium's."""
    if request.param == "native":
        yield Card()
        return
    playwright = request.getfixturevalue("playwright")
    with browser_card(playwright, tmp_path_factory.mktemp("card")) as found:
        yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A software adapter in the browser takes minutes for the shapes of the released network."""
    for item in items:
        if "of_the_network[chromium" in item.name:
            item.add_marker(pytest.mark.long)
