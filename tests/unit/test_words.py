"""Words of the page: index.html says nothing that has no words in every language."""

from html.parser import HTMLParser

from web.assemble import WEB

TEXT_OF_ALL = ("noscript", "h1", "symbol")
"""What is the same in all languages, or read where no script can look for another."""

LETTERS = {"M", "S"}
"""Of mute and solo, as on mixers everywhere."""

FILLED = {"formats"}
"""Ids of what scripts fill in with numbers; what stands there is for the moment before."""

SPOKEN = ("aria-label", "title", "placeholder", "alt")
VOID = {"br", "circle", "img", "input", "link", "meta", "path", "rect", "use"}


class Reader(HTMLParser):
    """Gathers what is said where no ancestor names the words for it."""

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


def test_whatever_index_html_says_has_words():
    reader = Reader()
    page = (WEB / "index.html").read_text(encoding="utf-8")
    reader.feed(page[page.index("<body>") :])
    assert reader.wordless == []
