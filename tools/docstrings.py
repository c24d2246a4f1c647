"""Docstrings for the reference: what Sphinx would link is made a link for MkDocs.

A Griffe extension, named in docs/mkdocs.yml.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|data|func|meth|mod|attr):`~?([\w.]+)`")


class Roles(griffe.Extension):
    """Turns ``:func:`name``` into a link to that name, where the reference has it."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each module, class, function and attribute, when it is loaded."""
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, role[1]), obj.docstring.value)


def _link(obj: griffe.Object, name: str) -> str:
    try:
        path = obj.resolve(name)
    except griffe.NameResolutionError:  # it is a full path already
        path = name
    return f'<autoref optional identifier="{path}">`{name}`</autoref>'
