"""Nothing in the report but text, tables, formulas, and figures of this study, whatever the texts of users contain.

A report is a web page that people send to each other. The reader of Markdown is told to take HTML as text; then the
document is filtered element by element: raw parts that are not the template's own, images that are no figures, links
to other places than the web or this page, and attributes with a meaning for browsers are removed or become text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

FORMAT = "markdown-raw_html-raw_tex-native_divs-native_spans-markdown_in_html_blocks+table_attributes"
"""Markdown as the templates use it. HTML in it is text."""
PROSE_FORMAT = f"{FORMAT}-raw_attribute-yaml_metadata_block-pandoc_title_block"
"""Markdown as users write it."""
KEPT_META = ("title", "subtitle", "lang", "toc-title", "link-citations", "reference-section-title", "abstract")
"""The template's own metadata. A text of a user could add others, such as a style sheet from elsewhere."""
LINK = re.compile(r"(https?://|mailto:|#)[^\s\x00-\x20]*", re.IGNORECASE)
"""The addresses that a link may have."""
KEPT_ATTRIBUTES = ("width",)
FLUSH = "#place.flush() // no figure after this place"
"""The only raw part of the templates, for Typst."""
CSP = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'"
)
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{CSP}" />\n'
"""For the head of the HTML report: a browser then runs no script and loads nothing from elsewhere."""

Element = dict[str, Any]


def safe_document(text: str, figures: Collection[str]) -> str:
    """A document, as pandoc's JSON, without anything that a browser or Typst would run or load.

    text: pandoc's JSON. figures: the names of the image files that belong to the report.
    """
    document = json.loads(text)
    allowed = frozenset(figures)
    meta = document["meta"]
    document["meta"] = {key: _filtered(meta[key], allowed) for key in KEPT_META if key in meta}
    document["blocks"] = _filtered(document["blocks"], allowed)
    return json.dumps(document, ensure_ascii=True)


def _filtered(value: Any, figures: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_filtered(part, figures) for part in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("t")
    if kind in ("RawInline", "RawBlock"):
        return _raw(value)
    if kind == "Image" and value["c"][2][0] not in figures:
        return {"t": "Span", "c": [["", [], []], _filtered(value["c"][1], figures)]}  # its description
    if kind == "Link" and not LINK.fullmatch(value["c"][2][0]):
        return {"t": "Span", "c": [["", [], []], _filtered(value["c"][1], figures)]}
    found = {key: _filtered(part, figures) for key, part in value.items()}
    if kind in ("Div", "Span", "Header", "Image", "Link", "Code", "CodeBlock", "Table", "Figure"):
        _clean_attributes(found, kind)
    return found


def _raw(value: Element) -> Element:
    """The templates' own raw part; any other is shown as code."""
    form, text = value["c"]
    if form == "typst" and text.strip() == FLUSH:
        return value
    kind = "Code" if value["t"] == "RawInline" else "CodeBlock"
    return {"t": kind, "c": [["", [], []], text]}


def _clean_attributes(value: Element, kind: str) -> None:
    """Keep identifiers, classes and sizes of one element."""
    content = value["c"]
    place = 1 if kind == "Header" else 0
    identifier, classes, pairs = content[place]
    kept = [pair for pair in pairs if pair[0] in KEPT_ATTRIBUTES and re.fullmatch(r"[0-9.]+(%|em|px|pt)?", pair[1])]
    content[place] = [_name(identifier), [_name(each) for each in classes], kept]


def _name(text: str) -> str:
    return re.sub(r"[^\w.:+-]", "", text)


def cited_keys(value: Any) -> set[str]:
    """The keys of all citations in a document."""
    if isinstance(value, list):
        return set().union(*map(cited_keys, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {each["citationId"] for each in value["c"][0]} if value.get("t") == "Cite" else set()
    return own.union(*map(cited_keys, value.values())) if value else own
