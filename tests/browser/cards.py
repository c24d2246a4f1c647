"""Changed copies of a site, for tests and measurements with a card that the processor emulates.

Compiling shaders takes such a card the better part of a minute. What does not check its numbers
gives it all buffers but no shaders: its results are meaningless, and the processor computes what
each segment should have become.
"""

from __future__ import annotations

import shutil
from pathlib import Path

WITHOUT_SHADERS = (
    (
        "gpu/network.js",
        "pipelines: await network.#compile() };",
        "pipelines: [] };",
    ),
    ("gpu/network.js", "    await card.checked(async () => network.#bind(pipelines));\n", ""),
)
TRUSTED = ("worker.js", "[putOn(card), testCard(card)]", "[putOn(card), null]")
BY_THE_PROCESSOR = (
    *WITHOUT_SHADERS,
    TRUSTED,
    (
        "worker.js",
        "demixer.finish(song, options, index, stems)",
        "demixer.run(song, options, index, inputs)",
    ),
)


def patched(site: Path, folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of the site with changed engine files; a change is (file, old text, new text)."""
    copy = Path(shutil.copytree(site, folder / "site"))
    for file, before, after in changes:
        path = copy / "engine" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, before
        path.write_text(text.replace(before, after), encoding="utf-8")
    return copy
