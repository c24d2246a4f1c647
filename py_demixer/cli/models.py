"""``py-demixer models``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from py_demixer.extras import MissingPackageError
from py_demixer.ops import backend
from py_demixer.weights import catalog

from .common import megabytes


def describe(commands: Any) -> None:
    """What can be said after ``models``."""
    parser = commands.add_parser(
        "models",
        help="list the models, their licences and where their weights are",
        description="List the models, their licences and where their weights are.",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object, for scripts")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps({name: _about(name) for name in catalog.MODELS}, indent=1))
        return 0
    for name, model in catalog.MODELS.items():
        print(f"{name}: {model.title}")
        print(f"  good for  {model.good_for}")
        print(f"  stems     {', '.join(model.stems)}")
        print(f"  licence   {model.licence.text} {model.licence.url}")
        print(f"  weights   {megabytes(model.file.bytes)}, {_place(name)[1]}")
    print(f"graphics card: {_graphics()}")
    return 0


def _place(name: str) -> tuple[Path | None, str]:
    """Where a model's weights are, or will be, and what to say of that; None: nowhere."""
    try:
        path = catalog.default_weights(name)
    except (OSError, MissingPackageError) as error:
        return None, str(error)
    return path, f"{'here' if path.is_file() else 'fetched when first needed'}: {path}"


def _graphics() -> str:
    try:
        found = backend.find("webgpu")
    except ImportError as error:
        return str(error)
    assert found.compiler is not None
    return f"{found.compiler.name}, with --backend webgpu"


def _about(name: str) -> dict[str, Any]:
    model, path = catalog.MODELS[name], _place(name)[0]
    return {
        "title": model.title,
        "good_for": model.good_for,
        "stems": model.stems,
        "licence": model.licence.text,
        "licence_url": model.licence.url,
        "weights": None if path is None else str(path),
        "bytes": model.file.bytes,
        "is_here": path is not None and path.is_file(),
    }
