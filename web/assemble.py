"""Assemble the static site from page, libraries, Pyodide, the package's wheel and weights.

The site has two kinds of files. Light files, the shell, are listed in sw.js, which precaches them.
Heavy files are listed in assets.json with their sizes and integrity values (weights under their
model); only the engine fetches them. The same input always gives the same bytes.

    python -m web.assemble OUT --wheel FILE --pyodide FOLDER --snapshot FOLDER \\
        --node-modules FOLDER --model NAME=FILE
"""

from __future__ import annotations

import argparse
import base64
import functools
import gzip
import hashlib
import html
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from web import headers

if TYPE_CHECKING:
    from py_demixer.weights import manifest

WEB = Path(__file__).resolve().parent
LIBRARY_LICENCES = WEB / "licences"
"""Licences of third-party code in npm packages that the packages do not include themselves."""

ABOUT_MODELS = WEB.parent / "docs" / "models.md"
PART_BYTES = 4 << 20

PYODIDE_PACKAGES = ("numpy",)
"""Packages that the page's worker always needs, besides py_demixer itself."""

FALLBACK_PACKAGES = ("scipy",)
"""Packages that it also loads if the kernels cannot be opened."""

PYODIDE_RUNTIME = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
"""The files of Pyodide that a module worker needs, besides wheels."""

SNAPSHOT = "snapshot.bin"
SNAPSHOT_FACTS = "snapshot.json"
"""What a snapshot's folder holds, besides shared libraries: see tools/snapshot.py."""

_PACKED_TYPES = {
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".so": "application/octet-stream",
    ".wasm": "application/wasm",
}
"""Media types of heavy files that are not compressed themselves: few hosts compress all of them."""

_PAGE_SUFFIXES = {".html", ".css", ".js", ".svg", ".png", ".ico", ".webmanifest"}
_SAMPLERATE = "@alexanderolsen/libsamplerate-js"
_FONT = "@fontsource-variable/inter"
_AAC = "@mediabunny/aac-encoder"
_FLAC = "@mediabunny/flac-encoder"
_MP3 = "@mediabunny/mp3-encoder"
_ZIP = "@zip.js/zip.js"
_VENDOR = {
    "zip.mjs": f"{_ZIP}/dist/zip-core.min.js",
    "mediabunny.mjs": "mediabunny/dist/bundles/mediabunny.min.mjs",
    "libsamplerate.mjs": f"{_SAMPLERATE}/dist/libsamplerate.js",
    "fft.mjs": "fft.js/lib/fft.js",
    "midi.mjs": "midi-file/lib/midi-writer.js",
    "idb.mjs": "idb/build/index.js",
    "yaml.mjs": "js-yaml/dist/browser/js-yaml.esm.min.mjs",
    "inter.woff2": f"{_FONT}/files/inter-latin-wght-normal.woff2",
    "aac-encoder/encoder.mjs": f"{_AAC}/dist/modules/src/encoder.js",
    "aac-encoder/worker.mjs": f"{_AAC}/dist/modules/src/encode.worker.js",
    "aac-encoder/aac.mjs": f"{_AAC}/dist/modules/build/aac.js",
    "aac-encoder/aac-misc.mjs": "mediabunny/dist/modules/shared/aac-misc.js",
    "aac-encoder/bitstream.js": "mediabunny/dist/modules/shared/bitstream.js",
    "flac-encoder/encoder.mjs": f"{_FLAC}/dist/modules/src/encoder.js",
    "flac-encoder/worker.mjs": f"{_FLAC}/dist/modules/src/encode.worker.js",
    "flac-encoder/flac.mjs": f"{_FLAC}/dist/modules/build/flac.js",
    "mp3-encoder/encoder.mjs": f"{_MP3}/dist/modules/src/index.js",
    "mp3-encoder/worker.mjs": f"{_MP3}/dist/modules/src/encode.worker.js",
    "mp3-encoder/lame.mjs": f"{_MP3}/dist/modules/build/lame.js",
    "mp3-encoder/mp3-misc.mjs": "mediabunny/dist/modules/shared/mp3-misc.js",
    "signalsmith-stretch.mjs": "signalsmith-stretch/SignalsmithStretch.mjs",
    "workbox-core.js": "workbox-core/build/workbox-core.prod.js",
    "workbox-routing.js": "workbox-routing/build/workbox-routing.prod.js",
    "workbox-strategies.js": "workbox-strategies/build/workbox-strategies.prod.js",
    "workbox-precaching.js": "workbox-precaching/build/workbox-precaching.prod.js",
    "workbox-window.mjs": "workbox-window/build/workbox-window.prod.mjs",
}
_NPM_PACKAGES = (
    "pyodide",
    "mediabunny",
    _ZIP,
    _SAMPLERATE,
    "fft.js",
    "midi-file",
    "idb",
    "js-yaml",
    _FONT,
    _AAC,
    _FLAC,
    _MP3,
    "signalsmith-stretch",
    "workbox-core",
    "workbox-precaching",
    "workbox-routing",
    "workbox-strategies",
    "workbox-window",
)
_SYSTEM_RANDOM = "globalThis?.crypto"
# For each file: its exports, and the modules that it requires as a CommonJS module, by the last
# part of their path.
_MADE_MODULES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "libsamplerate.mjs": (("create", "ConverterType"), {}),
    "fft.mjs": (("default",), {}),
    "midi.mjs": (("default",), {}),
    "zip.mjs": (("ZipWriter", "configure"), {}),
    "aac-encoder/encoder.mjs": (
        ("registerAacEncoder",),
        {
            "mediabunny": "../mediabunny.mjs",
            "aac-misc": "./aac-misc.mjs",
            "encode.worker": "./start.mjs",
        },
    ),
    "aac-encoder/worker.mjs": ((), {"aac": "./aac.mjs"}),
    "aac-encoder/aac.mjs": (("default",), {}),
    "flac-encoder/encoder.mjs": (
        ("registerFlacEncoder",),
        {"mediabunny": "../mediabunny.mjs", "encode.worker": "./start.mjs"},
    ),
    "flac-encoder/worker.mjs": ((), {"flac": "./flac.mjs"}),
    "flac-encoder/flac.mjs": (("default",), {}),
    "mp3-encoder/encoder.mjs": (
        ("registerMp3Encoder",),
        {
            "mediabunny": "../mediabunny.mjs",
            "mp3-misc": "./mp3-misc.mjs",
            "encode.worker": "./start.mjs",
        },
    ),
    "mp3-encoder/worker.mjs": ((), {"lame": "./lame.mjs"}),
    "mp3-encoder/lame.mjs": (("default",), {}),
}
# The encoders' own bundles start their workers from blob: URLs, which a strict CSP forbids.
_START_WORKER = """\
export default () => new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
"""
_SERVICE_WORKER = "sw.js"
_DEMO = "demo/song.flac"
_SHELL_PLACE = "self.__SHELL"
_POLICY_PLACE = "self.__POLICY"
_PAGE = "index.html"
_PAGE_POLICY_PLACE = "THE BUILD WRITES IT HERE"
_PYTHON_LICENCE = """Python (in Pyodide)
Licence: PSF-2.0
Source: https://github.com/python/cpython"""
_DEMO_LICENCE = f"""The demo song ({_DEMO}), made by this project's own program
Licence: CC0-1.0, https://creativecommons.org/publicdomain/zero/1.0/"""
_RULE = "=" * 80


