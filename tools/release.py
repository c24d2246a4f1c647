"""`build.py release --dry-run`: build, check and try the files of a release.

They are a source distribution, the pure wheel, and the wheel with kernels for Pyodide. Each is
installed in an empty environment, where it separates a second of noise with a tiny model. Nothing
is uploaded: RELEASING.md describes the manual steps that follow.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from pathlib import Path

import py_demixer
from py_demixer.ops.kernels import MODULES
from tools.environment import CACHE, ROOT, CannotGoOn, ensure_node_modules, note, run
from tools.kernels import SOURCES, build_kernels
from tools.pyodide import ensure_pyodide
from tools.site import KERNEL_TAG, WHEEL_DATE, add_kernels

RELEASE = ROOT / "release"
TRIAL = ROOT / "tools" / "trial.py"
_PACKAGE = ROOT / "py_demixer"
DATA = (
    "py.typed",
    "evaluation/published.json",
    "gpu/selftest.npy",
    "gpu/selftest-roformer.npy",
    "gpu/selftest-scnet.npy",
    "weights/manifest.json",
    *(path.relative_to(_PACKAGE).as_posix() for path in sorted(_PACKAGE.rglob("*.wgsl"))),
)
"""Files of the package besides its modules."""

TEXTS = ("LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml")
"""Texts in the source distribution."""

TESTS = ("tests/unit/test_public.py", "tests/unit/test_separation.py", "tests/unit/test_model.py")
"""Tests that are run from the source distribution."""

_IN_PYODIDE = ROOT / "tools" / "try_in_pyodide.mjs"
_WEIGHTS = (".safetensors", ".th", ".pth", ".onnx", ".npz")
"""Extensions of files with a network's weights."""

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)[^)]+")
"""A Markdown link to a file in the repository."""


def dry_run(python: Path, folder: Path = RELEASE, repository: str | None = None) -> list[Path]:
    """Build all files of a release, check them, and install each.

    Parameters
    ----------
    python
        The environment's Python.
    folder
        Folder for the files; existing content is removed.
    repository
        URL of the project's pages, to which a package index should link; None to state no URL.

    Returns
    -------
    list[Path]
        The files.

    Raises
    ------
    CannotGoOn
        Something is missing, is superfluous or does not work; the message says what.
    """
    check_texts(ROOT)
    files = build(python, folder, repository)
    sdist, wheel, kernel_wheel = files
    note("Checking what is in them ...")
    check_wheel(wheel)
    check_wheel(kernel_wheel, kernels=True)
    check_sdist(sdist)
    check_descriptions(python, files)
    check_links(wheel, repository)
    with tempfile.TemporaryDirectory(prefix="py-demixer-") as name:
        weights = Path(name) / "tiny.safetensors"
        run([python, "-m", "tests.tiny", weights], "Cannot write the tiny model:")
        note(f"Running tests out of {sdist.name} ...")
        try_tests(python, sdist, Path(name))
        for number, file in enumerate((sdist, wheel)):
            note(f"Installing {file.name} in an empty environment ...")
            try_natively(python, file, weights, Path(name) / f"environment-{number}")
        note(f"Installing {kernel_wheel.name} in Pyodide ...")
        try_in_pyodide(python, kernel_wheel, weights)
    return files


def build(python: Path, folder: Path, repository: str | None = None) -> list[Path]:
    """Build the source distribution, the pure wheel and the one with kernels, in this order."""
    note("Building the source distribution and the wheels ...")
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="py-demixer-") as name:
        copy = Path(name) / "py-demixer"
        copy_sources(copy)
        if repository is not None:
            name_repository(copy, repository)
        # -P: do not import our build.py instead of the package build.
        options: list[str | Path] = [
            "--sdist",
            "--wheel",
            "--no-isolation",
            "--outdir",
            folder,
            copy,
        ]
        run(
            [python, "-P", "-m", "build", *options],
            "Cannot build the distributions:",
            environment={"SOURCE_DATE_EPOCH": WHEEL_DATE},
        )
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return [sdist, wheel, add_kernels(wheel, build_kernels(python, CACHE / "kernels"), folder)]


