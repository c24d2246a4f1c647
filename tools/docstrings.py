"""A Griffe extension that turns Sphinx roles in docstrings into links for MkDocs.

It is enabled in docs/mkdocs.yml.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|data|func|meth|mod|attr):`~?([\w.]+)`")


class Roles(griffe.Extension):
    """Turns ``:func:`name``` into a link to that name, if it is in the reference."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the roles; called for each module, class, function and attribute when loaded."""
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, role[1]), obj.docstring.value)


def _link(obj: griffe.Object, name: str) -> str:
    try:
        path = obj.resolve(name)
    except griffe.NameResolutionError:  # it is already a full path
        path = name
    return f'<autoref optional identifier="{path}">`{name}`</autoref>'
