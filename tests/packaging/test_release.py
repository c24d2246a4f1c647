"""`build.py release --dry-run`: what it builds, what it refuses, and the checks of the texts."""

import email
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

import py_demixer
from tools import release
from tools.environment import CACHE, ROOT, CannotGoOn

PYTHON = Path(sys.executable)
VERSION = py_demixer.__version__
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NEEDED = (f"numpy=={np.__version__}", *PROJECT["build-system"]["requires"])


@pytest.fixture(scope="module")
def wheelhouse():
    """Packages needed to build and to run; kept, so that a network is needed only once."""
    made_from = f"{NEEDED} {sys.version}"
    folder = CACHE / f"wheelhouse-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    if not (folder / "complete").exists():
        command = [PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*command, *NEEDED], check=True)
        (folder / "complete").touch()
    return folder


@pytest.fixture
def only_wheelhouse(wheelhouse, monkeypatch):
    """Installing anything else is an error."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))


@pytest.fixture
def texts(tmp_path):
    """A folder with a version's texts, for tests to change."""
    for name in ("CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.usefixtures("only_wheelhouse")
def test_everything_is_built_and_works_in_an_empty_environment(tmp_path, monkeypatch, capfd):
    tried = []
    original = release.run

    def run(command, *arguments, **options):
        said = original(command, *arguments, **options)
        if release.TRIAL in command:
            tried.append(said)
        return said

    monkeypatch.setattr(release, "run", run)
    files = release.dry_run(PYTHON, tmp_path / "release", "https://forge.example/py-demixer/")
    assert [file.name for file in files] == [
        f"py_demixer-{VERSION}.tar.gz",
        f"py_demixer-{VERSION}-py3-none-any.whl",
        f"py_demixer-{VERSION}-py3-none-pyemscripten_2026_0_wasm32.whl",
    ]
    assert sorted((tmp_path / "release").iterdir()) == sorted(files)
    assert [said.split()[-1] for said in tried[:2]] == ["numpy", "numpy"]
    assert tried[2].split()[-1] == "kernels"
    for wheel in files[1:]:
        about = metadata(wheel)
        assert dict(url.split(", ") for url in about.get_all("Project-URL")) == {
            "Source": "https://forge.example/py-demixer",
            "Documentation": f"https://forge.example/py-demixer/blob/v{VERSION}/docs/index.md",
            "Changelog": f"https://forge.example/py-demixer/blob/v{VERSION}/CHANGELOG.md",
            "Issues": "https://forge.example/py-demixer/issues",
        }
        assert f"py-demixer/raw/v{VERSION}/docs/images/" in about.get_payload()
        assert about["Author"] == "The py-demixer authors"
    lines = release.summary(files).splitlines()
    assert lines[0].startswith(hashlib.sha256(files[0].read_bytes()).hexdigest())


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return email.message_from_bytes(archive.read(name))


def changed(wheel, path, *, without=None, added=None):
    """A copy of a wheel without a file, or with an additional one."""
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(path / wheel.name, "w") as copy:
        for name in archive.namelist():
            if without is None or not name.endswith(without):
                copy.writestr(name, archive.read(name))
        if added is not None:
            copy.writestr(added, b"")
    return path / wheel.name


def test_broken_links_are_reported_or_refused(wheel, capsys):
    release.check_links(wheel, None)
    assert "links of README.md would lead nowhere" in capsys.readouterr().err
    with pytest.raises(CannotGoOn, match=r"the link of README\.md to .*\.\w+ leads nowhere"):
        release.check_links(wheel, "https://forge.example/py-demixer")


def test_built_wheels_pass(wheel, kernel_wheel):
    release.check_wheel(wheel)
    release.check_wheel(kernel_wheel, kernels=True)


@pytest.mark.parametrize("name", ["py.typed", "manifest.json", "published.json", "cli/trace.py"])
def test_wheel_that_lacks_a_file_is_refused(wheel, tmp_path, name):
    with pytest.raises(CannotGoOn, match=rf"lacks py_demixer/[a-z/]*{re.escape(name)}\.$"):
        release.check_wheel(changed(wheel, tmp_path, without=name))


@pytest.mark.parametrize("name", ["py_demixer/htdemucs.safetensors", "tests/tiny.py"])
def test_wheel_with_an_unexpected_file_is_refused(wheel, tmp_path, name):
    with pytest.raises(CannotGoOn, match=f"holds what does not belong there: {name}"):
        release.check_wheel(changed(wheel, tmp_path, added=name))


def test_wheel_without_licence_is_refused(wheel, tmp_path):
    with pytest.raises(CannotGoOn, match="has no licence"):
        release.check_wheel(changed(wheel, tmp_path, without="LICENSE"))


def test_kernels_must_be_in_exactly_one_wheel(wheel, kernel_wheel, tmp_path):
    with pytest.raises(CannotGoOn, match="another tag than py3-none-any"):
        release.check_wheel(kernel_wheel)
    with pytest.raises(CannotGoOn, match="another tag"):
        release.check_wheel(wheel, kernels=True)
    with pytest.raises(CannotGoOn, match=r"lacks py_demixer/ops/kernels/simd\.wasm"):
        release.check_wheel(changed(kernel_wheel, tmp_path, without="simd.wasm"), kernels=True)


def test_sdist_has_all_kernel_sources_and_no_weights(tmp_path):
    sdist = tmp_path / "one.tar.gz"
    folder = tmp_path / "one"
    wanted = [*(ROOT / "py_demixer").rglob("*.py"), *(ROOT / "py_demixer").rglob("*.[ch]")]
    wanted += [ROOT / "py_demixer" / name for name in release.DATA]
    wanted += [ROOT / name for name in release.TEXTS]
    for path in wanted:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def pack():
        with tarfile.open(sdist, "w:gz") as archive:
            archive.add(folder, "one")

    pack()
    release.check_sdist(sdist)
    (folder / "notes.th").touch()
    pack()
    with pytest.raises(CannotGoOn, match=r"holds weights, which are not ours to give: notes\.th"):
        release.check_sdist(sdist)
    (folder / "notes.th").unlink()
    (folder / "py_demixer" / "ops" / "kernels" / "norm.c").unlink()
    pack()
    with pytest.raises(CannotGoOn, match=r"lacks py_demixer/ops/kernels/norm\.c"):
        release.check_sdist(sdist)


def test_wheel_that_does_not_work_is_reported(kernel_wheel, tiny_weights, tmp_path):
    broken = changed(kernel_wheel, tmp_path, without="py_demixer/separation/separate.py")
    with pytest.raises(CannotGoOn, match=r"does not work in Pyodide(?s:.*)separation"):
        release.try_in_pyodide(PYTHON, broken, tiny_weights)


@pytest.mark.usefixtures("only_wheelhouse")
def test_native_pip_refuses_the_wheel_for_pyodide(kernel_wheel, tiny_weights, tmp_path):
    with pytest.raises(CannotGoOn, match="is not a supported wheel on this platform"):
        release.try_natively(PYTHON, kernel_wheel, tiny_weights, tmp_path / "environment")


def test_build_refuses_to_upload():
    command = [sys.executable, ROOT / "build.py", "release"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "--dry-run" in result.stderr


# ---- texts --------------------------------------------------------------------------------------


def test_texts_are_for_this_version(texts):
    release.check_texts(texts)


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CITATION.cff"])
def test_texts_for_another_version_are_refused(texts, name):
    text = (texts / name).read_text().replace(VERSION, "9.9.9")
    (texts / name).write_text(text)
    with pytest.raises(CannotGoOn, match=re.escape(name)):
        release.check_texts(texts)


def test_unreleased_changes_are_reported(texts, capsys):
    head, rest = "# Changelog\n\n## [Unreleased]\n\n", f"## [{VERSION}] - 2026-01-01\n"
    (texts / "CHANGELOG.md").write_text(head + rest)
    release.check_texts(texts)
    assert capsys.readouterr().err == ""
    (texts / "CHANGELOG.md").write_text(f"{head}- Something.\n\n{rest}")
    release.check_texts(texts)
    assert "unreleased changes" in capsys.readouterr().err


def test_citation_has_the_required_keys():
    """https://github.com/citation-file-format: the keys that version 1.2.0 requires."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert (citation["type"], citation["license"]) == ("software", "MIT")
    titles = " ".join(reference["title"] for reference in citation["references"])
    for part in ("Hybrid Transformers", "Hybrid Spectrogram", "SCNet", "Open-Unmix"):
        assert part in titles
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        assert all(
            author.keys() <= {"family-names", "given-names", "name"}
            for author in reference["authors"]
        )
        assert re.fullmatch(r"10\.\d{4,9}/\S+", reference.get("doi", "10.1234/x"))


def test_changelog_follows_its_format():
    """https://keepachangelog.com: versions, the latest first, with changes by kind."""
    lines = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    numbers = [
        re.fullmatch(r"## \[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", line) for line in versions[1:]
    ]
    assert all(numbers)
    ordered = [tuple(map(int, number.groups())) for number in numbers if number]
    assert ordered == sorted(ordered, reverse=True)
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
