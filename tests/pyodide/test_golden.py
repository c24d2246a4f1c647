"""The golden checks inside Pyodide: the same functions as natively, with every backend."""

import pytest

from py_demixer.ops.kernels import MODULES
from tests import properties
from tests.golden import cases, checks

pytestmark = pytest.mark.pyodide

BACKENDS = ("numpy", "scipy", "kernels")


def run_check(pyodide, backend: str, check: str, argument: str) -> None:
    pyodide.run(
        f"""
        from py_demixer.ops import backend
        from tests.golden import checks

        with backend.using({backend!r}) as used:
            assert used.name == {backend!r}
            checks.{check}({argument!r})
        """
    )


def test_checked_package_is_the_wheel(in_pyodide):
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


@pytest.mark.parametrize(
    "name", ["htdemucs_6s", "hdemucs_mmi", "scnet", "bs_roformer", "mel_roformer"]
)
def test_other_tiny_networks(in_pyodide, name):
    in_pyodide.run(
        f"""
        from py_demixer.ops import backend
        from tests.golden import checks

        for name in ("scipy", "kernels"):
            with backend.using(name):
                checks.check_tiny_network("song", {name!r})
        """
    )


@pytest.mark.parametrize("name", ["scnet", "scnet_large"])
def test_network_of_released_dimensions(in_pyodide, name):
    run_check(in_pyodide, "kernels", "check_released", name)


@pytest.mark.parametrize("name", cases.SONGS)
def test_tiny_song(in_pyodide, name):
    run_check(in_pyodide, "scipy", "check_tiny_song", name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["short", "one window", "two targets"])
def test_open_unmix(in_pyodide, backend, name):
    run_check(in_pyodide, backend, "check_unmix_song", name)


@pytest.mark.parametrize("name", ["30 s, EM", "umxhq", "umxhq, EM"])
def test_open_unmix_with_kernels(in_pyodide, name):
    run_check(in_pyodide, "kernels", "check_unmix_song", name)


@pytest.mark.parametrize("module", MODULES)
def test_each_build_of_the_kernels(in_pyodide, module):
    """Including the one that is only loaded if the browser lacks relaxed SIMD."""
    in_pyodide.run(
        f"""
        from py_demixer.ops.kernels import FOLDER, Kernels
        from tests import properties
        from tests.golden import checks

        with properties.using(Kernels(FOLDER / {module!r})) as used:
            assert used.build == {module!r}
            for name in checks.OPS:
                checks.check_op(name)
            checks.check_tiny_network("song")
            checks.check_unmix_stages()
            checks.check_unmix_song("residual")
            checks.check_values_that_are_not_finite()
        """
    )


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", properties.CHECKS)
def test_each_build_on_random_arrays(in_pyodide, module, name):
    in_pyodide.run(
        f"""
        from py_demixer.ops.kernels import FOLDER, Kernels
        from tests import properties

        properties.CHECKS[{name!r}](Kernels(FOLDER / {module!r}))
        """
    )


def test_relaxed_kernels_are_used_if_they_load(in_pyodide):
    name = in_pyodide.run("from py_demixer.ops import backend; backend.current().build")
    assert name == MODULES[0]


def test_other_kernels_are_used_without_relaxed_simd(in_pyodide):
    """As in a browser without it, where compiling the module is an error."""
    in_pyodide.run_js(
        """
        self.originalModule = WebAssembly.Module;
        const madd = [0xfd, 0x85, 0x02];
        const isRelaxed = (code) => code.some((_, i) => madd.every((b, j) => code[i + j] === b));
        WebAssembly.Module = new Proxy(originalModule, {
          construct(target, [code]) {
            const bytes = new Uint8Array(code.buffer ?? code);
            if (isRelaxed(bytes)) throw new WebAssembly.CompileError();
            return new target(code);
          },
        });
        """
    )
    try:
        names = in_pyodide.run(
            """
            import pathlib
            import shutil

            from py_demixer.ops import kernels

            original = kernels.FOLDER
            kernels.FOLDER = pathlib.Path("kernels-copy")  # those that are open stay open
            shutil.copytree(original, kernels.FOLDER)
            found = [kernels.load.__wrapped__().path.name for _ in range(2)]
            kernels.FOLDER = original
            found
            """
        )
    finally:
        in_pyodide.run_js("WebAssembly.Module = originalModule;")
    assert list(names) == [MODULES[1]] * 2


def test_failed_assertion_in_pyodide_is_an_error(in_pyodide):
    """Proves that the tests above can fail: a failed assertion in Pyodide is an error here."""
    with pytest.raises(in_pyodide.JavascriptException, match="AssertionError"):
        in_pyodide.run("assert 1 == 2")
