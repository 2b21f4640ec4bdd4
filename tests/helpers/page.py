"""What a browser would do with a page."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "form", "base", "link", "frame"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "srcdoc" or (name == "style" and "url" in (value or "")):
                self.found.append(f"{tag} {name}")
            if name in ("src", "data", "poster") and not (value or "").startswith("data:"):
                self.found.append(f"{tag} {name}={value}")
            if name == "http-equiv" and value != "Content-Security-Policy":
                self.found.append(f"{tag} {value}")
            if name == "href":
                self.links.append(value or "")
