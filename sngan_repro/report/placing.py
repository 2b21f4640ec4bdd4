"""The template's functions that place figures and tables, number them, and refer to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sngan_repro.analysis.figures.style import WIDTH
from sngan_repro.analysis.outputs import FigurePlan, figure_plans
from sngan_repro.analysis.tables.printed import PrintedTable, markdown_escape
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.text import enumeration
from sngan_repro.report.captions import figure_caption
from sngan_repro.report.templates import Templates
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

MOST_ROWS = 48
"""Rows of a table that fit a page with its caption."""


class Numbering:
    """Numbers of figures and tables, in the order of their appearance.

    The template is rendered twice. The first pass counts; the second one resolves references to later figures.
    known: the numbers that the first pass found.
    """

    def __init__(self, known: dict[tuple[str, str], int] | None = None) -> None:
        self.known = known
        self.seen: dict[tuple[str, str], int] = {}

    def define(self, kind: str, key: str) -> int:
        """The number of a new figure or table. Raises ConfigError if the key was used before."""
        if (kind, key) in self.seen:
            raise ConfigError(f"report template: the {kind} '{key}' appears twice")
        number = sum(other == kind for other, _ in self.seen) + 1
        self.seen[kind, key] = number
        return number

    def ref(self, kind: str, key: str) -> str:
        """A link such as ``[Figure 3](#figure-3)``. Raises ConfigError if the report has no such figure or table."""
        if self.known is None:
            return ""
        if (kind, key) not in self.known:
            raise ConfigError(f"report template: reference to the {kind} '{key}', which does not appear")
        number = self.known[kind, key]
        return f"[{kind.capitalize()} {number}](#{kind}-{number})"

    def numbers(self, kind: str, keys: list[str]) -> list[int]:
        """The numbers of figures or tables; zeros in the first pass."""
        return [0 if self.known is None else self.known[kind, key] for key in keys]


def placing(study: Study, layout: Layout, templates: Templates, numbering: Numbering) -> dict[str, Callable[..., Any]]:
    """The functions ``figure``, ``table``, ``refs`` and ``figs`` of the template."""

    def figure(plan: FigurePlan) -> str:
        number = numbering.define("figure", plan.name)
        share = min(1.0, svg_width(plan.file(layout, "svg")) / WIDTH)
        caption = f"**Figure {number}.** {figure_caption(templates, study, plan)}"
        return f"![{caption}]({plan.name}.svg){{#figure-{number} width={share:.0%}}}\n"

    def table(content: PrintedTable) -> str:
        number = numbering.define("table", content.key)
        classes = ".table .prose" if content.prose else ".table"
        parts = [content] if content.prose else content.parts(MOST_ROWS)
        texts = []
        for index, part in enumerate(parts):
            caption = f"**Table {number}.** {markdown_escape(part.caption)}"
            if index:
                caption = f"**Table {number}**, continued."
            name = f" {{#table-{number}}}" if index == 0 else ""
            texts.append(f"::: {{{classes}}}\n{part.markdown_body()}\n: [{caption}]{{.caption}}{name}\n:::\n")
        return "\n".join(texts)

    def refs(kind: str, items: list[Any]) -> str:
        keys = [item.name if isinstance(item, FigurePlan) else item.key for item in items]
        return enumeration(_shortened([numbering.ref(kind, key) for key in keys], numbering.numbers(kind, keys)))

    def figs(kind: str, dataset: str | None = None, topic: str | None = None) -> list[FigurePlan]:
        return [
            plan
            for plan in figure_plans(study)
            if plan.kind == kind and dataset in (None, plan.dataset) and topic in (None, plan.topic)
        ]

    return {"figure": figure, "table": table, "refs": refs, "figs": figs}


def _shortened(links: list[str], numbers: list[int]) -> list[str]:
    """Links whose numbers follow one another, three or more, as ``Table 3 to Table 6``."""
    texts: list[str] = []
    start = 0
    for index in range(1, len(links) + 1):
        if index < len(links) and numbers[index] == numbers[index - 1] + 1:
            continue
        group = links[start:index]
        texts += [f"{group[0]} to {group[-1]}"] if len(group) > 2 else group
        start = index
    return texts


def svg_width(path: Path) -> float:
    """The width of an SVG figure in inches. Raises ConfigError if the file is missing or has no width in points."""
    try:
        head = path.read_text(encoding="utf-8")[:2000]
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; make_figures writes it") from None
    match = re.search(r'<svg[^>]*? width="([0-9.]+)pt"', head)
    if match is None:
        raise ConfigError(f"{path}: not an SVG figure of this package; run the workflow again")
    return float(match[1]) / 72
