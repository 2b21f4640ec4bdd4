"""The symbols of the equations: those of all methods, and a check that no letter of an equation is left unexplained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

COMMON = {
    "x": "a real image",
    "z": "a latent vector",
    "y": "a generated image, $y = G(z)$",
    "f": "the last output of the discriminator $D$, before any sigmoid",
    "L_D": "the loss that is minimised over $D$",
    "L_G": "the loss that is minimised over $G$",
    r"\mathbb{E}": "the mean over a batch",
}
"""Symbols that every method may use, in LaTeX -> their meaning in Markdown."""
OPERATORS = re.compile(r"\\(?:text|mathrm|operatorname|textstyle)\{[^{}]*\}|\\begin\{\w+\}|\\end\{\w+\}")
GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu",
    "xi", "pi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda",
    "Sigma", "Phi", "Psi", "Omega",
]  # fmt: skip
LETTER = re.compile(r"\\([A-Za-z]+)|([A-Za-z])")
EULER = "e"


class Symbol(NamedTuple):
    """A symbol of the equations of one method."""

    latex: str
    meaning: str
    """In Markdown."""
    option: str = ""
    """The option whose value it is; empty if it is none."""


def symbols_of(declared: Mapping[str, str], options: Iterable[str]) -> list[Symbol]:
    """The symbols that a method declares. A text that begins with the name of an option and a colon names that option.

    ``{r"\\gamma": "gamma: the target ratio of the two errors"}`` gives Symbol(r"\\gamma", "the target ...", "gamma").
    """
    known = set(options)
    found = []
    for latex, text in declared.items():
        option, colon, rest = text.partition(":")
        names_option = bool(colon) and option in known
        found.append(Symbol(latex, rest.strip(), option) if names_option else Symbol(latex, text))
    return found


def letters(latex: str) -> set[str]:
    """The letters of an equation: Latin ones and names of Greek ones. Words, operators and Euler's e are left out."""
    plain = OPERATORS.sub(" ", latex).replace(r"\mathbb{E}", " ")
    found = {command or letter for command, letter in LETTER.findall(plain)}
    return {letter for letter in found if (len(letter) == 1 and letter != EULER) or letter in GREEK}


def unexplained(method: Any, options: Any) -> list[str]:
    """The letters of a method's equations under its options that neither it nor :data:`COMMON` explains."""
    known = set().union(*map(letters, [*COMMON, *method.symbols_for(options)])) | {"G", "D"}
    return sorted(letters(method.equations_for(options)) - known)
