"""tools/snapshot.py without Node.js; the tests of the page start from a real snapshot."""

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from tools import snapshot
from tools.environment import CannotGoOn

LIBRARIES = [f"numpy/{name}.cp.so" for name in snapshot._LIBRARIES]


@pytest.fixture
def pyodide(tmp_path):
    folder = tmp_path / "pyodide-9.9"
    folder.mkdir()
    for name in ("pyodide.asm.wasm", "pyodide.asm.mjs"):
        (folder / name).write_text(name)
    with zipfile.ZipFile(folder / "numpy.whl", "w") as archive:
        for name in (*LIBRARIES, "numpy/__init__.py"):
            archive.writestr(name, f"content of {name}")
    numpy = {"depends": [], "file_name": "numpy.whl", "sha256": ""}
    lock = {"info": {"python": "3.99.1"}, "packages": {"numpy": numpy}}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))
    return folder


@pytest.fixture
def wheel(tmp_path):
    return make_wheel(tmp_path / "ours.whl", "print(1)")


@pytest.fixture
def commands(monkeypatch):
    """The commands that were run; instead of a snapshot, Node.js writes what it was given."""
    asked = []

    def run(command, _failure):
        asked.append(command)
        _node, _script, _pyodide, packages, *_, out = command[:6]
        found = sorted(p.relative_to(packages).as_posix() for p in Path(packages).rglob("*.*"))
        Path(out).write_text(" ".join(found))
        return "1234\n"

    monkeypatch.setattr(snapshot, "run", run)
    return asked


def make_wheel(path, text):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("py_demixer/__init__.py", text)
    return path


def test_it_is_made_of_the_unpacked_wheels(pyodide, wheel, commands, tmp_path):
    folder = snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    packed = gzip.decompress((folder / "snapshot.bin").read_bytes()).decode()
    assert packed.split() == sorted([*LIBRARIES, "numpy/__init__.py", "py_demixer/__init__.py"])
    (command,) = commands
    assert command[4] == "/lib/python3.99/site-packages"
    assert command[6:] == LIBRARIES


def test_libraries_lie_beside_it_in_the_order_in_which_they_were_loaded(
    pyodide, wheel, commands, tmp_path
):
    folder = snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    facts = json.loads((folder / "snapshot.json").read_text())
    assert facts["places"] == 1234
    paths = facts["libraries"]
    assert list(paths) == [f"/lib/python3.99/site-packages/{name}" for name in LIBRARIES]
    for name, file in zip(LIBRARIES, paths.values(), strict=True):
        assert (folder / file).read_text() == f"content of {name}"


def test_same_files_make_it_once(pyodide, wheel, commands, tmp_path):
    first = snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    assert snapshot.ensure_snapshot(pyodide, wheel, tmp_path) == first
    assert len(commands) == 1


def test_another_wheel_replaces_it(pyodide, wheel, commands, tmp_path):
    first = snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    other = snapshot.ensure_snapshot(pyodide, make_wheel(wheel, "print(2)"), tmp_path)
    assert other != first
    assert [path.name for path in tmp_path.glob("snapshot-*")] == [other.name]


def test_one_made_meanwhile_by_another_process_is_kept(
    pyodide, wheel, commands, monkeypatch, tmp_path
):
    def meanwhile(_text):
        monkeypatch.setattr(snapshot, "note", lambda _text: None)
        snapshot.ensure_snapshot(pyodide, wheel, tmp_path)

    monkeypatch.setattr(snapshot, "note", meanwhile)
    folder = snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    assert len(commands) == 2
    assert (folder / "snapshot.bin").is_file()


def test_failure_leaves_nothing(pyodide, wheel, monkeypatch, tmp_path):
    def fail(_command, failure):
        raise CannotGoOn(failure)

    monkeypatch.setattr(snapshot, "run", fail)
    with pytest.raises(CannotGoOn, match="Cannot make the snapshot"):
        snapshot.ensure_snapshot(pyodide, wheel, tmp_path)
    assert not list(tmp_path.glob("snapshot-*"))
