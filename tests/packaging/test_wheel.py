"""The built wheel: its content, and that it needs only NumPy."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from py_demixer.ops.kernels import MODULES
from tools.environment import CACHE, ROOT
from tools.release import TRIAL

NUMPY = f"numpy=={np.__version__}"


@pytest.fixture(scope="module")
def bare_python(wheel: Path) -> Path:
    """A Python with only NumPy and the wheel.

    It is kept between runs, so that the test needs a network only once.
    """
    made_from = f"{NUMPY} {sys.version} {ROOT}"
    folder = CACHE / f"bare-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", NUMPY], check=True)
        (folder / "complete").touch()
    options = ["--quiet", "--no-index", "--no-deps", "--force-reinstall"]
    subprocess.run([python, "-m", "pip", "install", *options, wheel], check=True)
    return python


def run(python: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    """Run away from the sources, so that the installed package is used."""
    return subprocess.run(
        [python, "-P", *arguments], cwd=cwd, check=False, capture_output=True, text=True
    )


def test_wheel_for_pyodide_also_has_the_kernels(wheel, kernel_wheel):
    assert kernel_wheel.name.endswith("-py3-none-pyemscripten_2026_0_wasm32.whl")
    with zipfile.ZipFile(wheel) as pure, zipfile.ZipFile(kernel_wheel) as archive:
        added = set(archive.namelist()) - set(pure.namelist())
        record = next(name for name in archive.namelist() if name.endswith("/RECORD"))
        lines = [line.split(",") for line in archive.read(record).decode().splitlines()]
        for name, digest, size in lines:
            if name != record:
                data = archive.read(name)
                digest_now = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
                assert (digest, size) == (f"sha256={digest_now.rstrip('=')}", str(len(data))), name
        assert {name for name, *_ in lines} == set(archive.namelist())
        about = archive.read(record.replace("RECORD", "WHEEL")).decode()
    assert added == {f"py_demixer/ops/kernels/{name}" for name in MODULES}
    assert "Tag: py3-none-pyemscripten_2026_0_wasm32\n" in about
    assert "Root-Is-Purelib: false" in about


def test_numpy_is_the_only_requirement(bare_python, tmp_path):
    result = run(bare_python, "-m", "pip", "check", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    listed = run(bare_python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).stdout
    names = {line.split("==")[0].lower() for line in listed.split()}
    assert names - {"pip", "setuptools"} == {"numpy", "py-demixer"}


def test_separating_a_clip_needs_only_numpy(bare_python, tiny_weights, tmp_path):
    result = run(bare_python, TRIAL, tiny_weights, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "site-packages" in result.stdout


def command(bare_python: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    """Run the installed `py-demixer`."""
    script = bare_python.with_name("py-demixer")
    return subprocess.run([script, *arguments], cwd=cwd, capture_output=True, text=True)


def test_ordinary_install_does_not_break_the_build(bare_python, tmp_path):
    """The build runs its modules in the repository's root, where the sources are found first."""
    where = run(bare_python, "-c", "import py_demixer; print(py_demixer.__file__)", cwd=tmp_path)
    assert "site-packages" in where.stdout
    for module in ("py_demixer", "web.assemble"):
        command = [bare_python, "-m", module, "--help"]
        result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


def test_command_is_installed(bare_python, tmp_path):
    result = command(bare_python, "models", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "htdemucs" in result.stdout


def test_command_says_what_to_install(bare_python, tiny_weights, tmp_path):
    song = tmp_path / "song.wav"
    song.write_bytes(b"not read before the packages are looked for")
    arguments = ["separate", song, "--weights", tiny_weights, "-o", tmp_path / "out"]
    result = command(bare_python, *arguments, cwd=tmp_path)
    assert result.returncode != 0
    assert "pip install 'py-demixer[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_same_sources_give_the_same_wheels(wheel, kernel_wheel, tmp_path):
    from tools.site import build_kernel_wheel, build_wheel

    again = build_wheel(Path(sys.executable), tmp_path)
    assert again.read_bytes() == wheel.read_bytes()
    again = build_kernel_wheel(Path(sys.executable), tmp_path)
    assert again.read_bytes() == kernel_wheel.read_bytes()
