"""tools/lite.py: the ingredients of the JupyterLite, without building it."""

import hashlib
import json
from pathlib import Path

import pytest

from tools import lite
from tools.environment import CannotGoOn

WHEELS = ("ipython-9-py3-none-any.whl", "jedi-1.5-py3-none-any.whl", "a_b-2-py2.py3-none-any.whl")
PYPI = b"as PyPI has it"


@pytest.fixture
def pyodide_dir(tmp_path):
    folder = tmp_path / "pyodide-9.9"
    folder.mkdir()
    depends = {"ipython": ["a_b"], "jedi": [], "a-b": []}
    packages = {
        name: {"depends": needs, "file_name": file, "sha256": "of Pyodide's own build"}
        for (name, needs), file in zip(depends.items(), WHEELS, strict=True)
    }
    packages["numpy"] = {"depends": [], "file_name": "numpy-2.whl", "sha256": "NumPy's"}
    lock = {"info": {"python": "3.99.0"}, "packages": packages}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))
    (folder / "pyodide.mjs").write_text("runtime")
    return folder


@pytest.fixture
def commands(monkeypatch):
    """Stand-in for pip and JupyterLite; yields the calls of each module."""
    seen = {"pip": [], "jupyterlite_core": []}

    def run(command, failure, cwd=None):
        words = [str(word) for word in command]
        if words[2] == "pip":
            seen["pip"].append(words)
            folder = Path(words[words.index("--dest") + 1])
            folder.mkdir(parents=True, exist_ok=True)
            for name in (lite._COMM, *WHEELS):
                if "==".join(name.split("-")[:2]) in words:
                    (folder / name).write_bytes(PYPI)
        else:
            files = (path for path in cwd.rglob("*") if path.is_file())
            tree = {path.relative_to(cwd).as_posix(): path.read_bytes() for path in files}
            seen["jupyterlite_core"].append(tree)

    monkeypatch.setattr(lite, "run", run)
    return seen


def make(pyodide_dir, tmp_path):
    (tmp_path / "cache").mkdir(exist_ok=True)
    return lite.make_lite(tmp_path / "python", pyodide_dir, tmp_path / "out", tmp_path / "cache")


def test_kernel_gets_its_wheels_and_a_matching_lock_file(pyodide_dir, commands, tmp_path):
    assert make(pyodide_dir, tmp_path) == tmp_path / "out"
    (command,) = commands["pip"]
    assert command[-4:] == ["comm==0.2.3", "a_b==2", "ipython==9", "jedi==1.5"]
    assert "--python-version=3.99.0" in command
    (tree,) = commands["jupyterlite_core"]
    assert tree["static/pyodide/pyodide.mjs"] == b"runtime"
    assert tree[f"pypi/{lite._COMM}"] == PYPI
    lock = json.loads(tree["static/pyodide/pyodide-lock.json"])
    assert lock["packages"].pop("numpy")["sha256"] == "NumPy's"
    for entry in lock["packages"].values():
        data = tree[f"static/pyodide/{entry['file_name']}"]
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()


def test_second_run_fetches_nothing(pyodide_dir, commands, tmp_path):
    make(pyodide_dir, tmp_path)
    make(pyodide_dir, tmp_path)
    assert len(commands["pip"]) == 1
    first, second = commands["jupyterlite_core"]
    assert first == second


def test_only_missing_wheels_are_fetched(pyodide_dir, commands, tmp_path):
    make(pyodide_dir, tmp_path)
    (tmp_path / "cache" / "jupyterlite" / WHEELS[1]).unlink()
    make(pyodide_dir, tmp_path)
    assert commands["pip"][1][-2:] == [str(tmp_path / "cache" / "jupyterlite"), "jedi==1.5"]


def test_missing_wheel_is_reported(pyodide_dir, commands, tmp_path):
    lock = pyodide_dir / "pyodide-lock.json"
    lock.write_text(lock.read_text().replace("jedi-1.5", "jedi-77"))
    with pytest.raises(CannotGoOn, match=r"Cannot fetch .*connection.*jedi-77-\S+ did not come"):
        make(pyodide_dir, tmp_path)
