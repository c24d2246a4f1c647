"""Compile the package's C kernels with Zig's Clang, which pip installs like any other package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tools.environment import ROOT, run

SOURCES = ROOT / "py_demixer" / "ops" / "kernels"

_OPTIMISE = (
    "-O3",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-g0",
    "-fno-builtin",
    "-fno-sanitize=all",
    "-fvisibility=hidden",
    # Do not rewrite the addresses in loops: see multiply_tile in multiply.c.
    "-mllvm",
    "-disable-lsr",
)
_WASM = ("-target", "wasm32-freestanding", "-fPIC", "-msimd128")
_MODULES = {"relaxed.wasm": ("-mrelaxed-simd",), "simd.wasm": ()}
_LINK = (
    "-shared",
    "--experimental-pic",
    "--no-entry",
    "--strip-all",
    "--unresolved-symbols=import-dynamic",
)
_NATIVE = (
    "-O2",
    "-g",
    "-ffp-contract=off",
    "-std=c11",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
)


def build_kernels(python: Path, folder: Path) -> list[Path]:
    """Compile the side modules for Pyodide into `folder`, unless they are up to date.

    Parameters
    ----------
    python
        The environment's Python, which has ziglang.
    folder
        Folder for the modules, whose names are those in py_demixer.ops.kernels.MODULES.

    Returns
    -------
    list[Path]
        The modules.

    Raises
    ------
    CannotGoOn
        The compiler reports an error.
    """
    stamp, wanted = folder / ".stamp", _hash()
    modules = [folder / name for name in _MODULES]
    if not stamp.exists() or stamp.read_text() != wanted or not all(m.exists() for m in modules):
        folder.mkdir(parents=True, exist_ok=True)
        for module, flags in zip(modules, _MODULES.values(), strict=True):
            _side_module(python, module, _sources(), flags)
        stamp.write_text(wanted)
    return modules


def build_native(python: Path, library: Path, flags: Sequence[str] = ()) -> Path:
    """Compile the same sources to a shared library for this machine, for tests."""
    zig: list[str | Path] = [python, "-m", "ziglang", "cc", *_NATIVE, *flags]
    run(
        [*zig, *_sources(), "-o", library],
        "Cannot compile the kernels for this machine. The compiler said:",
    )
    return library


def _side_module(python: Path, module: Path, sources: Sequence[Path], flags: Sequence[str]) -> None:
    failure = f"Cannot compile the kernels ({module.name}). The compiler said:"
    zig = (python, "-m", "ziglang")
    objects: list[Path] = []
    for source in sources:
        compiled = module.with_name(f"{module.stem}-{source.stem}.o")
        options = [*_WASM, *flags, *_OPTIMISE]
        run([*zig, "cc", *options, "-c", source, "-o", compiled], failure)
        objects.append(compiled)
    run([*zig, "wasm-ld", *_LINK, *objects, "-o", module], failure)
    for compiled in objects:
        compiled.unlink()


def _sources() -> list[Path]:
    return sorted(SOURCES.glob("*.c"))


def _hash() -> str:
    total = hashlib.sha256()
    for path in [Path(__file__), *sorted(SOURCES.glob("*.[ch]"))]:
        total.update(path.read_bytes())
    return total.hexdigest()
