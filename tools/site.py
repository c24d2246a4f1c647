"""The steps that build a site from the sources: wheels, Pyodide, weights, dist/."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.environment import CACHE, ROOT, WEIGHTS, CannotGoOn, ensure_node_modules, note, run
from tools.kernels import build_kernels
from tools.pyodide import ensure_pyodide
from tools.snapshot import ensure_snapshot
from web.assemble import new_issue

DIST = ROOT / "dist"
_MANIFEST = json.loads((ROOT / "py_demixer" / "weights" / "manifest.json").read_bytes())
_IN_32_BITS = ("roformer", "scnet")
"""Architectures whose published numbers 16 bits do not hold exactly."""

MODELS = tuple(_MANIFEST)
"""Names of all models; a site has the first one unless told otherwise."""

STORAGES = ("float16", "float32", "int8")
"""How a site may store weights that are not exact in 16 bits; the first unless told otherwise."""

KERNEL_TAG = "py3-none-pyemscripten_2026_0_wasm32"
"""Tag of the wheel with kernels: any Python on Pyodide's platform of that year (PEP 783)."""

# The earliest time that a zip file can state, so that the same sources always give the same wheel.
WHEEL_DATE = "315532800"
_PURE_TAG = "py3-none-any"
_WHEEL_SOURCES = ("py_demixer/**/*", "pyproject.toml", "LICENSE", "README.md")


def build_wheel(python: Path, cache: Path = CACHE) -> Path:
    """Build the project's wheel, unless the last one was built from the same sources."""
    folder = cache / "wheel"
    stamp, wanted = folder / ".stamp", _sources_hash()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="py-demixer-") as copy:
            # Build in a copy: setuptools leaves files behind, and includes those of earlier builds.
            for path in _sources():
                target = Path(copy) / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
            options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
            run(
                [python, "-m", "pip", "wheel", *options, "--wheel-dir", folder, copy],
                "Cannot build the project's wheel. pip said:",
                environment={"SOURCE_DATE_EPOCH": WHEEL_DATE},
            )
        stamp.write_text(wanted)
    (wheel,) = folder.glob("*.whl")
    return wheel


def build_kernel_wheel(python: Path, cache: Path = CACHE) -> Path:
    """Build the wheel for Pyodide: the pure wheel plus the compiled kernels, with another tag."""
    pure = build_wheel(python, cache)
    modules = build_kernels(python, cache / "kernels")
    return add_kernels(pure, modules, cache / "kernel-wheel")


def add_kernels(pure: Path, modules: Iterable[Path], folder: Path) -> Path:
    """Make the wheel for Pyodide from the pure wheel and the compiled kernels, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / pure.name.replace(_PURE_TAG, KERNEL_TAG)
    added = {f"py_demixer/ops/kernels/{module.name}": module.read_bytes() for module in modules}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        extended = Path(scratch) / wheel.name
        _extend_wheel(pure, extended, added)
        extended.replace(wheel)  # atomically, as another process may be reading it
    return wheel


def _extend_wheel(pure: Path, wheel: Path, added: dict[str, bytes]) -> None:
    """Copy a pure wheel with additional files, updating its RECORD and changing its tag."""
    with zipfile.ZipFile(pure) as archive, zipfile.ZipFile(wheel, "w") as extended:
        for info in archive.infolist():
            data, folder = archive.read(info), info.filename.rpartition("/")[0]
            if info.filename == f"{folder}/WHEEL":
                data = data.replace(_PURE_TAG.encode(), KERNEL_TAG.encode())
                data = data.replace(b"Root-Is-Purelib: true", b"Root-Is-Purelib: false")
                added = {**added, info.filename: data}
            elif info.filename == f"{folder}/RECORD":
                data = _record(data.decode(), added).encode()
            extended.writestr(info, data)
        for name in sorted(added.keys() - set(archive.namelist())):
            extended.writestr(zipfile.ZipInfo(name), added[name], zipfile.ZIP_DEFLATED)


def _record(record: str, changed: dict[str, bytes]) -> str:
    """A wheel's RECORD with the hashes and sizes of new or changed files."""
    kept = [line for line in record.splitlines() if line.split(",")[0] not in changed]
    lines = []
    for name, data in sorted(changed.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join([*lines, *kept, ""])


def _sources() -> list[Path]:
    files = {path for pattern in _WHEEL_SOURCES for path in ROOT.glob(pattern)}
    return sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts)


