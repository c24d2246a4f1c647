"""web/server.py: the headers it sends, and the paths it serves."""

import urllib.error
import urllib.request

import pytest

from web import headers
from web.assemble import WEB
from web.server import ISOLATION_HEADERS, make_server, serving


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "a").mkdir()
    for name in ("x.js", "x.mjs", "x.wasm", "x.whl", "x.webmanifest", "x.json"):
        (tmp_path / "a" / name).write_bytes(b"{}")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.js", "text/javascript"),
        ("x.mjs", "text/javascript"),
        ("x.wasm", "application/wasm"),
        ("x.whl", "application/octet-stream"),
        ("x.webmanifest", "application/manifest+json"),
        ("x.json", "application/json"),
    ],
)
def test_content_types(folder, name, kind):
    with serving(folder) as url, urllib.request.urlopen(url + "a/" + name) as answer:
        assert answer.headers["Content-Type"] == kind


def test_folder_serves_its_index_page_with_revalidation(folder):
    with serving(folder) as url, urllib.request.urlopen(url) as answer:
        assert answer.read() == b"page"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert ISOLATION_HEADERS.keys().isdisjoint(answer.headers.keys())


def test_headers_can_be_added(folder):
    with (
        serving(folder, cache_control="no-store", headers=ISOLATION_HEADERS) as url,
        urllib.request.urlopen(url) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


def test_headers_file_is_applied(folder):
    (folder / "_headers").write_text(
        "# A remark.\n/*\n  X-All: yes\n  Cache-Control: max-age=1\n"
        "\n/a/*\n  X-All: a: b\n  X-A: 1\n"
    )
    with serving(folder, prefix="/deep/") as url:
        with urllib.request.urlopen(url) as answer:
            assert answer.headers["X-All"] == "yes"
            assert answer.headers["Cache-Control"] == "no-cache"
        with urllib.request.urlopen(url + "a/x.js?v=1") as answer:
            assert (answer.headers["X-All"], answer.headers["X-A"]) == ("a: b", "1")


def test_invalid_line_in_headers_file_is_an_error(folder):
    (folder / "_headers").write_text("X-All: yes\n")
    with pytest.raises(ValueError, match="neither a path nor a header: X-All"):
        make_server(folder)


def test_nginx_example_has_the_headers_of_the_site():
    shown = (WEB.parent / "docs" / "hosting.md").read_text(encoding="utf-8")
    for name, value in headers.of(headers.read(WEB), "/").items():
        assert shown.count(f'add_header {name} "{value}" always;') == 1


def test_prefix_serves_the_site_only_under_that_path(folder):
    seen: list[str] = []
    with serving(folder, prefix="/deep/down/", on_request=seen.append) as url:
        assert url.endswith("/deep/down/")
        assert urllib.request.urlopen(url + "a/x.js?v=1").read() == b"{}"
        assert urllib.request.urlopen(url).read() == b"page"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.removesuffix("deep/down/"))
    assert seen == ["a/x.js", ""]


def test_server_stops_after_the_block(folder):
    with serving(folder) as url:
        urllib.request.urlopen(url).close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def test_port_in_use_is_an_error(folder):
    with make_server(folder) as first, pytest.raises(OSError, match="in use"):
        make_server(folder, port=first.server_address[1])
