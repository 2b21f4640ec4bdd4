"""Text of the documentation that is made from the code, so that it cannot differ from it: keys, options, equations.

No page holds these tables; `docs/hooks.py` puts them where a page has a line such as ``<!-- generated: study -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sngan_repro.analysis.claims.ledger import Ledger
from sngan_repro.config.machine import MachineConfig
from sngan_repro.data.sources import list_sources
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.scores import SCORES, in_order
from sngan_repro.methods import METHODS
from sngan_repro.methods.program import PLACEHOLDERS, Program
from sngan_repro.methods.program_options import OptionSpec
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.reference import load_reference
from sngan_repro.study.schema import study_schema
from sngan_repro.training.program.contract import ProgramStatus

HEADER = '<div class="keys" markdown>\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n'
Schema = dict[str, Any]


def study_keys() -> str:
    """Tables of all keys of a study file."""
    return schema_tables(study_schema(), "The top level")


def machine_keys() -> str:
    """Table of the keys of config/config.yaml."""
    return table(MachineConfig.model_json_schema(), {})


def program_keys() -> str:
    """Table of the keys of a program's declaration, and of those of an option."""
    schema = Program.model_json_schema()
    for name in Program.derived:
        del schema["properties"][name]
    keys = table(schema, {}).replace("| mapping |", "| mapping of names to defaults or [keys](#an-option) |")
    return f"{keys}\n\n### An option {{#an-option}}\n\n{table(OptionSpec.model_json_schema(), {})}"


def program_status_keys() -> str:
    """Table of the keys of what a program says of its end."""
    return table(ProgramStatus.model_json_schema(), {})


def placeholders() -> str:
    """Table of the names that a command may hold."""
    return pipe_table(["Name", "What it stands for"], [[f"`{{{name}}}`", text] for name, text in PLACEHOLDERS.items()])


def ledger_keys() -> str:
    """Tables of the keys of a ledger of claims."""
    schema = Ledger.model_json_schema()
    del schema["properties"]["name"]  # the stem of the file
    return schema_tables(schema, "The top level of a ledger")


def schema_tables(schema: Schema, title: str) -> str:
    """One table for the top level, and one for each model that a key of it holds."""
    definitions = schema.get("$defs", {})
    parts = [f"### {title}\n\n{table(schema, definitions)}"]
    for key, prop in schema["properties"].items():
        shape, model = nested(prop, definitions)
        if model:
            heading = {"one": f"`{key}`", "list": f"`{key}[]`", "map": f"`{key}.<name>`"}[shape]
            parts.append(f"### {heading} {{#{key}}}\n\n{summary(model)}{table(model, definitions)}")
    return "\n\n".join(parts)


def nested(prop: Schema, definitions: Schema) -> tuple[str, Schema | None]:
    """(whether one, a list or a map, the schema of the model in it), or ("", None) for a plain value."""
    given = [part for part in prop.get("anyOf", []) if part.get("type") != "null"]
    prop = given[0] if len(given) == 1 else prop  # an optional model
    maps = list(prop.get("patternProperties", {}).values())
    for shape, inner in (("one", prop), ("list", prop.get("items", {})), ("map", maps[0] if maps else {})):
        if "$ref" in inner:
            return shape, mapping(definitions[inner["$ref"].rsplit("/", 1)[-1]])
    return "", None


def mapping(schema: Schema) -> Schema:
    """The mapping itself, of a model that may also be given as a bare name."""
    return next((part for part in schema.get("anyOf", []) if "properties" in part), schema)


def summary(model: Schema) -> str:
    """The docstring of a model, as Markdown."""
    text = model.get("description", "").replace("``", "`")
    return f"{text}\n\n" if text else ""


def table(model: Schema, definitions: Schema) -> str:
    """The keys of one model: name, type with its limits, default, meaning."""
    rows = [
        f"| `{key}` | {cell(type_text(prop, key, definitions))} | {default_text(key, prop, model)} "
        f"| {cell(meaning(prop))} |"
        for key, prop in model.get("properties", {}).items()
    ]
    return HEADER + "\n".join(rows) + "\n\n</div>" if rows else "No keys."