def copy_sources(folder: Path) -> None:
    """Copy only the sources that git does not ignore, without built and fetched files.

    Raises
    ------
    CannotGoOn
        This is not a git checkout.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = run(command, "A release is made in a checkout, by git. It said:").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def name_repository(root: Path, repository: str) -> None:
    """Write the project's URLs into the metadata, and make links in README.md absolute.

    Parameters
    ----------
    root
        A copy of the project, which is changed.
    repository
        URL of its pages, with the usual layout of forges (``/blob/``, ``/raw/``, ``/issues``).
    """
    repository = repository.rstrip("/")
    version = f"v{py_demixer.__version__}"

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[0].endswith((".png", ".svg")) else "blob"
        return f"{repository}/{kind}/{version}/{link[0]}"

    readme = root / "README.md"
    readme.write_text(_LINK.sub(absolute, readme.read_text("utf-8")), "utf-8")
    addresses = {
        "Source": repository,
        "Documentation": f"{repository}/blob/{version}/docs/index.md",
        "Changelog": f"{repository}/blob/{version}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    lines = [f'{name} = "{address}"' for name, address in addresses.items()]
    project = root / "pyproject.toml"
    first, head, rest = project.read_text("utf-8").partition("[project.optional-dependencies]")
    urls = "\n".join(["[project.urls]", *lines, "", ""])
    project.write_text(f"{first}{urls}{head}{rest}", "utf-8")


def summary(files: Iterable[Path]) -> str:
    """A line for each file: its sha256, size and name."""
    return "\n".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.stat().st_size:>9,}  {file.name}"
        for file in files
    )


# ---- the content of the files -------------------------------------------------------------------


def check_texts(root: Path) -> None:
    """Check that the changelog and CITATION.cff state the package's version.

    Raises
    ------
    CannotGoOn
        One of them does not.
    """
    version = py_demixer.__version__
    changes = (root / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        raise CannotGoOn(
            f"CHANGELOG.md has no heading '## [{version}] - DATE': write down what is new."
        )
    citation = (root / "CITATION.cff").read_text("utf-8")
    if not re.search(rf'^version: "?{re.escape(version)}"?$', citation, re.MULTILINE):
        raise CannotGoOn(f"CITATION.cff is not of version {version}: change it there, too.")
    unreleased = re.search(
        r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL
    )
    if unreleased and unreleased[1].strip():
        note(
            f"CHANGELOG.md has unreleased changes, and the version is still {version}: before a "
            "release they get a version of their own (RELEASING.md)."
        )


def check_wheel(wheel: Path, *, kernels: bool = False) -> None:
    """Check that a wheel contains every module, the data and the licence, and nothing else.

    Parameters
    ----------
    kernels
        Whether it is the wheel for Pyodide, which also has the compiled kernels.

    Raises
    ------
    CannotGoOn
        It does not, or it has the wrong tag.
    """
    tag = KERNEL_TAG if kernels else "py3-none-any"
    if not wheel.name.endswith(f"-{tag}.whl"):
        raise CannotGoOn(f"{wheel.name} has another tag than {tag}.")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    about = {name for name in held if name.split("/")[0].endswith(".dist-info")}
    compiled = {f"py_demixer/ops/kernels/{name}" for name in MODULES} if kernels else set()
    _compare(wheel.name, held - about, _package_files() | compiled)
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in about):
        raise CannotGoOn(f"{wheel.name} has no licence in it.")


def check_sdist(sdist: Path) -> None:
    """Check that a source distribution contains the sources of the wheels, and no weights.

    Raises
    ------
    CannotGoOn
        It does not.
    """
    with tarfile.open(sdist) as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    sources = {path.relative_to(ROOT).as_posix() for path in SOURCES.glob("*.[ch]")}
    wanted = _package_files() | sources | set(TEXTS)
    package = {name for name in held if name.startswith("py_demixer/")}
    _compare(sdist.name, package | (held & set(TEXTS)), wanted)
    # The weights in tests/golden are of seeded models, made by this project.
    others = (name for name in held if not name.startswith("tests/golden/"))
    if weights := sorted(name for name in others if name.endswith(_WEIGHTS)):
        raise CannotGoOn(f"{sdist.name} holds weights, which are not ours to give: {weights[0]}.")


def check_descriptions(python: Path, files: Iterable[Path]) -> None:
    """Check that a package index can display the descriptions.

    Raises
    ------
    CannotGoOn
        twine finds a problem.
    """
    run(
        [python, "-m", "twine", "check", "--strict", *files],
        "A package index would not take these files. twine said:",
    )


def check_links(wheel: Path, repository: str | None) -> None:
    """Check that links in the description work on a package index.

    Parameters
    ----------
    repository
        See :func:`dry_run`; without one, broken links are only noted.

    Raises
    ------
    CannotGoOn
        There is a repository, but a link is still relative.
    """
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        description = str(message_from_bytes(archive.read(name)).get_payload())
    links = _LINK.findall(description)
    if not links:
        return
    if repository is not None:
        raise CannotGoOn(f"On a package index, the link of README.md to {links[0]} leads nowhere.")
    note(
        f"{len(links)} links of README.md would lead nowhere on a package index, and the metadata "
        "name no address: --repository URL says where the project is."
    )


def _package_files() -> set[str]:
    """The files of the package that every distribution contains."""
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "py_demixer").rglob("*.py")}
    return sources | {f"py_demixer/{name}" for name in DATA}


def _compare(name: str, held: set[str], wanted: set[str]) -> None:
    if missing := sorted(wanted - held):
        raise CannotGoOn(f"{name} lacks {', '.join(missing)}.")
    if more := sorted(held - wanted):
        raise CannotGoOn(f"{name} holds what does not belong there: {', '.join(more)}.")


# ---- trying the files ---------------------------------------------------------------------------


def try_tests(python: Path, sdist: Path, folder: Path) -> None:
    """Unpack the source distribution, collect all its tests and run some, from its own files.

    Raises
    ------
    CannotGoOn
        The tests cannot be collected or fail, for example because a file is missing.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    root = folder / sdist.name.removesuffix(".tar.gz")
    failure = f"Tests of {sdist.name} do not work. pytest said:"
    for words in (["--collect-only", "tests"], TESTS):
        run([python, "-m", "pytest", "--quiet", *words], failure, cwd=root)


