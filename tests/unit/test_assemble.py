"""web/assemble.py on a small made-up set of inputs: no network, no browser."""

import base64
import gzip
import hashlib
import html
import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from py_demixer.weights import manifest
from tests import tiny, unmix
from web import assemble as module
from web.assemble import assemble, locked_wheels

POLICY = "default-src 'none'; frame-ancestors 'self'; img-src 'self'"


STRETCH = "random = globalThis?.crypto;\nfunction registerWorkletProcessor() {}\n"
"""Code that web/assemble.py looks for in the library `signalsmith-stretch`."""


@pytest.fixture
def inputs(tmp_path):
    return make_inputs(tmp_path / "in")


def make_inputs(folder: Path) -> dict:
    node_modules, pyodide, web = (folder / n for n in ("node_modules", "pyodide-9.9", "web"))
    for name in module._NPM_PACKAGES:
        about = {"name": name, "version": "1.2.3", "license": "MIT", "repository": f"git:{name}"}
        write(node_modules / name / "package.json", json.dumps(about))
        write(node_modules / name / "LICENSE", f"licence of {name}")
    for source in module._VENDOR.values():
        write(node_modules / source, f"// {source}\n{STRETCH}")
    lock = {"packages": {}}
    for name, depends in (("numpy", []), ("scipy", ["blas"]), ("blas", [])):
        path = pyodide / f"{name}-1.0-py3-none-any.whl"
        write_wheel(path, f"{name}-1.0", f"terms of {name}")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lock["packages"][name] = {"depends": depends, "file_name": path.name, "sha256": digest}
    lock["packages"]["unwanted"] = {"depends": [], "file_name": "unwanted.whl", "sha256": ""}
    for name in module.PYODIDE_RUNTIME:
        write(pyodide / name, f"// {name}")
    write(pyodide / "pyodide-lock.json", json.dumps(lock))
    write(web / "index.html", f'<title>Page</title><meta content="{module._PAGE_POLICY_PLACE}">')
    write(web / "_headers", f"/*\n  Content-Security-Policy: {POLICY}\n")
    write(web / "engine" / "pool.js", "export {};")
    write(web / "sw.js", "precache(self.__SHELL);\npolicy = self.__POLICY")
    for unwanted in ("assemble.py", "package.json", "types.d.ts", "node_modules/a/a.js"):
        write(web / unwanted, "not for the site")
    write(folder / "snapshot" / module.SNAPSHOT, "snapshot")
    write(folder / "snapshot" / "umath.so", "library")
    facts = {"places": 9, "libraries": {"/lib/python/umath.so": "umath.so"}}
    write(folder / "snapshot" / module.SNAPSHOT_FACTS, json.dumps(facts))
    wheel = folder / "py_demixer-0.1.0-py3-none-any.whl"
    write_wheel(wheel, "py_demixer-0.1.0", "our own terms")
    weights = tiny.write(folder / "tiny.safetensors")
    return {
        "wheel": wheel,
        "pyodide_dir": pyodide,
        "snapshot": folder / "snapshot",
        "node_modules": node_modules,
        "models": {"htdemucs": weights},
        "web": web,
    }


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_wheel(path: Path, title: str, licence: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{title}.dist-info/licenses/LICENSE.txt", licence)


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def read_assets(site: Path) -> dict:
    return json.loads((site / "assets.json").read_text())


def parts(assets: dict) -> dict[str, list[dict]]:
    """The weight files of each model."""
    return {name: model["parts"] for name, model in assets["models"].items()}


def urls(*lists: list[dict]) -> set[str]:
    return {entry["url"] for entries in lists for entry in entries}


def packed(assets: dict) -> set[str]:
    """The compressed copies of heavy files."""
    return {entry["packed"] for entry in assets["files"] if "packed" in entry}


def read_shell(site: Path) -> list[dict]:
    return json.loads((site / "sw.js").read_text().removeprefix("precache(").partition(");\n")[0])


def test_every_file_is_listed_once_as_heavy_or_light(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    assets = read_assets(tmp_path / "site")
    heavy = urls(assets["files"], assets["fallback"], *parts(assets).values())
    heavy |= packed(assets)
    light = {entry["url"] for entry in read_shell(tmp_path / "site")}
    assert not heavy & light
    assert heavy | light | {"sw.js", "_headers"} == set(tree(tmp_path / "site"))


def test_wheels_of_other_packages_are_only_a_fallback(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    assets = read_assets(tmp_path / "site")
    spare = {entry["url"].split("/")[-1].split("-")[0] for entry in assets["fallback"]}
    assert spare == {"numpy", "scipy", "blas"}
    assert not {entry["url"] for entry in assets["files"]} & {e["url"] for e in assets["fallback"]}


def test_snapshot_is_a_heavy_file_and_its_libraries_are_found(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    assets = read_assets(tmp_path / "site")
    snapshot = assets["snapshot"]
    folder = f"pyodide-9.9/{hashlib.sha256(b'snapshot').hexdigest()[:16]}"
    assert snapshot["libraries"] == {"/lib/python/umath.so": f"{folder}/umath.so"}
    assert snapshot["places"] == 9
    assert snapshot["file"]["url"] == f"{folder}/{module.SNAPSHOT}"
    assert snapshot["file"]["encoding"] == "gzip"
    assert snapshot["file"] in assets["files"]
    assert f"{folder}/umath.so" in urls(assets["files"])


def test_page_fetches_compressed_copies_of_what_is_not_compressed(inputs, tmp_path):
    site = tmp_path / "site"
    assemble(site, **inputs)
    entries = {entry["url"].split("/")[-1]: entry for entry in read_assets(site)["files"]}
    for name, kind in (
        ("pyodide.asm.wasm", "application/wasm"),
        ("pyodide.mjs", "text/javascript"),
        ("pyodide-lock.json", "application/json"),
        ("umath.so", "application/octet-stream"),
    ):
        entry = entries[name]
        assert (entry["encoding"], entry["type"]) == ("gzip", kind)
        plain = gzip.decompress((site / entry["packed"]).read_bytes())
        assert plain == (site / entry["url"]).read_bytes()
    for name in ("python_stdlib.zip", inputs["wheel"].name):
        assert "encoding" not in entries[name]


def test_only_site_files_are_copied_from_the_web_folder(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    light = {entry["url"] for entry in read_shell(tmp_path / "site")}
    own = {url for url in light if not url.startswith("vendor/")}
    made = {"assets.json", "demo/song.flac", "licences.txt", "models.txt"}
    assert own == {"index.html", "engine/pool.js"} | made


def test_policy_of_the_headers_is_in_the_page_and_service_worker(inputs, tmp_path):
    site = tmp_path / "site"
    assemble(site, **inputs)
    (stated,) = re.findall('content="(.*)"', (site / "index.html").read_text())
    # A page cannot state who may frame it.
    assert html.unescape(stated).startswith("default-src 'none'; img-src 'self'; require-trusted")
    assert (site / "sw.js").read_text().endswith(f"policy = {json.dumps(POLICY)}")


def test_integrity_values_and_revisions_match_the_files(inputs, tmp_path):
    site = tmp_path / "site"
    assemble(site, **inputs)
    assets = read_assets(site)
    for entry in (*assets["files"], *parts(assets)["htdemucs"]):
        data = (site / entry.get("packed", entry["url"])).read_bytes()
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        assert entry["integrity"] == f"sha256-{digest}"
        assert entry["bytes"] == len(data)
    for entry in read_shell(site):
        digest = hashlib.sha256((site / entry["url"]).read_bytes()).hexdigest()
        assert entry["revision"] == digest[:16]


def test_weights_are_listed_only_with_their_model(inputs, tmp_path):
    site = tmp_path / "site"
    umxhq = unmix.write(tmp_path / "umxhq.safetensors")
    assemble(site, **inputs | {"models": {"umxhq": umxhq} | inputs["models"]})
    assets = read_assets(site)
    assert list(assets["models"]) == ["umxhq", "htdemucs"]  # as given: the first is selected
    kinds = {name: model["architecture"] for name, model in assets["models"].items()}
    assert kinds == {"htdemucs": "htdemucs", "umxhq": "openunmix"}
    for name, entries in parts(assets).items():
        assert urls(entries) == {url for url in tree(site) if url.startswith(f"models/{name}/")}
    light = {entry["url"] for entry in read_shell(site)}
    others = urls(assets["files"], assets["fallback"]) | packed(assets) | light
    assert not urls(*parts(assets).values()) & others
    assert urls(*parts(assets).values()) | others | {"sw.js", "_headers"} == set(tree(site))
    assert "Weights of Open-Unmix (UMXHQ)" in (site / "licences.txt").read_text()


def test_missing_models_are_described(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    assets = read_assets(tmp_path / "site")
    assert set(assets["missing"]) == set(manifest.load()) - {"htdemucs"}
    assert assets["missing"]["umxl"] == {
        "title": "Open-Unmix (UMXL)",
        "good_for": "Lighter: quicker than Demucs v4, cleaner than UMXHQ.",
        "licence": "CC BY-NC-SA 4.0: not for commercial use, and to be shared alike.",
        "licence_url": "https://zenodo.org/records/5069601",
        "sources": ["drums", "bass", "other", "vocals"],
        "pace": 0.38,
        "step": None,
        "memory": 450,
        "options": {},
    }
    # The page links to this file, which says how to add them.
    assert (
        "build.py site --model htdemucs --model umxl"
        in (tmp_path / "site" / "models.txt").read_text()
    )


def test_parts_add_up_to_the_weight_file(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART_BYTES", 100_000)
    site = tmp_path / "site"
    assemble(site, **inputs)
    weights = inputs["models"]["htdemucs"].read_bytes()
    model = read_assets(site)["models"]["htdemucs"]
    assert all(part["encoding"] == "gzip" for part in model["parts"])
    pieces = [gzip.decompress((site / part["url"]).read_bytes()) for part in model["parts"]]
    assert len(pieces) > 1
    assert all(len(piece) == 100_000 for piece in pieces[:-1])
    assert b"".join(pieces) == weights
    assert model["bytes"] == len(weights)
    assert model["sha256"] == hashlib.sha256(weights).hexdigest()
    assert model["sources"] == ["drums", "bass", "other", "vocals"]


def test_same_input_gives_the_same_bytes(inputs, tmp_path):
    assemble(tmp_path / "one", **inputs)
    assemble(tmp_path / "two", **inputs)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.parametrize("changed", ["web/engine/pool.js", "pyodide-9.9/pyodide.mjs"])
def test_changed_file_changes_the_build_and_the_service_worker(inputs, tmp_path, changed):
    site = tmp_path / "site"
    assemble(site, **inputs)
    build, worker = read_assets(site)["build"], (site / "sw.js").read_text()
    write(tmp_path / "in" / changed, "changed")
    assemble(site, **inputs)
    assert read_assets(site)["build"] != build
    assert (site / "sw.js").read_text() != worker


def test_assembling_again_removes_the_previous_site(inputs, tmp_path):
    site = tmp_path / "site"
    assemble(site, **inputs)
    (tmp_path / "in" / "web" / "engine" / "pool.js").unlink()
    assemble(site, **inputs)
    assert not (site / "engine").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "site"]


def test_missing_input_leaves_the_previous_site_alone(inputs, tmp_path):
    site = tmp_path / "site"
    assemble(site, **inputs)
    before = tree(site)
    inputs["wheel"].unlink()
    with pytest.raises(FileNotFoundError):
        assemble(site, **inputs)
    assert tree(site) == before


def test_licences_of_all_distributed_parts_are_in_one_text(inputs, tmp_path):
    assemble(tmp_path / "site", **inputs)
    text = (tmp_path / "site" / "licences.txt").read_text()
    for name in module._NPM_PACKAGES:
        assert f"licence of {name}" in text
    for name in ("numpy", "scipy", "blas"):
        assert f"terms of {name}" in text
    # These are compiled into packages that name only their own licence.
    assert "LAME 3.100" in text
    assert "GNU LIBRARY GENERAL PUBLIC LICENSE" in text
    assert "libFLAC" in text
    assert "libavcodec of FFmpeg" in text
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "Xiph.Org Foundation" in text
    assert text.startswith("py_demixer 0.1.0\n\nour own terms")
    assert "Weights of Demucs v4 (HTDemucs) (htdemucs)\nLicence: MIT" in text


def test_commonjs_module_becomes_an_es_module(inputs, tmp_path):
    encoder = inputs["node_modules"] / module._VENDOR["flac-encoder/encoder.mjs"]
    write(
        encoder,
        """"use strict";
        Object.defineProperty(exports, "__esModule", { value: true });
        const start = require("./encode.worker").default;
        let module = require("mediabunny").name;
        exports.registerFlacEncoder = () => [module, String(start)];""",
    )
    write(inputs["node_modules"] / module._VENDOR["mediabunny.mjs"], "export const name = 7;")
    assemble(tmp_path / "site", **inputs)
    url = (tmp_path / "site" / "vendor" / "flac-encoder" / "encoder.mjs").as_uri()
    script = f"import({url!r}).then((m) => console.log(JSON.stringify(m.registerFlacEncoder())))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    name, start = json.loads(done.stdout)
    assert name == 7
    assert 'new Worker(new URL("worker.mjs", import.meta.url)' in start


def test_locked_wheels_include_all_dependencies(inputs):
    names = [file.name.split("-")[0] for file in locked_wheels(inputs["pyodide_dir"])]
    assert names == ["blas", "numpy", "scipy"]
