"""Every visible text of index.html names its translations."""

from html.parser import HTMLParser

from web.assemble import WEB

TEXT_OF_ALL = ("noscript", "h1", "symbol")
"""Elements whose text is the same in all languages, or shown where no script can translate it."""

LETTERS = {"M", "S"}
"""The labels of mute and solo, as on mixers everywhere."""

FILLED = {"formats"}
"""Ids of elements that scripts fill with numbers; their text is only a placeholder."""

SPOKEN = ("aria-label", "title", "placeholder", "alt")
VOID = {"br", "circle", "img", "input", "link", "meta", "path", "rect", "use"}


class Reader(HTMLParser):
    """Collects texts and labels that have no translation key on themselves or an ancestor."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.wordless: list[str] = []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag not in VOID:
            self.open.append((tag, named))
        if any(named.get(name) for name in SPOKEN) and "data-word-place" not in named:
            self.wordless.append(f"<{tag} {named}>")

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        text = data.strip()
        inside = any(
            "data-word" in named or tag in TEXT_OF_ALL or named.get("id") in FILLED
            for tag, named in self.open
        )
        if text.strip(".:,· ") and not inside and text not in LETTERS:
            self.wordless.append(text)


def test_all_texts_of_index_html_are_translatable():
    reader = Reader()
    page = (WEB / "index.html").read_text(encoding="utf-8")
    reader.feed(page[page.index("<body>") :])
    assert reader.wordless == []
