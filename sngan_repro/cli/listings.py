"""Lists for the terminal: methods, scores, tests of claims and data sources. No torch here."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from sngan_repro.data.sources import list_sources
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.scores import SCORES, in_order
from sngan_repro.methods import METHODS, find_method, method_names

INDENT = "    "


def print_methods() -> None:
    """Print every method with its options, a line or two each."""
    for name in method_names():
        method = find_method(name)
        kind = "" if isinstance(method, type) else "program, "
        _wrapped(f"{name}: {kind}{method.title}. {method.summary}" + (f" [{method.source}]" if method.source else ""))
        if METHODS.code(name) is not None:
            print(f"{INDENT}a plugin, in {METHODS.origin(name)}")
        for line in option_lines(name):
            _wrapped(line, INDENT)
    print(
        "\n`sngan-repro methods NAME` shows one in full; `sngan-repro new-method NAME` writes a new one to start from."
    )


def print_method(name: str) -> None:
    """Print one method in full: summary, losses, options, a line for a study file, source and file."""
    method = find_method(name)
    print(f"{name}: {method.title}")
    _wrapped(method.summary, INDENT)
    if not isinstance(method, type):
        _wrapped(f"a program: {method.command}", INDENT)
    elif method.__doc__ and method.__doc__ != method.__base__.__doc__:
        _wrapped(" ".join(inspect.cleandoc(method.__doc__).split()), INDENT)
    if lines := [part.strip() for part in method.equations.replace("\n", " ").split(r", \qquad ") if part.strip()]:
        print("\nlosses, in LaTeX: x real, y = G(z), f the output of D")
        for line in lines:
            print(INDENT + line)
    print("\noptions" + ("" if method.Options.model_fields else ": none"))
    for line in option_lines(name):
        _wrapped(line, INDENT)
    example = next((f", {option}: {_yaml(field.default)}" for option, field in method.Options.model_fields.items()), "")
    print(f"\nin a study\n{INDENT}methods:\n{INDENT}  - {{name: {name}, label: {method.title}{example}}}")
    file = METHODS.origin(name) if isinstance(method, type) else method.file
    print(f"\nsource  {method.source or 'none given'}\nfile    {file}")


def option_lines(name: str) -> list[str]:
    """``gamma: float = 0.5 - ratio of the two errors`` for each option of a method."""
    lines = []
    for option, field in find_method(name).Options.model_fields.items():
        text = f" - {field.description}" if field.description else ""
        lines.append(f"{option}: {type_name(field.annotation)} = {field.default!r}{text}")
    return lines


def type_name(annotation: Any) -> str:
    """``'hinge' | 'standard'``, ``float``, ``int | None``."""
    if get_origin(annotation) is Literal:
        return " | ".join(repr(value) for value in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(type_name(part) for part in get_args(annotation))
    return "None" if annotation is NoneType else getattr(annotation, "__name__", str(annotation))


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _wrapped(text: str, indent: str = "") -> None:
    """Print a paragraph, wrapped to the width of the terminal; unwrapped if the output is no terminal."""
    width = shutil.get_terminal_size((10_000, 24)).columns
    print(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent + INDENT, break_long_words=False))


def print_scores() -> None:
    """Print every score and every evaluator."""
    for name in in_order(SCORES.names()):
        score = SCORES.get(name)
        sign = "higher" if score.higher_is_better else "lower"
        print(f"{name}: {score.long_title}, {sign} is better - {score.measures}")
    print("\nevaluators:")
    for name in EVALUATORS.names():
        print(f"{name}: {EVALUATORS.get(name).summary}")


def print_criteria() -> None:
    """Print every test that a claim can be bound to, with its summary and its options."""
    from sngan_repro.analysis.claims.criteria import CRITERIA
    from sngan_repro.analysis.claims.ledger import options_of

    for name in CRITERIA.names():
        criterion = CRITERIA.get(name)
        print(f"{name}: {(criterion.__doc__ or '').strip().splitlines()[0]}")
        for option, parameter in options_of(criterion).items():
            default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
            print(f"    {option}: {parameter.annotation}{default}")


def print_datasets(data_dir: str) -> None:
    """Print every data source with its size, and where to put its files."""
    for source in list_sources():
        num_train = f"{source.num_train:,}" if source.num_train else "?"
        num_test = f"{source.num_test:,}" if source.num_test else "?"
        print(f"{source.name}: {source.title}; {num_train} training and {num_test} test images")
        if source.where_to_put:
            print("    " + source.where_to_put.replace("downloads/", f"{data_dir}/downloads/"))
