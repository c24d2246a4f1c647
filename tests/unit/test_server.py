"""web/server.py: what browsers need to be told, and where the site appears."""

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
def test_types(folder, name, kind):
    with serving(folder) as url, urllib.request.urlopen(url + "a/" + name) as answer:
        assert answer.headers["Content-Type"] == kind


def test_a_folder_answers_with_its_index_page_and_asks_to_be_revalidated(folder):
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


def test_what_the_folder_states_of_headers_is_sent(folder):
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


def test_a_line_that_states_nothing_is_an_error(folder):
    (folder / "_headers").write_text("X-All: yes\n")
    with pytest.raises(ValueError, match="neither a path nor a header: X-All"):
        make_server(folder)


def test_the_headers_of_the_example_for_nginx_are_those_of_the_site():
    shown = (WEB.parent / "docs" / "hosting.md").read_text(encoding="utf-8")
    for name, value in headers.of(headers.read(WEB), "/").items():
        assert shown.count(f'add_header {name} "{value}" always;') == 1


def test_under_a_sub_path_the_site_is_there_and_only_there(folder):
    seen: list[str] = []
    with serving(folder, prefix="/deep/down/", on_request=seen.append) as url:
        assert url.endswith("/deep/down/")
        assert urllib.request.urlopen(url + "a/x.js?v=1").read() == b"{}"
        assert urllib.request.urlopen(url).read() == b"page"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.removesuffix("deep/down/"))
    assert seen == ["a/x.js", ""]


def test_after_the_block_nobody_answers(folder):
    with serving(folder) as url:
        urllib.request.urlopen(url).close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def test_a_taken_port_is_an_error(folder):
    with make_server(folder) as first, pytest.raises(OSError, match="in use"):
        make_server(folder, port=first.server_address[1])