def cell(text: str) -> str:
    """Text that may stand in a cell."""
    return text.replace("|", r"\|").replace("\n", " ").replace("<", "&lt;")


def meaning(prop: Schema) -> str:
    """The description, as Markdown."""
    return prop.get("description", "").replace("``", "`")


def default_text(key: str, prop: Schema, model: Schema) -> str:
    """The default of a key, or that it has none."""
    if key in model.get("required", []):
        return "**required**"
    default = prop.get("default")
    if default in (None, {}, [], "") or "$ref" in prop:
        return "–"
    return f"`{json.dumps(default)}`".replace('"', "")


LIMITS: dict[str, Callable[[Any], str]] = {
    "minimum": lambda value: f"≥\N{NO-BREAK SPACE}{value:g}",
    "exclusiveMinimum": lambda value: f">\N{NO-BREAK SPACE}{value:g}",
    "maximum": lambda value: f"≤\N{NO-BREAK SPACE}{value:g}",
    "exclusiveMaximum": lambda value: f"<\N{NO-BREAK SPACE}{value:g}",
    "multipleOf": lambda value: f"a multiple of {value:g}",
}
PLAIN = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def type_text(prop: Schema, key: str, definitions: Schema) -> str:
    """A type in words, with its limits: ``whole number, ≥ 16, ≤ 128``."""
    shape, model = nested(prop, definitions)
    if model:
        return {"one": "", "list": "list of ", "map": "mapping of names to "}[shape] + f"[keys](#{key})"
    if "enum" in prop or "const" in prop:
        return " or ".join(f"`{value}`" for value in prop.get("enum", [prop.get("const")]))
    if "anyOf" in prop:
        kinds = [part for part in prop["anyOf"] if part.get("type") != "null"]
        if "enum" in kinds[0] and kinds[1:2] == [{"type": "string"}]:
            del kinds[1]  # a name that a file of one's own registers
        return " or ".join(type_text(part, key, definitions) for part in kinds)
    if prop.get("type") == "array":
        return f"list of {type_text(prop.get('items', {}), key, definitions)}"
    if prop.get("type") == "object":
        return "mapping"
    limits = [text(prop[name]) for name, text in LIMITS.items() if name in prop]
    return ", ".join([PLAIN[prop["type"]], *limits])


def methods() -> str:
    """Every method: summary, losses, options, sources."""
    parts = []
    for name in [name for name in METHODS.names() if METHODS.code(name) is None]:  # not those of somebody's own
        method = METHODS.get(name)
        keys = citation_keys(method.source)
        cited = "".join(f"\n- <!-- cite: {key} -->" for key in keys)
        options = table(method.Options.model_json_schema(), {}).replace("No keys.", "No options.")
        texts = [f"## {method.title} {{#{name}}}", f"`{name}`: {method.summary}.", equations(method.equations)]
        texts += [plain(method.__doc__), options, "Source:\n" + cited if keys else ""]
        parts.append("\n\n".join(text for text in texts if text))
    return "\n\n".join(parts)


def plain(docstring: str | None) -> str:
    """A docstring in one paragraph, without Sphinx's roles."""
    return re.sub(r":\w+:`([^`]*)`", r"`\1`", " ".join((docstring or "").split())).replace("``", "`")


def equations(latex: str) -> str:
    """Losses, one line each, as in the report."""
    lines = [part.strip() for part in latex.replace("\n", " ").split(r", \qquad ") if part.strip()]
    if not lines:
        return ""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(f"&{line}" for line in lines) + "\n\\end{aligned}\n$$"


def citation_keys(source: str) -> list[str]:
    """``miyato2018, feng2019`` as a list."""
    return [key.strip() for key in source.split(",") if key.strip()]


