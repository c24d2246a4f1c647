"""Compare the package with PyTorch; see tests/golden."""

import pytest

from py_demixer.ops import backend
from tests import tiny
from tests.golden import cases, checks


@pytest.fixture(params=["numpy", "scipy"])
def each_backend(request):
    with backend.using(request.param):
        yield


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("name", checks.OPS)
def test_operation(name):
    checks.check_op(name)


def test_every_golden_operation_is_checked():
    assert set(checks.OPS) == set(cases.load("ops"))


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("segment", ["song", "noise"])
@pytest.mark.parametrize("name", [name for name, kind in tiny.KINDS.items() if not kind.bag])
def test_tiny_network(name, segment):
    checks.check_tiny_network(segment, name)


@pytest.mark.parametrize("name", cases.SONGS)
def test_tiny_song(name):
    checks.check_tiny_song(name)


def test_scnet_that_does_not_standardise():
    checks.check_not_standardised()


@pytest.mark.usefixtures("each_backend")
def test_every_step_of_open_unmix():
    checks.check_unmix_stages()


@pytest.mark.parametrize("name", cases.UNMIX_SONGS)
def test_open_unmix(name):
    checks.check_unmix_song(name)


@pytest.mark.long
@pytest.mark.parametrize("name", cases.LONG_UNMIX_SONGS)
def test_open_unmix_on_long_songs(name):
    checks.check_unmix_song(name)
