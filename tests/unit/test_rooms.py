"""The rooms of the package: each imports only those before it, and imports have no cycles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "py_demixer"
WEB = ROOT / "web"


def rooms() -> list[str]:
    """The rooms in the order of docs/architecture.md, from the first column of its table."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall("`([^`]+)`", cell)]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}
SCRIPTS = [path for folder in ("engine", "ui") for path in (WEB / folder).rglob("*.js")]


def room(module: str) -> str:
    """The room of a module; the package itself, with its public names, is a room, too."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] or first


def imported(module: str, *, at_once: bool = False) -> Iterator[str]:
    """The package's modules that a module imports (`at_once`: while it is being imported)."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), at_once):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for name in node.names:
                full = f"{base}.{name.name}"
                if full in MODULES or base in MODULES:
                    yield full if full in MODULES else base


def walk(tree: ast.AST, at_once: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if at_once and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from walk(node, at_once)


def circle(needs: Mapping[str, list[str]]) -> list[str]:
    """A cycle in a graph, or an empty list."""
    done: set[str] = set()

    def look(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in needs[name]:
            if found := look(other, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in needs if (found := look(name, []))), [])


def test_every_room_is_in_the_list() -> None:
    assert sorted(rooms()) == sorted({room(name) for name in MODULES} - {"__main__"})


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"py_demixer.__main__"}))
def test_room_imports_only_those_before_it(module: str) -> None:
    order = rooms()
    known = order[: order.index(room(module)) + 1]
    assert {room(name) for name in imported(module)} <= set(known)


def test_imports_have_no_cycles() -> None:
    assert not circle({name: list(imported(name, at_once=True)) for name in MODULES})


def scripts_imported(path: Path) -> Iterator[Path]:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r'^(?:import|export)\s[^;"]*?from "(\.[^"]+)"', text, re.MULTILINE)
    yield from ((path.parent / name).resolve() for name in found if "/vendor/" not in name)


def test_engine_scripts_import_nothing_from_the_ui() -> None:
    for path in SCRIPTS:
        for other in scripts_imported(path):
            assert other in SCRIPTS, f"{path} imports {other}"
            if WEB / "engine" in path.parents:
                assert WEB / "engine" in other.parents, f"{path} imports {other}"


def test_script_imports_have_no_cycles() -> None:
    needs = {str(path): [str(other) for other in scripts_imported(path)] for path in SCRIPTS}
    assert sum(map(len, needs.values())) > 200
    assert not circle(needs)
