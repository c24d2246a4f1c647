"""``py-demixer models``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from py_demixer import backends
from py_demixer.errors import MissingPackageError
from py_demixer.units import megabytes
from py_demixer.weights import loading
from py_demixer.weights.loading import ModelInfo, list_models


def describe(commands: Any) -> None:
    """Add the command ``models`` and its options."""
    parser = commands.add_parser(
        "models",
        help="list the models, their licences and where their weights are",
        description="List the models, their licences and where their weights are.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    models = list_models()
    if options.json:
        print(json.dumps({model.name: _about(model) for model in models}, indent=1))
        return 0
    for model in models:
        print(f"{model.name}: {model.title}")
        print(f"  good for  {model.good_for}")
        print(f"  stems     {', '.join(model.stems)}")
        print(f"  licence   {model.licence} {model.licence_url}")
        print(f"  weights   {megabytes(model.bytes)}, {_place(model)}")
    print(f"graphics card: {_graphics()}")
    return 0


def _place(model: ModelInfo) -> str:
    try:
        path = loading.default_weights(model.name)
    except (OSError, MissingPackageError) as error:
        return str(error)
    return f"{'here' if model.is_fetched else 'fetched when first needed'}: {path}"


def _graphics() -> str:
    try:
        found = backends.find("webgpu")
    except ImportError as error:
        return str(error)
    assert found.compiler is not None
    return f"{found.compiler.name}, with --backend webgpu"


def _about(model: ModelInfo) -> dict[str, Any]:
    about = asdict(model)
    del about["name"]
    path, is_fetched = about.pop("path"), about.pop("is_fetched")
    return about | {"weights": None if path is None else str(path), "is_here": is_fetched}