def _sources_hash() -> str:
    total = hashlib.sha256()
    for path in _sources():
        total.update(f"{path.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def ensure_weights(python: Path, name: str, folder: Path = WEIGHTS) -> Path:
    """Fetch and convert a model's weights, unless a valid file is there; return the file."""
    if not _weight_file(name, folder).exists():
        note(f"Fetching the weights of {name} (once) ...")
    command = ["-m", "py_demixer", "fetch", name, "--directory", str(folder)]
    # Not through run(), so that the user sees the progress of the download.
    if subprocess.run([python, *command], cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
        raise CannotGoOn(f"Cannot fetch the weights of {name}: see above.")
    return _weight_file(name, folder)


def chosen_weights(python: Path, wanted: Sequence[str], folder: Path = WEIGHTS) -> dict[str, Path]:
    """The weight files of a site's models, by name; the first one is the page's choice.

    These are the wanted models in their order. If none are named, they are the first model of the
    manifest and those that were fetched before, and the others are noted.
    """
    there = [name for name in MODELS[1:] if _weight_file(name, folder).exists()]
    names = wanted or [MODELS[0], *there]
    files = {name: ensure_weights(python, name, folder) for name in names}
    if not wanted and len(there) + 1 < len(MODELS):
        others = ", ".join(name for name in MODELS if name not in names)
        note(
            f"The site has {', '.join(names)}. With `--model NAME`, once for each model, it has "
            f"those that you name; there are also {others}."
        )
    return files


def _weight_file(name: str, folder: Path) -> Path:
    return folder / f"{name}.safetensors"


def stored_weights(python: Path, name: str, path: Path, storage: str, cache: Path = CACHE) -> Path:
    """A model's weight file as the site has it: some models' numbers are exact only in 32 bits.

    Parameters
    ----------
    storage
        One of STORAGES.
    """
    if _MANIFEST[name]["architecture"] not in _IN_32_BITS or storage == "float32":
        return path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    out = cache / "storage" / f"{name}-{digest[:16]}-{storage}.safetensors"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        note(f"Storing the weights of {name} as {storage} (once) ...")
        options = ["--storage", storage, "-o", str(out)]
        command = ["-m", "py_demixer", "convert", str(path), *options]
        # Not through run(), so that the user sees what it costs.
        if subprocess.run([python, *command], cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
            raise CannotGoOn(f"Cannot store the weights of {name} as {storage}: see above.")
    return out


def _check_repository(repository: str) -> None:
    try:
        new_issue(repository)
    except ValueError as error:
        raise CannotGoOn(str(error)) from error


def make_site(
    python: Path,
    out: Path = DIST,
    wanted: Sequence[str] = (),
    storage: str = STORAGES[0],
    repository: str | None = None,
) -> Path:
    """Assemble the whole site.

    Parameters
    ----------
    python
        The environment's Python.
    out
        The site's folder.
    wanted
        See :func:`chosen_weights`.
    storage
        See :func:`stored_weights`.
    repository
        See :func:`web.assemble.assemble`.
    """
    if repository:
        _check_repository(repository)
    node_modules = ensure_node_modules()
    pyodide = ensure_pyodide(python, node_modules)
    wheel = build_kernel_wheel(python)
    models = chosen_weights(python, wanted)
    inputs = (
        f"--wheel={wheel}",
        f"--pyodide={pyodide}",
        f"--snapshot={ensure_snapshot(pyodide, wheel)}",
        f"--node-modules={node_modules}",
    )
    chosen = [
        f"--model={name}={stored_weights(python, name, path, storage)}"
        for name, path in models.items()
    ]
    if repository:
        chosen.append(f"--repository={repository}")
    run([python, "-m", "web.assemble", out, *inputs, *chosen], "Cannot assemble the site:")
    return out
