"""py_demixer/pyodide/site.py with a site's real files and a stand-in for Pyodide's fetch."""

import asyncio
import json
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

import py_demixer
from py_demixer.errors import FetchError
from py_demixer.pyodide import site
from web import assemble

ADDRESS = "https://songs.example/demixer/"
FIRST, SECOND = "000.bin", "001.bin"


class Answer:
    """The part of pyfetch's response that the package uses."""

    def __init__(self, data):
        self.data = data

    def raise_for_status(self):
        if self.data is None:
            raise OSError("404 Client Error")

    async def bytes(self):
        return self.data


class Server:
    """Serves a folder; `failures` maps ends of addresses to failures that come first."""

    def __init__(self, folder):
        self.folder = folder
        self.failures = {}
        self.asked = []

    async def pyfetch(self, url, **options):
        assert url.startswith(ADDRESS)
        self.asked.append((url.removeprefix(ADDRESS), options["cache"]))
        for end, failures in self.failures.items():
            if url.endswith(end) and failures:
                failure = failures.pop(0)
                if isinstance(failure, Exception):
                    raise failure
                return Answer(failure)
        path = self.folder / url.removeprefix(ADDRESS)
        return Answer(path.read_bytes() if path.exists() else None)


@pytest.fixture
def server(tmp_path, tiny_weights, monkeypatch):
    monkeypatch.setattr(assemble, "PART_BYTES", 10_000)
    described = assemble._write_model("htdemucs", tiny_weights, tmp_path)
    (tmp_path / "assets.json").write_text(json.dumps({"models": {"htdemucs": described}}))
    found = Server(tmp_path)
    http = types.SimpleNamespace(pyfetch=found.pyfetch)
    monkeypatch.setitem(sys.modules, "pyodide", types.SimpleNamespace(http=http))
    monkeypatch.setitem(sys.modules, "pyodide.http", http)
    monkeypatch.setattr(site, "PAUSE_SECONDS", 0)
    return found


def fetch(address=ADDRESS, name="htdemucs", **options):
    # In a thread: Playwright keeps an event loop in this one after tests with a browser.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, site.fetch_weights(address, name, **options)).result()


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.rstrip("/")])
def test_parts_make_up_the_weight_file(server, tiny_weights, address):
    weights = fetch(address)
    assert weights.tobytes() == tiny_weights.read_bytes()
    assert len(server.asked) > 3
    assert py_demixer.load_model("htdemucs", weights).channels == 2


def test_licence_and_progress_are_reported(server, capsys):
    lines = []
    fetch(report=lines.append)
    assert "Demucs v4" in lines[0]
    assert "MIT" in lines[0]
    assert "https://github.com/" in lines[0]
    done = [int(line.split("%")[0]) for line in lines[1:]]
    assert done == sorted(done)
    assert done[-1] == 100
    assert len(done) == 10 < len(server.asked)
    size = sum(path.stat().st_size for path in server.folder.rglob("*.bin"))
    assert lines[-1] == f"100% of {size / 1e6:.1f} MB"
    assert capsys.readouterr().out == ""
    fetch()
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize("failure", [OSError("Failed to fetch"), None, b"half a part"])
def test_incomplete_part_is_fetched_again_bypassing_the_cache(server, tiny_weights, failure):
    server.failures[SECOND] = [failure, failure]
    assert fetch().tobytes() == tiny_weights.read_bytes()
    tries = [cache for name, cache in server.asked if name.endswith(SECOND)]
    assert tries == ["default", "reload", "reload"]
    assert [cache for name, cache in server.asked if name.endswith(FIRST)] == ["default"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (OSError("Failed to fetch"), "Failed to fetch"),
        (None, "404 Client Error"),
        (b"half a part", "its hash is not the one that the site states"),
    ],
)
def test_error_after_three_tries_gives_the_reason(server, failure, reason):
    server.failures[SECOND] = [failure] * site.TRIES
    with pytest.raises(FetchError, match=rf"{SECOND} could not be fetched \({reason}.*\)\. Check"):
        fetch()
    assert server.failures[SECOND] == []


def test_model_missing_from_the_site_is_an_error(server):
    with pytest.raises(ValueError, match=r"has no model 'umxl', only htdemucs\."):
        fetch(name="umxl")


@pytest.mark.parametrize("content", ["<title>Not found</title>", "{}"])
def test_address_of_another_site_is_an_error(server, content):
    (server.folder / "assets.json").write_text(content)
    with pytest.raises(FetchError, match=f"{ADDRESS} is not the address of a py-demixer site"):
        fetch()


def test_error_outside_pyodide_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodide.http", None)
    with pytest.raises(ImportError, match=r"works in Pyodide only: elsewhere .*load_model"):
        fetch()
