"""A printed table, as Markdown (pipe table) and LaTeX (booktabs)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "×": r"$\times$",
    "\u202f": r"\,",
}
_MARKDOWN_SPECIALS = r"\`*_{}[]<>#|~^$@"


def latex_escape(text: str) -> str:
    """Text escaped for LaTeX (pdflatex with UTF-8). A bracket at the start is no option of ``\\\\``."""
    escaped = "".join(_LATEX.get(char, char) for char in text)
    return "{" + escaped + "}" if text.startswith("[") else escaped


def markdown_escape(text: str) -> str:
    """Text escaped for Markdown, also inside a pipe table. Dashes and dots stay as they are written."""
    escaped = "".join("\\" + char if char in _MARKDOWN_SPECIALS else char for char in text)
    return escaped.replace("--", r"\-\-").replace("...", r"\.\.\.")


@dataclass(frozen=True)
class PrintedTable:
    """Text cells under a caption. ``align`` has ``l``, ``r`` or ``p`` (text that is broken into lines) for each column.

    ``bold`` and ``rule_before`` name cells (row, column) and rows.
    """

    key: str
    caption: str
    align: str
    header: list[str]
    rows: list[list[str]]
    bold: set[tuple[int, int]] = field(default_factory=set)
    rule_before: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        if any(len(cells) != len(self.align) for cells in [self.header, *self.rows]):
            raise ValueError(f"table {self.key}: a row has not {len(self.align)} cells")

    def markdown_body(self) -> str:
        """The pipe table without its caption."""
        rule = ["--:" if side == "r" else ":--" for side in self.align]
        body = [
            [
                f"**{markdown_escape(text)}**" if (row, column) in self.bold else markdown_escape(text)
                for column, text in enumerate(cells)
            ]
            for row, cells in enumerate(self.rows)
        ]
        header = [markdown_escape(text) for text in self.header]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *body]) + "\n"

    def parts(self, most: int) -> list[PrintedTable]:
        """The table in parts of about ``most`` rows or fewer. A part ends where a rule does, if there are any."""
        num_parts = -(-len(self.rows) // most)
        ends, start = [], 0
        for part in range(1, num_parts):
            wanted = round(part * len(self.rows) / num_parts)
            ends.append(min(self.rule_before or {wanted}, key=lambda row: (abs(row - wanted), row)))
        found = []
        for end in sorted({*ends, len(self.rows)} - {0}):
            inside = range(start, end)
            bold = {(row - start, column) for row, column in self.bold if row in inside}
            rules = {row - start for row in self.rule_before if row in inside and row > start}
            found.append(replace(self, rows=self.rows[start:end], bold=bold, rule_before=rules))
            start = end
        return found

    @property
    def prose(self) -> bool:
        """True if the table has columns of text that is broken into lines."""
        return "p" in self.align

    def _latex_columns(self) -> str:
        """The column specification; columns of text share three quarters of the line."""
        share = 0.75 / max(1, self.align.count("p"))
        return "".join(rf"p{{{share:.2f}\linewidth}}" if side == "p" else side for side in self.align)

    def markdown(self) -> str:
        """Caption and table."""
        return f"**{markdown_escape(self.caption)}**\n\n{self.markdown_body()}"

    def latex(self) -> str:
        """A ``table`` environment; needs the packages booktabs and graphicx (to shrink what is too wide)."""
        lines = [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{latex_escape(self.caption)}}}\label{{tab:{self.key}}}\par\smallskip",
            r"\setbox0=\hbox{%",
            rf"\begin{{tabular}}{{{self._latex_columns()}}}",
            r"\toprule",
            " & ".join(map(latex_escape, self.header)) + r" \\",
            r"\midrule",
        ]
        for row, cells in enumerate(self.rows):
            if row in self.rule_before:
                lines.append(r"\midrule")
            escaped = [
                rf"\textbf{{{latex_escape(text)}}}" if (row, column) in self.bold else latex_escape(text)
                for column, text in enumerate(cells)
            ]
            lines.append(" & ".join(escaped) + r" \\")
        lines += [
            r"\bottomrule",
            r"\end{tabular}}",
            r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"


def markdown_document(tables: list[PrintedTable]) -> str:
    """All tables of one Markdown file."""
    return "\n".join(table.markdown() for table in tables)


def latex_document(tables: list[PrintedTable]) -> str:
    """All tables of one LaTeX file, to be read with ``\\input``."""
    head = "% \\usepackage[T1]{fontenc} \\usepackage{booktabs} \\usepackage{graphicx}\n"
    return head + "\n".join(table.latex() for table in tables)
