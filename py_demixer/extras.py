"""Packages that a part of this one needs, and not everyone has: imported when they are needed."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from importlib.machinery import PathFinder
from typing import Any

from py_demixer.errors import MissingPackageError


def require(name: str, extra: str = "cli") -> Any:
    """Import a module.

    Parameters
    ----------
    name
        Of the module.
    extra
        Of ours, which asks for its package.

    Raises
    ------
    MissingPackageError
        Its package is not installed, or lacks one itself.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _missing(error, extra) from error


@functools.cache
def require_alone(package: str, module: str, extra: str) -> Any:
    """Import a module of a package without the package's own ``__init__``.

    For a module that does not need what its package asks for at import.

    Parameters
    ----------
    package
        Its name.
    module
        The module's name inside of it; it has no relative imports.
    extra
        Of ours, which asks for the package.

    Raises
    ------
    MissingPackageError
        The package is not installed, or the module needs one that is not.
    """
    try:
        found = importlib.util.find_spec(package)
        places = found.submodule_search_locations if found else None
        spec = PathFinder.find_spec(module, places) if places else None
        if spec is None or spec.loader is None:
            raise ImportError(f"No module named '{package}.{module}'")
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    except ImportError as error:
        raise _missing(error, extra) from error
    return loaded


def _missing(error: ImportError, extra: str) -> MissingPackageError:
    return MissingPackageError(
        f"A package is missing ({error}): run pip install 'py-demixer[{extra}]'."
    )
