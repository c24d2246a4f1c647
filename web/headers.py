"""The site's file of HTTP headers, `_headers`: what hosts send, and the policy that is in it.

The form is that of Netlify and Cloudflare Pages: lines that begin with a slash name paths, the
indented ones after them the headers of those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NAME = "_headers"
POLICY = "Content-Security-Policy"

_ONLY_BY_HEADER = "frame-ancestors"
_ONLY_IN_PAGES = "require-trusted-types-for 'script'; trusted-types default"
"""No text becomes code in the page but by the policy in ui/trusted.js, which lets addresses of
workers of this site pass. Workers have no document that could be written into."""


@dataclass(frozen=True)
class Rule:
    """Headers of some paths.

    Attributes
    ----------
    path
        One with a slash in front; an asterisk at its end stands for anything.
    headers
        Values by name.
    """

    path: str
    headers: dict[str, str] = field(default_factory=dict)

    def applies_to(self, path: str) -> bool:
        """Whether it is about a path, which begins with a slash."""
        start, asterisk, _ = self.path.partition("*")
        return path.startswith(start) if asterisk else path == self.path


def read(site: Path) -> list[Rule]:
    """Read the file of a site; without one there are no rules.

    Raises
    ------
    ValueError
        A line is neither a path nor a header of one.
    """
    path = site / NAME
    rules: list[Rule] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        name, colon, value = line.partition(":")
        if line.startswith("/"):
            rules.append(Rule(line.strip()))
        elif line.startswith(" ") and colon and rules:
            rules[-1].headers[name.strip()] = value.strip()
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"{path} has a line that is neither a path nor a header: {line}")
    return rules


def of(rules: list[Rule], path: str) -> dict[str, str]:
    """All headers of a path, which begins with a slash; later rules win."""
    headers: dict[str, str] = {}
    for rule in rules:
        if rule.applies_to(path):
            headers |= rule.headers
    return headers


def page_policy(policy: str) -> str:
    """The Content Security Policy as index.html states it, made of the one that hosts send."""
    directives = [directive.strip() for directive in policy.split(";")]
    stated = [text for text in directives if not text.startswith(_ONLY_BY_HEADER)]
    return "; ".join([*stated, _ONLY_IN_PAGES])
