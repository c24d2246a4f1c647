"""Code blocks of a Markdown page, and how to run them."""

from __future__ import annotations

import json
import re
import subprocess
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SHELLS = ("", "sh")
"""Languages of terminal commands; a block without a language is one, too."""

SHOWN = ("text", "nginx")
"""Languages of blocks that are only for display."""

LANGUAGES = (*SHELLS, *SHOWN, "python", "json", "yaml")

_FENCE = re.compile(r"^```(?P<language>[^\n`]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_SECONDS = 300


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    page
        The file it is in.
    line
        Number of its first line.
    language
        The word after the fence.
    code
        Its lines.
    """

    page: Path
    line: int
    language: str
    code: str


def of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start("code")) + 1, found["language"], found["code"])
        for found in _FENCE.finditer(text)
    ]


class Reader:
    """Runs the blocks of a page one after the other, like a reader.

    Parameters
    ----------
    folder
        The working directory.
    variables
        Environment variables of the shells.
    names
        Python names defined before the first block.
    instead
        Replacements in shell scripts, such as addresses.
    """

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        names: Mapping[str, Any],
        instead: Mapping[str, str],
    ) -> None:
        self._folder, self._variables, self._instead = folder, dict(variables), instead
        # A separate module, so that worker processes need not import what it defines.
        self._module = types.ModuleType("page")
        self._module.__dict__.update(names)

    def do(self, block: Block) -> None:
        """Run a block; any failure is an AssertionError or the block's own error."""
        assert block.language in LANGUAGES, f"{block.page}:{block.line}: {block.language}"
        if block.language in SHELLS:
            self._run(block.code, block)
        elif block.language == "python":
            source = "\n" * (block.line - 1) + block.code  # for the line numbers of tracebacks
            exec(compile(source, block.page, "exec"), self._module.__dict__)
        elif block.language == "json":
            json.loads(block.code)
        elif block.language == "yaml":
            for command in _commands(yaml.safe_load(block.code)):
                self._run(command, block)

    def _run(self, script: str, block: Block) -> None:
        for said, meant in self._instead.items():
            script = script.replace(said, meant)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        place = f"{block.page}:{block.line}"
        assert done.returncode == 0, f"{place}: exit code {done.returncode}\n{done.stderr}"


def _commands(workflow: Any) -> list[str]:
    """The shell commands of a GitHub workflow."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]
