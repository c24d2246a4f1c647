"""Packages that a part of this one needs, and not everyone has: imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any


class MissingPackageError(ImportError):
    """A package is not installed; the message is a sentence that says how to install it."""


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
        raise MissingPackageError(
            f"A package is missing ({error}): run pip install 'py-demixer[{extra}]'."
        ) from error
