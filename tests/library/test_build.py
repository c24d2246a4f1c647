"""build.py: a second run has nothing to do, and errors say what is missing."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from py_demixer.weights import manifest
from tests.interrupt import hear_ctrl_c
from tools import environment, site
from tools.environment import ROOT, CannotGoOn
from web import server

PYTHON = Path(sys.executable)


def build(*arguments: str, cwd: Path = ROOT, path: str | None = None):
    variables = {**os.environ, **({} if path is None else {"PATH": path})}
    command = [sys.executable, ROOT / "build.py", *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.fixture
def bare_root(tmp_path, monkeypatch):
    """An empty root with only the page's package.json, for the functions of the environment."""
    (tmp_path / "web").mkdir()
    shutil.copy(ROOT / "web" / "package.json", tmp_path / "web")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "NODE_MODULES", tmp_path / "web" / "node_modules")
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_help_needs_nothing_installed(tmp_path):
    """On a bare Python, without its site-packages, from any folder."""
    command = [sys.executable, "-S", ROOT / "build.py", "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for name in ("site", "serve", "test", "bench", "release"):
        assert name in result.stdout


def test_no_command_is_an_error():
    assert build().returncode == 2


def test_missing_npm_is_reported(bare_root, monkeypatch):
    monkeypatch.setenv("PATH", str(bare_root))
    with pytest.raises(CannotGoOn, match=r"Node\.js and npm are missing: install them"):
        environment.ensure_node_modules()


def test_failing_npm_is_reported_with_its_output(bare_root, monkeypatch):
    for name, script in (("npm", "echo the registry is away; exit 1"), ("node", "exit 0")):
        (bare_root / name).write_text(f"#!/bin/sh\n{script}\n")
        (bare_root / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bare_root}:/bin:/usr/bin")
    with pytest.raises(CannotGoOn, match=r"needs a connection(?s:.*)the registry is away"):
        environment.ensure_node_modules()
    assert not (bare_root / "web" / "node_modules" / ".stamp").exists()


def test_matching_stamp_runs_nothing(bare_root, monkeypatch):
    calls = []

    def run(command, failure, **options):
        calls.append(command)
        environment.NODE_MODULES.mkdir(exist_ok=True)

    monkeypatch.setattr(environment, "run", run)
    for _ in range(2):
        environment.ensure_node_modules()
    assert len(calls) == 1
    (bare_root / "web" / "package.json").write_text("{}")
    environment.ensure_node_modules()
    assert len(calls) == 2


def test_changed_requirements_update_the_environment(bare_root, monkeypatch):
    calls = []

    def run(command, failure, **options):
        calls.append(command[2])
        (environment.VENV / "bin").mkdir(parents=True, exist_ok=True)
        (environment.VENV / "bin" / "python").touch()

    monkeypatch.setattr(environment, "run", run)
    for _ in range(2):
        environment.ensure_python()
    assert calls == ["venv", "pip"]
    project = bare_root / "pyproject.toml"
    project.write_text(project.read_text().replace("ruff==", "ruff>="))
    environment.ensure_python()
    assert calls == ["venv", "pip", "pip"]


def test_installed_copy_of_the_package_is_replaced_by_the_sources(bare_root, monkeypatch):
    """`pip install .` leaves a copy, which would not follow changes of the sources."""
    calls = []
    copy = environment.VENV / "lib" / "python3.11" / "site-packages" / "py_demixer"

    def run(command, failure, **options):
        calls.append("--editable" in command)
        (environment.VENV / "bin").mkdir(parents=True, exist_ok=True)
        (environment.VENV / "bin" / "python").touch()
        shutil.rmtree(copy, ignore_errors=True)

    monkeypatch.setattr(environment, "run", run)
    environment.ensure_python()
    copy.mkdir(parents=True)
    for _ in range(2):
        environment.ensure_python()
    assert calls == [False, True, True]


def test_python_without_venv_is_reported(bare_root, monkeypatch):
    monkeypatch.setattr(environment.sys, "executable", "/bin/false")
    with pytest.raises(CannotGoOn, match="install python3-venv"):
        environment.ensure_python()


def test_full_disk_is_reported_before_anything_is_fetched(bare_root, monkeypatch):
    usage = shutil._ntuple_diskusage(1, 1, 5_000_000)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CannotGoOn, match=r"Only 0\.0 GB are free"):
        environment.ensure_python()
    assert not (bare_root / ".venv").exists()