def try_natively(python: Path, file: Path, weights: Path, folder: Path) -> None:
    """Install a file with only its requirements, and separate with it.

    Parameters
    ----------
    weights
        Weight file of a tiny model.
    folder
        Folder for the environment.

    Raises
    ------
    CannotGoOn
        It cannot be installed, or does not work.
    """
    run([python, "-m", "venv", folder], f"Cannot make {folder}:")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    failure = f"{file.name} does not work in an empty environment. It was said:"
    commands: list[list[str | Path]] = [
        [scripts / "python", "-m", "pip", "install", "--quiet", file],
        [scripts / "python", "-m", "pip", "check"],
        [scripts / "py-demixer", "--version"],
        [scripts / "python", "-P", TRIAL, weights],
    ]
    for command in commands:  # not in the sources' folder, where Python would find those first
        said = run(command, failure, cwd=folder)
    if not Path(said.split()[0]).is_relative_to(folder.resolve()):
        raise CannotGoOn(f"{file.name} was installed, but another package was imported: {said}")


def try_in_pyodide(python: Path, wheel: Path, weights: Path) -> None:
    """Install the wheel with kernels in Pyodide, under Node.js, and separate with them.

    Raises
    ------
    CannotGoOn
        It cannot be installed, or does not work.
    """
    pyodide = ensure_pyodide(python, ensure_node_modules())
    failure = f"{wheel.name} does not work in Pyodide. It was said:"
    said = run(["node", _IN_PYODIDE, pyodide, wheel, weights, TRIAL], failure)
    if not said.strip().endswith(" kernels"):
        raise CannotGoOn(f"{wheel.name} works in Pyodide, but without its kernels: {said}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repository")
    try:
        made = dry_run(Path(sys.executable), repository=parser.parse_args().repository)
    except CannotGoOn as error:
        sys.exit(f"build.py: {error}")
    print(summary(made))
    note(f"All is well with the files in {RELEASE}; RELEASING.md tells how they are uploaded.")
