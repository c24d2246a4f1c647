"""tools/pyodide.py: where wheels come from, and that the lock file decides which are used."""

import hashlib
import json
import zipfile

import pytest

from tools import pyodide
from tools.environment import CannotGoOn
from web.assemble import PYODIDE_RUNTIME
from web.server import serving

WHEELS = {f"{name}-1.0-py3-none-any.whl": f"wheel of {name}".encode() for name in pyodide.PACKAGES}


@pytest.fixture
def node_modules(tmp_path):
    package = tmp_path / "node_modules" / "pyodide"
    package.mkdir(parents=True)
    for name in PYODIDE_RUNTIME:
        (package / name).write_text(name)
    packages = {
        file.split("-")[0]: {
            "depends": [],
            "file_name": file,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for file, data in WHEELS.items()
    }
    (package / "pyodide-lock.json").write_text(json.dumps({"packages": packages}))
    (package / "package.json").write_text('{"version": "9.9"}')
    return package.parent


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server with the wheels; yields its folder and the list of requested paths."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, data in WHEELS.items():
        (folder / name).write_bytes(data)
    asked: list[str] = []
    with serving(folder, on_request=asked.append) as url:
        monkeypatch.setenv(pyodide.CDN_VARIABLE, url)
        yield folder, asked


@pytest.fixture
def carrier(tmp_path, monkeypatch):
    """Stand-in for pip, the only command of the fallback; yields the carrier's content."""
    files = dict(WHEELS)

    def pip(command, failure):
        folder = command[command.index("--dest") + 1]
        with zipfile.ZipFile(f"{folder}/carrier.whl", "w") as archive:
            for name, data in files.items():
                archive.writestr(f"open_webui/frontend/pyodide/{name}", data)
        return ""

    monkeypatch.setattr(pyodide, "run", pip)
    return files


def fetch(node_modules, tmp_path):
    return pyodide.ensure_pyodide(tmp_path / "no-python", node_modules, tmp_path / "cache")


def wheels_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.whl")}


def test_runtime_and_wheels_are_put_in_a_folder_named_after_the_version(
    node_modules, mirror, tmp_path
):
    folder = fetch(node_modules, tmp_path)
    assert folder.name == "pyodide-9.9"
    assert wheels_in(folder) == WHEELS
    assert {path.name for path in folder.iterdir()} == {*WHEELS, *PYODIDE_RUNTIME}


def test_second_run_fetches_nothing(node_modules, mirror, tmp_path):
    fetch(node_modules, tmp_path)
    mirror[1].clear()
    fetch(node_modules, tmp_path)
    assert mirror[1] == []


def test_only_missing_or_damaged_wheels_are_fetched_again(node_modules, mirror, tmp_path):
    damaged, lost, _ = WHEELS
    folder = fetch(node_modules, tmp_path)
    mirror[1].clear()
    (folder / damaged).write_bytes(b"half a whe")
    (folder / lost).unlink()
    fetch(node_modules, tmp_path)
    assert sorted(mirror[1]) == sorted([damaged, lost])
    assert wheels_in(folder) == WHEELS


def test_file_with_a_wrong_hash_is_taken_from_the_carrier(node_modules, mirror, carrier, tmp_path):
    for name in WHEELS:
        (mirror[0] / name).write_bytes(b"something else")
    assert wheels_in(fetch(node_modules, tmp_path)) == WHEELS


def test_missing_file_is_taken_from_the_carrier(node_modules, mirror, carrier, tmp_path):
    (mirror[0] / list(WHEELS)[1]).unlink()
    assert wheels_in(fetch(node_modules, tmp_path)) == WHEELS


def test_unreachable_cdn_is_tried_once(node_modules, mirror, carrier, tmp_path, monkeypatch):
    asked = []

    def unreachable(url, timeout):
        asked.append(url)
        raise OSError("no route")

    monkeypatch.setattr(pyodide.urllib.request, "urlopen", unreachable)
    assert wheels_in(fetch(node_modules, tmp_path)) == WHEELS
    assert len(asked) == 1


def test_unverified_files_are_refused(node_modules, mirror, carrier, tmp_path):
    name = next(iter(WHEELS))
    (mirror[0] / name).write_bytes(b"a lie")
    carrier[name] = b"another lie"
    with pytest.raises(CannotGoOn, match="does not have the sha256"):
        fetch(node_modules, tmp_path)
    assert name not in wheels_in(tmp_path / "cache" / "pyodide-9.9")


def test_offline_is_reported(node_modules, tmp_path, monkeypatch):
    with serving(tmp_path) as gone:
        pass
    monkeypatch.setenv(pyodide.CDN_VARIABLE, gone)
    with pytest.raises(CannotGoOn, match="needs a connection"):
        pyodide.ensure_pyodide("/bin/false", node_modules, tmp_path / "cache")