def test_wrong_chromium_path_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv(environment.CHROMIUM_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(CannotGoOn, match="nowhere, which is not a file"):
        environment.ensure_chromium(Path(sys.executable))


@pytest.mark.parametrize("available", ["chromium-headless-shell", "chromium"])
def test_chromium_is_installed_in_its_headless_form_if_that_is_available(monkeypatch, available):
    installed: list[str] = []

    def install(what, package):
        if package != available:
            raise CannotGoOn(f"Cannot install {what} with apt-get.")
        installed.append(package)

    def which(name):
        return f"/usr/bin/{name}" if name in installed else None

    monkeypatch.delenv(environment.CHROMIUM_VARIABLE, raising=False)
    monkeypatch.setattr(environment.shutil, "which", which)
    monkeypatch.setattr(environment, "_can_install", lambda: True)
    monkeypatch.setattr(environment, "_install", install)
    found = environment.ensure_chromium(Path(sys.executable))
    assert installed == [available]
    assert found == f"/usr/bin/{available}"


def test_software_card_is_installed_if_there_is_none(monkeypatch):
    installed: list[str] = []
    monkeypatch.setattr(environment, "_has_graphics", lambda python: bool(installed))
    monkeypatch.setattr(environment, "_can_install", lambda: True)
    monkeypatch.setattr(environment, "_install", lambda what, package: installed.append(package))
    environment.ensure_graphics(Path(sys.executable))
    environment.ensure_graphics(Path(sys.executable))
    assert installed == ["mesa-vulkan-drivers"]


def test_card_that_cannot_be_installed_is_reported(monkeypatch):
    monkeypatch.setattr(environment, "_has_graphics", lambda python: False)
    monkeypatch.setattr(environment, "_can_install", lambda: False)
    with pytest.raises(CannotGoOn, match="apt-get install mesa-vulkan-drivers"):
        environment.ensure_graphics(Path(sys.executable))


def test_port_in_use_is_reported(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = build("serve", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "choose another with --port" in result.stderr
    assert "Traceback" not in result.stderr


def test_serve_serves_the_site_until_it_is_interrupted():
    command = [sys.executable, ROOT / "build.py", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, preexec_fn=hear_ctrl_c) as process:
        assert process.stdout is not None
        words = process.stdout.readline().decode().split()
        (url,) = (word for word in words if word.startswith("http://localhost:"))
        with urllib.request.urlopen(url) as answer:
            assert b"<title>" in answer.read()
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"Traceback" not in errors


def test_site_has_the_models_that_are_named(tmp_path, monkeypatch, capsys):
    def fetch(_python, name, folder):
        if name == "umxl":
            raise CannotGoOn("Cannot fetch the weights of umxl: see above.")
        return folder / f"{name}.safetensors"

    monkeypatch.setattr(site, "ensure_weights", fetch)
    python = Path(sys.executable)
    assert list(site.chosen_weights(python, (), tmp_path)) == ["htdemucs"]
    (line,) = capsys.readouterr().err.splitlines()
    assert "The site has htdemucs. With `--model NAME`" in line
    assert f"there are also {', '.join(site.MODELS[1:])}." in line
    (tmp_path / "umxhq.safetensors").touch()
    assert list(site.chosen_weights(python, (), tmp_path)) == ["htdemucs", "umxhq"]
    assert "umxhq" not in capsys.readouterr().err.partition("there are also")[2]
    named = site.chosen_weights(python, ("scnet_large", "scnet"), tmp_path)
    assert list(named.items()) == [
        (name, tmp_path / f"{name}.safetensors") for name in ("scnet_large", "scnet")
    ]
    assert capsys.readouterr().err == ""
    with pytest.raises(CannotGoOn, match="Cannot fetch the weights of umxl"):
        site.chosen_weights(python, ("scnet", "umxl"), tmp_path)


@pytest.mark.parametrize("address", ["github.com/a/b", "git@github.com:a/b.git", "https:///b"])
def test_repository_must_be_a_web_page(address):
    with pytest.raises(CannotGoOn, match="is not the address of a repository's page"):
        site.make_site(Path(sys.executable), repository=address)


def test_names_of_the_models_are_those_of_the_manifest():
    assert tuple(manifest.load()) == site.MODELS


def test_existing_weights_are_verified(tmp_path):
    good = site.ensure_weights(PYTHON, "htdemucs")
    shutil.copy(good, tmp_path)
    bad = tmp_path / good.name
    with bad.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    with server.serving(tmp_path) as url:
        variables = {**os.environ, "PY_DEMIXER_MIRROR": url, "PATH": ""}
        command = [PYTHON, "-m", "py_demixer", "fetch", "htdemucs", "--directory", tmp_path]
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is damaged or of another version: it is fetched again" in done.stderr
