"""Pages read as a browser does, for tests of what they hold."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from html.parser import HTMLParser

VOID = {"meta", "img", "link", "br", "input", "hr"}
SHAPES = {"path", "line", "circle", "rect"}


def png(width: int = 1, height: int = 1) -> bytes:
    """A PNG of one colour; it says that it is so large, and has one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


class Page(HTMLParser):
    """The elements of a page, with their attributes and the text within; a wrong nesting is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._said: list[str] = []
        self._spans: dict[int, tuple[int, int]] = {}
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.handle_data(" ")
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))
            self._spans[len(self.elements) - 1] = (len(self._said), len(self._said))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, number = self._open.pop()
        assert opened == tag, f"`{tag}` closes `{opened}`"
        self._spans[number] = (self._spans[number][0], len(self._said))

    def handle_data(self, data: str) -> None:
        self._said.append(data)

    def all(self, tag: str, **wanted: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of all elements of this kind with these attributes."""
        return [
            (attrs, "".join(self._said[slice(*self._spans.get(number, (0, 0)))]))
            for number, (name, attrs) in enumerate(self.elements)
            if name == tag and wanted.items() <= attrs.items()
        ]

    def section(self, name: str) -> str:
        """The text of a section, its white space drawn together."""
        ((_, text),) = self.all("section", id=name)
        return " ".join(text.split())


def safe(page: Page) -> None:
    """The page asks for nothing, and nothing but its own style and script is let in."""
    ((policy, _),) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    for tag in ("style", "script"):
        ((_, text),) = page.all(tag)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    names = {name for _, attrs in page.elements for name in attrs}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    for tag, attrs in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag
        assert attrs.get("src", "data:image/").startswith("data:image/")
        assert attrs.get("href", "#").startswith("#")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page.text)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    linked = {attrs["href"][1:] for tag, attrs in page.elements if tag == "a"}
    assert linked <= set(ids)
