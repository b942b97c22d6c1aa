"""Reads a page back: its text as a reader sees it, its elements and their attributes."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

BLOCKS = {"p", "li", "dt", "dd", "td", "th", "tr", "div", "summary", "code", "h1", "h2", "h3", "h4", "h5"}
SPOKEN = {"section", "article", "tr", "details"}
VOID = {"meta", "link", "img", "input", "br", "hr", "rect"}


@dataclass
class Page(HTMLParser):
    """What is in a page; unbalanced elements raise."""

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self._texts: dict[str, list[str]] = {"": []}
        self.feed(self.source)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in BLOCKS:
            self._say(" ")
        self.elements.append((tag, given))
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, f"<{opened}> closed by </{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        if tags[-1:] in (["style"], ["script"]):
            self.own[tags[-1]] = self.own.get(tags[-1], "") + data
            return
        self._say(data.replace("\u00a0", " "))

    def _say(self, data: str) -> None:
        self._texts[""].append(data)
        for tag, name in self._open:
            if name and tag in SPOKEN:
                self._texts.setdefault(name, []).append(data)

    @property
    def text(self) -> str:
        """All text of the page, its style and script left out."""
        return "".join(self._texts[""])

    def said(self, section: str = "") -> str:
        """The text of the element with this id, or of the whole page, with its blanks made single."""
        return " ".join("".join(self._texts[section]).split())

    def attributes(self, name: str) -> list[str]:
        """The values of an attribute over all elements."""
        return [given[name] for _, given in self.elements if name in given]
