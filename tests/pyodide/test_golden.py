"""The golden checks inside Pyodide: the same functions as natively, with every backend."""

import pytest

from tests.golden import cases, checks

pytestmark = pytest.mark.pyodide

BACKENDS = ("numpy", "scipy", "kernels")


def run_check(pyodide, backend: str, check: str, argument: str) -> None:
    pyodide.run(
        f"""
        from py_demixer.ops import backend
        from tests.golden import checks

        backend.use({backend!r})
        assert backend.current() == {backend!r}
        checks.{check}({argument!r})
        """
    )


def test_the_package_that_is_checked_is_the_wheel(in_pyodide):
    path, tag = in_pyodide.run("import sys, py_demixer; [py_demixer.__file__, sys.platform]")
    assert "/site-packages/py_demixer/" in path
    assert tag == "emscripten"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", checks.OPS)
def test_op(in_pyodide, backend, name):
    run_check(in_pyodide, backend, "check_op", name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("segment", cases.segments())
def test_tiny_network(in_pyodide, backend, segment):
    run_check(in_pyodide, backend, "check_tiny_network", segment)


@pytest.mark.parametrize("name", cases.SONGS)
def test_tiny_song(in_pyodide, name):
    run_check(in_pyodide, "scipy", "check_tiny_song", name)


def test_a_wrong_number_fails_inside_pyodide_too(in_pyodide):
    """So that the tests above can fail: an assertion there is an error here."""
    with pytest.raises(in_pyodide.JavascriptException, match="AssertionError"):
        in_pyodide.run("assert 1 == 2")