@dataclass(frozen=True)
class LockedFile:
    """A wheel, as listed in pyodide-lock.json."""

    name: str
    sha256: str


def locked_wheels(
    pyodide_dir: Path, packages: Sequence[str] = (*PYODIDE_PACKAGES, *FALLBACK_PACKAGES)
) -> list[LockedFile]:
    """List the wheels of packages and of all their dependencies, in a fixed order."""
    lock = json.loads((pyodide_dir / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted, waiting = set[str](), [*packages]
    while waiting:
        name = waiting.pop().replace("_", "-")  # dependencies may be spelt either way
        if name not in wanted:
            wanted.add(name)
            waiting += lock["packages"][name]["depends"]
    entries = (lock["packages"][name] for name in sorted(wanted))
    return [LockedFile(entry["file_name"], entry["sha256"]) for entry in entries]


def assemble(
    out: Path,
    *,
    wheel: Path,
    pyodide_dir: Path,
    snapshot: Path,
    node_modules: Path,
    models: Mapping[str, Path],
    repository: str | None = None,
    web: Path = WEB,
) -> None:
    """Write the whole site to `out`, replacing any existing content.

    Parameters
    ----------
    out
        The site's folder.
    wheel
        The built wheel of py_demixer.
    pyodide_dir
        A folder named pyodide-<version> with the runtime and the locked wheels.
    snapshot
        The folder with the snapshot of that Pyodide with that wheel: see tools/snapshot.py.
    node_modules
        The folder in which npm installed the page's libraries.
    models
        Weight files (safetensors) by model name, as in the manifest; the first one is the page's
        choice.
    repository
        Address of the site's repository, to whose issues visitors can send their figures.
    web
        The page's sources.

    Raises
    ------
    FileNotFoundError
        One of the inputs is missing.
    KeyError
        A model is not in the manifest.
    ValueError
        The repository is not the address of a web page.
    """
    issues = repository and new_issue(repository)
    site = out.with_name(out.name + ".part")
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    _copy_page(web, site)
    _write_policy(site)
    _copy(ABOUT_MODELS, site / "models.txt")
    _copy_vendor(node_modules, site / "vendor")
    _write_demo(site)
    described = {name: _write_model(name, path, site) for name, path in models.items()}
    pyodide = _copy_pyodide(pyodide_dir, site)
    restored = _copy_snapshot(snapshot, site, pyodide)
    packaged = _copy_wheel(wheel, site)
    licences = _licences(wheel, node_modules, pyodide_dir, described)
    (site / "licences.txt").write_text(licences, encoding="utf-8")
    _write_assets(site, pyodide, restored, packaged, described, issues)
    _write_shell(site)
    shutil.rmtree(out, ignore_errors=True)
    site.rename(out)


def new_issue(repository: str) -> str:
    """The address of a form for an issue, on GitHub, Gitea or Forgejo.

    Raises
    ------
    ValueError
        The repository is not the address of a web page.
    """
    parts = urlsplit(repository)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(
            f"{repository} is not the address of a repository's page: give it with https://."
        )
    path = parts.path.rstrip("/").removesuffix(".git")
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/issues/new", "", ""))


def _copy_page(web: Path, site: Path) -> None:
    for path in _files(web):
        relative = path.relative_to(web)
        if path.suffix in _PAGE_SUFFIXES and relative.parts[0] != "node_modules":
            _copy(path, site / relative)
    _copy(web / headers.NAME, site / headers.NAME)


def _write_policy(site: Path) -> None:
    """Write the Content Security Policy of `_headers` into the page and the service worker."""
    policy = headers.of(headers.read(site), "/")[headers.POLICY]
    _fill(site / _PAGE, _PAGE_POLICY_PLACE, html.escape(headers.page_policy(policy), quote=False))
    _fill(site / _SERVICE_WORKER, _POLICY_PLACE, json.dumps(policy))


def _fill(path: Path, place: str, text: str) -> None:
    before, after = path.read_text(encoding="utf-8").split(place)
    path.write_text(before + text + after, encoding="utf-8")


def _copy_vendor(node_modules: Path, vendor: Path) -> None:
    for name, source in _VENDOR.items():
        _copy(node_modules / source, vendor / name)
    for name, (exports, requires) in _MADE_MODULES.items():
        _make_module(vendor / name, exports, requires)
    for name in ("aac-encoder", "flac-encoder", "mp3-encoder"):
        (vendor / name / "start.mjs").write_text(_START_WORKER, encoding="utf-8")
    _keep_wasm_module(vendor / "signalsmith-stretch.mjs")


def _write_demo(site: Path) -> None:
    """Write the demo song."""
    # Imported here because build.py imports this module before NumPy is installed.
    from web import demo_song

    song = site / _DEMO
    song.parent.mkdir(parents=True, exist_ok=True)
    song.write_bytes(demo_song.flac())


def _make_module(path: Path, names: Sequence[str], requires: Mapping[str, str]) -> None:
    """Turn a UMD bundle or a CommonJS module into an ES module, as workers import only those."""
    imports = [f'import * as m{i} from "{file}";' for i, file in enumerate(requires.values())]
    modules = [f'"{name}": {{ __esModule: true, ...m{i} }}' for i, name in enumerate(requires)]
    lines = [
        *imports,
        f"const modules = {{ {', '.join(modules)} }};",
        'const require = (path) => modules[path.split("/").at(-1)];',
        "const exports = {};",
        "const module = { exports };",
        # In a block, because the file may define these names itself.
        "{",
        path.read_text(encoding="utf-8"),
        "}",
        *(f"const e{i} = {_exported(name)};" for i, name in enumerate(names)),
        f"export {{ {', '.join(f'e{i} as {name}' for i, name in enumerate(names))} }};",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _exported(name: str) -> str:
    # If there is no default export, use the CommonJS module's whole exports.
    whole = " ?? module.exports" if name == "default" else ""
    return f"module.exports.{name}{whole}"


def _keep_wasm_module(path: Path) -> None:
    """Remove the package's own AudioWorklet, and let the caller provide the random numbers.

    For the reasons, see web/engine/stretch/signalsmith.js.
    """
    text = path.read_text(encoding="utf-8")
    wasm_module, worklet, _ = text.partition("function registerWorkletProcessor(")
    if not worklet or _SYSTEM_RANDOM not in wasm_module:
        raise ValueError(
            f"{path.name} is not built as expected: look at what its new version does."
        )
    wasm_module = wasm_module.replace(_SYSTEM_RANDOM, "moduleArg.random")
    path.write_text(wasm_module + "\nexport default SignalsmithStretch;\n", encoding="utf-8")


def _write_model(name: str, path: Path, site: Path) -> dict[str, object]:
    # Imported here because build.py imports this module before NumPy is installed.
    from py_demixer.weights import checkpoint, manifest

    model = manifest.load()[name]
    data = path.read_bytes()
    metadata = checkpoint.read(data).metadata
    digest = hashlib.sha256(data).hexdigest()
    folder = site / "models" / name / digest[:16]
    folder.mkdir(parents=True)
    parts = []
    for number, start in enumerate(range(0, len(data), PART_BYTES)):
        part = folder / f"{number:03d}.bin"
        # Named .bin, so that no server sends it with a Content-Encoding of its own.
        part.write_bytes(gzip.compress(data[start : start + PART_BYTES], mtime=0))
        parts.append({**_asset(part, site), "encoding": "gzip"})
    return {
        **_introduce(model),
        "licence": metadata["licence"],
        "architecture": metadata["architecture"],
        "bytes": len(data),
        "sha256": digest,
        "parts": parts,
    }


def _introduce(model: manifest.Model) -> dict[str, object]:
    """What the page shows about a model."""
    return {
        "title": model.title,
        "good_for": model.good_for,
        "licence": model.licence.text,
        "licence_url": model.licence.url,
        "sources": model.stems,
        **asdict(model.page),
    }


def _copy_pyodide(pyodide_dir: Path, site: Path) -> str:
    names = [*PYODIDE_RUNTIME, *(file.name for file in locked_wheels(pyodide_dir))]
    for name in names:
        _copy(pyodide_dir / name, site / pyodide_dir.name / name)
    return pyodide_dir.name + "/"


def _copy_snapshot(snapshot: Path, site: Path, pyodide: str) -> dict[str, Any]:
    """Copy the snapshot; return its entry in assets.json."""
    data = (snapshot / SNAPSHOT).read_bytes()
    # The hash is in the folder's name, because it changes with the package.
    folder = site / pyodide / hashlib.sha256(data).hexdigest()[:16]
    _copy(snapshot / SNAPSHOT, folder / SNAPSHOT)
    facts = json.loads((snapshot / SNAPSHOT_FACTS).read_bytes())
    libraries: dict[str, str] = {}
    for path, name in facts["libraries"].items():
        _copy(snapshot / name, folder / name)
        libraries[path] = (folder / name).relative_to(site).as_posix()
    file = {**_asset(folder / SNAPSHOT, site), "encoding": "gzip"}
    return {"file": file, "libraries": libraries, "places": facts["places"]}


def _copy_wheel(wheel: Path, site: Path) -> str:
    # The hash is in the folder's name, because the installer parses the wheel's own name.
    copy = site / "wheels" / hashlib.sha256(wheel.read_bytes()).hexdigest()[:16] / wheel.name
    _copy(wheel, copy)
    return copy.relative_to(site).as_posix()


def _write_assets(
    site: Path,
    pyodide: str,
    snapshot: Mapping[str, Any],
    wheel: str,
    models: Mapping[str, dict[str, object]],
    issues: str | None,
) -> None:
    from py_demixer import numerics
    from py_demixer.weights import manifest

    # NumPy is in the snapshot, so its wheel is needed only where that cannot be used.
    spare = {file.name for file in locked_wheels(site / pyodide)}
    heavy: list[dict[str, object]] = []
    fallback: list[dict[str, object]] = []
    light: list[dict[str, object]] = []
    for path in _files(site):
        if path.is_relative_to(site / pyodide) or path.is_relative_to(site / "wheels"):
            entry = snapshot["file"] if path.name == SNAPSHOT else _packed(path, site)
            (fallback if path.name in spare else heavy).append(entry)
        elif not path.is_relative_to(site / "models"):
            light.append(_asset(path, site))
    everything = json.dumps([heavy, fallback, models, light])
    assets = {
        "build": hashlib.sha256(everything.encode()).hexdigest()[:16],
        "pyodide": pyodide,
        "snapshot": snapshot,
        "packages": list(PYODIDE_PACKAGES),
        "fallbackPackages": list(FALLBACK_PACKAGES),
        "wheel": wheel,
        "numerics": numerics.VERSION,
        "models": models,
        "missing": {
            name: _introduce(model) for name, model in manifest.load().items() if name not in models
        },
        "files": heavy,
        "fallback": fallback,
        "issues": issues,
    }
    _write_json(site / "assets.json", assets)


def _asset(path: Path, site: Path) -> dict[str, object]:
    """The entry for a file in assets.json."""
    data = path.read_bytes()
    integrity = "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"url": path.relative_to(site).as_posix(), "bytes": len(data), "integrity": integrity}


def _packed(path: Path, site: Path) -> dict[str, object]:
    """The entry for a file in assets.json, with a compressed copy, made here, that is fetched."""
    if path.suffix not in _PACKED_TYPES:
        return _asset(path, site)
    data = _compressed(path.read_bytes())
    # The hash is in the folder's name, because it depends on the version of zlib, too. Named .bin,
    # so that no server sends it with a Content-Encoding of its own.
    copy = path.parent / hashlib.sha256(data).hexdigest()[:16] / (path.name + ".bin")
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(data)
    packed = _asset(copy, site)
    return {
        **packed,
        "url": path.relative_to(site).as_posix(),
        "packed": packed["url"],
        "encoding": "gzip",
        "type": _PACKED_TYPES[path.suffix],
    }


@functools.lru_cache(maxsize=16)
def _compressed(data: bytes) -> bytes:
    """Cached, because all sites that one process makes have the same Pyodide."""
    return gzip.compress(data, mtime=0)


def _write_shell(site: Path) -> None:
    """Write the list of light files into the service worker, so that a new build changes it."""
    assets = json.loads((site / "assets.json").read_bytes())
    parts = (model["parts"] for model in assets["models"].values())
    lists = (assets["files"], assets["fallback"], *parts)
    entries = [entry for entries in lists for entry in entries]
    heavy = {entry[key] for entry in entries for key in ("url", "packed") if key in entry}
    shell = []
    for path in _files(site):
        url = path.relative_to(site).as_posix()
        if url not in heavy and url not in (_SERVICE_WORKER, headers.NAME):
            revision = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            shell.append({"url": url, "revision": revision})
    _fill(site / _SERVICE_WORKER, _SHELL_PLACE, json.dumps(shell, indent=1))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _licences(
    wheel: Path, node_modules: Path, pyodide_dir: Path, models: Mapping[str, dict[str, object]]
) -> str:
    """One text with the licences of everything on the site."""
    sections = [_wheel_licence(wheel), _DEMO_LICENCE]
    for name, model in models.items():
        sections.append(f"Weights of {model['title']} ({name})\nLicence: {model['licence']}")
    sections += [_npm_licence(node_modules / name) for name in _NPM_PACKAGES]
    sections += [path.read_text(encoding="utf-8") for path in _files(LIBRARY_LICENCES)]
    sections.append(_PYTHON_LICENCE)
    sections += [_wheel_licence(pyodide_dir / file.name) for file in locked_wheels(pyodide_dir)]
    return f"\n\n{_RULE}\n".join(section.strip() for section in sections) + "\n"


def _npm_licence(package: Path) -> str:
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    repository = about.get("repository", "")
    url = repository["url"] if isinstance(repository, dict) else repository
    title = f"{about['name']} {about['version']}\nLicence: {about['license']}\nSource: {url}"
    texts = [path.read_text(encoding="utf-8") for path in sorted(package.glob("LICEN[SC]E*"))]
    if not texts:
        # Some packages have it at the end of their README.
        texts = [(package / "README.md").read_text(encoding="utf-8").partition("LICENSE\n")[2]]
    return "\n\n".join([title, *texts]).strip()


def _wheel_licence(wheel: Path) -> str:
    title = " ".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        texts = [
            archive.read(name).decode("utf-8", "replace")
            for name in sorted(archive.namelist())
            if ".dist-info/" in name and "licen" in name.lower() and not name.endswith("/")
        ]
    return "\n\n".join([title, *texts])


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def main(arguments: list[str] | None = None) -> None:
    """Assemble a site from command-line arguments."""
    parser = argparse.ArgumentParser(prog="python -m web.assemble", description="Assemble a site.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--pyodide", type=Path, required=True)
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--node-modules", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--repository")
    options = parser.parse_args(arguments)
    models = dict(pair.split("=", 1) for pair in options.model)
    assemble(
        options.out,
        wheel=options.wheel,
        pyodide_dir=options.pyodide,
        snapshot=options.snapshot,
        node_modules=options.node_modules,
        models={name: Path(path) for name, path in models.items()},
        repository=options.repository,
    )


if __name__ == "__main__":
    main()
