"""The equations and sources of a method, typeset as the report prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sngan_repro.extend.check_method.case import Case, Check, Failure


def equations(case: Case) -> Iterator[Failure]:
    """The equations can be set in HTML and in the PDF."""
    latex = case.method.equations_for(case.options)
    if not isinstance(latex, str):
        yield Failure(f"`equations_for` gives {type(latex).__name__}", "a text in LaTeX", "equations_for")
        return
    for formula in formulas(latex):
        if problem := not_set(formula):
            yield Failure(
                f"`{formula}` cannot be set: {problem}", "LaTeX that pandoc reads, without `$`", line=case.place("")
            )


def formulas(latex: str) -> list[str]:
    """The formulas of a method, one each."""
    return [part.strip() for part in latex.replace("\n", " ").split(r", \qquad ") if part.strip()]


def not_set(formula: str) -> str:
    """Why pandoc or Typst cannot set a formula; empty when they can."""
    import pypandoc
    import typst

    text = f"$$\\begin{{aligned}}\n&{formula}\n\\end{{aligned}}$$"
    html = pypandoc.convert_text(text, "html5", format="markdown", extra_args=["--mathml", "--quiet"])
    if "<math" not in html or 'class="math' in html:
        return "pandoc does not read it as mathematics"
    try:
        typst.compile(pypandoc.convert_text(text, "typst", format="markdown").encode(), format="pdf")
    except typst.TypstError as error:
        return re.sub(r"\s+", " ", f"Typst: {error.message}")
    return ""


CHECKS: tuple[Check, ...] = (("the equations can be set in the report", equations),)
