"""The site's file `_headers`: the HTTP headers that hosts send, and the policy among them.

The format is that of Netlify and Cloudflare Pages: lines that begin with a slash are paths, and the
indented lines after them are the headers for these paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NAME = "_headers"
POLICY = "Content-Security-Policy"

_ONLY_BY_HEADER = "frame-ancestors"
_ONLY_IN_PAGES = "require-trusted-types-for 'script'; trusted-types default"
"""In the page, text can become code only through the policy in ui/trusted.js, which admits only the
URLs of this site's workers. Workers do not need this, because they have no document to write to."""


@dataclass(frozen=True)
class Rule:
    """Headers for some paths.

    Attributes
    ----------
    path
        A path with a leading slash; a trailing asterisk matches anything.
    headers
        Header values by name.
    """

    path: str
    headers: dict[str, str] = field(default_factory=dict)

    def applies_to(self, path: str) -> bool:
        """Whether the rule applies to a path with a leading slash."""
        start, asterisk, _ = self.path.partition("*")
        return path.startswith(start) if asterisk else path == self.path


def read(site: Path) -> list[Rule]:
    """Read the file of a site; if there is none, there are no rules.

    Raises
    ------
    ValueError
        A line is neither a path nor a header for one.
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
    """All headers for a path with a leading slash; later rules override earlier ones."""
    headers: dict[str, str] = {}
    for rule in rules:
        if rule.applies_to(path):
            headers |= rule.headers
    return headers


def page_policy(policy: str) -> str:
    """The Content Security Policy for index.html, derived from the one that hosts send."""
    directives = [directive.strip() for directive in policy.split(";")]
    stated = [text for text in directives if not text.startswith(_ONLY_BY_HEADER)]
    return "; ".join([*stated, _ONLY_IN_PAGES])
