"""The documentation site made by `build.py docs`, and the links of all pages."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import py_demixer
from py_demixer.models.scnet import SCNet
from tools import docs, tour
from tools.environment import ROOT, CannotGoOn
from web.server import serving

PYTHON = Path(sys.executable)
GENERATED = {docs.SOURCES / name for name in ("network.svg", "scnet.svg")}
PAGES = sorted({*ROOT.glob("*.md"), *docs.SOURCES.rglob("*.md"), ROOT / "weights" / "README.md"})

_LINK = re.compile(r"\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    return docs.make_docs(PYTHON, folder / "site", folder / "stage")


@pytest.fixture(scope="module")
def steps() -> Mapping[str, tuple[int, ...]]:
    """The network's steps, and the shapes of their results."""
    return tour.record()


# ---- what is on it ------------------------------------------------------------------------------


def test_every_page_exists(site):
    for page in docs.SOURCES.rglob("*.md"):
        assert (site / page.relative_to(docs.SOURCES)).with_suffix(".html").is_file()
    assert (site / "jupyterlite" / "separate.ipynb").is_file()


def test_reference_has_every_public_name(site):
    text = (site / "reference.html").read_text(encoding="utf-8")
    for name in py_demixer.__all__:
        assert f'id="py_demixer.{name}"' in text, name
    assert not re.search(r":(func|class|meth|mod|data|attr):", text)


def test_tour_shows_every_step_with_its_shape(site, steps):
    assert len(steps) > 60
    assert steps["crosstransformer.layers.4"] == (512, 8 * 336)
    text = (site / "tour.html").read_text(encoding="utf-8")
    drawing = (site / "network.svg").read_text(encoding="utf-8")
    for name, shape in steps.items():
        shown = " × ".join(map(str, shape))
        assert re.search(rf"<code>{re.escape(name)}</code></td>\s*<td>{shown}</td>", text), name
        assert f">{shown}</text>" in drawing, name


def test_tour_of_scnet_shows_every_step_with_its_shape(site):
    steps = tour.record(SCNet)
    assert steps["separation_net.dp_modules.5"] == (256, 57, 239)
    text = (site / "tour-scnet.html").read_text(encoding="utf-8")
    drawing = (site / "scnet.svg").read_text(encoding="utf-8")
    assert drawing.count('class="skip"') == 3
    for name, shape in steps.items():
        shown = " × ".join(map(str, shape))
        assert re.search(rf"<code>{re.escape(name)}</code></td>\s*<td>{shown}</td>", text), name
        assert f">{shown}</text>" in drawing, name


def test_drawing_has_all_connections(steps):
    """Four skips and two cross-attention layers in each branch."""
    parameters = [
        f"crosstransformer.layers{t}.{i}.cross_attn.x" for t in ("", "_t") for i in (1, 3)
    ]
    drawing = tour.draw(steps, parameters)
    assert drawing.count('class="skip"') == 8
    assert drawing.count('class="cross"') == 4


def test_pages_load_no_files_from_other_hosts(site):
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(?:https?:)?//')
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text(encoding="utf-8")), page


@pytest.mark.browser
def test_site_requests_no_other_host_and_no_missing_file(site, context):
    tab = context.new_page()
    asked, failed = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("response", lambda got: failed.append(got.url) if got.status >= 400 else None)
    with serving(site, prefix="/some/where/") as url:
        for page in ("index.html", "tour.html", "reference.html"):
            tab.goto(url + page)
        tab.get_by_role("textbox", name="Search").click()
        tab.keyboard.type("Dask")
        tab.locator(".md-search-result__link").filter(has_text="Many songs").first.wait_for()
    local = {urlsplit(url).netloc, ""}
    assert {address for address in asked if urlsplit(address).netloc not in local} == set()
    assert failed == []


# ---- what stops it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a page](nowhere.md)", "nowhere.md"),
        ("[a heading](models.md#no-such-heading)", "no-such-heading"),
        ("::: py_demixer.no_such_name", "no_such_name"),
    ],
)
def test_broken_references_are_errors(text, complaint, tmp_path, monkeypatch):
    sources = shutil.copytree(docs.SOURCES, tmp_path / "docs")
    with (sources / "limits.md").open("a") as page:
        page.write(f"\n{text}\n")
    monkeypatch.setattr(docs, "SOURCES", sources)
    with pytest.raises(CannotGoOn, match=complaint):
        docs.make_docs(PYTHON, tmp_path / "site", tmp_path / "stage")


# ---- links --------------------------------------------------------------------------------------


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and MkDocs make them from plain words."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", text).strip().lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_are_valid(page):
    for link in links(page):
        url = urlsplit(link)
        if url.scheme:
            assert (url.scheme, bool(url.netloc)) == ("https", True), link
            continue
        target = (page.parent / url.path).resolve() if url.path else page
        assert target.exists() or target in GENERATED, link
        if url.fragment:
            assert url.fragment in anchors(target), link