def sources() -> str:
    """Table of the data sources."""
    rows = []
    for source in list_sources():
        counts = [f"{count:,}" if count else "–" for count in (source.num_train, source.num_test, source.num_classes)]
        rows.append(f"| `{source.name}` | {source.title} | {' | '.join(counts)} | {cell(source.where_to_put)} |")
    head = "| Source | | Training images | Test images | Classes | Where files staged by hand go, below `data/` |\n"
    return head + "|---|---|---|---|---|---|\n" + "\n".join(rows)


def scores() -> str:
    """Table of the scores."""
    rows = []
    for name in in_order(SCORES.shipped()):
        score = SCORES.get(name)
        better = "higher" if score.higher_is_better else "lower"
        title = "" if score.long_title == name else f" {score.long_title}"
        rows.append([f"`{name}`{title}", better, score.measures, score.blind_to])
    found = pipe_table(["Score", "Better", "What it measures", "What it does not see"], rows)
    return f'<div class="scores" markdown>\n\n{found}\n\n</div>'


def evaluators() -> str:
    """Table of the evaluators."""
    rows = []
    for name in EVALUATORS.shipped():
        evaluator = EVALUATORS.get(name)
        kind = "published, fetched once and checked" if evaluator.weights else "none"
        kind = "trained here, on each dataset" if evaluator.trained else kind
        rows.append([f"`{name}`", evaluator.summary, kind, evaluator.preprocessing])
    return pipe_table(["Evaluator", "", "Weights", "From pixels to features"], rows)


def families() -> str:
    """Table of the network families."""
    found = {name: FAMILIES.get(name) for name in FAMILIES.shipped()}
    sizes = {name: ", ".join(map(str, family.sizes)) if family.sizes else "16 to 128" for name, family in found.items()}
    return pipe_table(
        ["Family", "", "Pixels"], [[f"`{name}`", family.summary, sizes[name]] for name, family in found.items()]
    )


def family_options() -> str:
    """A table of the options of each network family that has some."""
    found = {name: FAMILIES.get(name).Options.model_json_schema() for name in FAMILIES.shipped()}
    return "\n\n".join(f"### `{name}` {{#{name}}}\n\n{table(schema, {})}" for name, schema in found.items())


def published_values() -> str:
    """The published values of the Southampton reproduction: every number, how it was read, and the error of that."""
    reference = load_reference("southampton")
    parts = []
    for kind in ("is", "fid"):
        bars, settings, best = reference.bars(kind), reference.settings, reference.best(kind)
        decimals = max(len(f"{cell.value:g}".partition(".")[2]) for cell in bars.values())
        error = reference.bar_values.errors[kind] if reference.bar_values else 0.0
        head = ["Method", "Table 1", *(f"Figure 2, {setting} (± {error:g})" for setting in settings)]
        rows = []
        for method, printed in best.items():
            cells = [bars.get((method, setting)) for setting in settings]
            texts = [f"{cell.value:.{decimals}f}" if cell else "–" for cell in cells]
            rows.append([method, f"{printed.value:g}", *texts])
        parts.append(f"{kind.upper()}:\n\n" + pipe_table(head, rows))
    return "\n\n".join(parts)


def inconsistencies() -> str:
    """Where the Southampton report and its code say different things."""
    found = load_reference("southampton").inconsistencies
    return pipe_table(["", "About", "Stated", "In the code"], [[i.id, i.topic, i.stated, i.coded] for i in found])


def pipe_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS: dict[str, Callable[[], str]] = {
    "study": study_keys,
    "machine": machine_keys,
    "ledger": ledger_keys,
    "program": program_keys,
    "program_status": program_status_keys,
    "placeholders": placeholders,
    "methods": methods,
    "sources": sources,
    "scores": scores,
    "evaluators": evaluators,
    "families": families,
    "family_options": family_options,
    "published_values": published_values,
    "inconsistencies": inconsistencies,
}
"""What a page may ask for."""


def fill(page: str) -> str:
    """A page with every ``<!-- generated: NAME -->`` replaced; an unknown name is a KeyError."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda match: PARTS[match[1]](), page)
