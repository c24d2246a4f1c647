"""Optional packages, imported only when a part of this package needs them."""

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
        Name of the module.
    extra
        The extra of py-demixer that requires its package.

    Raises
    ------
    MissingPackageError
        Its package, or one of that package's dependencies, is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _missing(error, extra) from error


@functools.cache
def require_alone(package: str, module: str, extra: str) -> Any:
    """Import a module of a package without running the package's ``__init__``.

    This is for modules that do not need the packages that ``__init__`` imports.

    Parameters
    ----------
    package
        Name of the package.
    module
        Name of the module inside the package; the module must not have relative imports.
    extra
        The extra of py-demixer that requires the package.

    Raises
    ------
    MissingPackageError
        The package, or one that the module needs, is not installed.
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
