"""Ledgers: claims as data, checked before any job starts. No pandas and no torch here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sngan_repro.core.paths import is_file
from sngan_repro.core.schema import ConfigError, Model, parse, require_known
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.data.sources import SOURCES

LEDGERS_DIR = Path(__file__).parent / "ledgers"


class Claim(Model):
    """One claim: its place in the source, its statement, and the criterion by which a study decides it."""

    id: str = Field(min_length=1, description="unique within its ledger, and stable: verdicts are cited by it")
    where: str = Field(min_length=1, description="place in the source, e.g. `section 4, Figure 2`")
    statement: str = Field(min_length=1, description="the claim in our own words")
    quantity: str = Field(min_length=1, description="what is measured")
    criterion: str = Field(min_length=1, description="when it counts as supported, in words")
    reported: str = Field("", description="what the source's own numbers say about it")
    test: str | None = Field(None, description="the criterion's function; `sngan-repro claims --tests` lists them")
    options: dict[str, Any] = Field({}, description="options of that function")
    source: str | None = Field(None, description="the data source that the claim is about; default: any")
    not_run: str | None = Field(None, description="instead of `test`: which data it would need that no study records")

    @model_validator(mode="after")
    def _decidable_or_not(self) -> Claim:
        if (self.test is None) == (self.not_run is None):
            raise ValueError("give exactly one of `test` and `not_run`")
        if self.options and self.test is None:
            raise ValueError("`options` belong to a `test`")
        return self


class Ledger(Model):
    """The claims of one source."""

    derived = frozenset({"name"})

    name: str
    title: str = Field(min_length=3, description="heading of the claims in the report")
    citation: str = Field(min_length=1, description="key in report/references.bib")
    claims: tuple[Claim, ...] = Field(min_length=1, description="in the order of the report")

    @model_validator(mode="after")
    def _ids_distinct(self) -> Ledger:
        ids = [claim.id for claim in self.claims]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"claims: the id '{name}' is given twice")
        return self

    def version(self) -> str:
        """A text that changes with the ledger, and with the code of the tests of the user that it names."""
        from sngan_repro.analysis.claims.criteria import CRITERIA

        codes = {CRITERIA.code(claim.test) for claim in self.claims if claim.test is not None}
        return " ".join([self.digest(), *sorted(code for code in codes if code is not None)])


def load_ledger(name: str) -> Ledger:
    """A ledger by name (``southampton``), or a user's own by the path of its YAML file.

    Every test is looked up and its options are compared with what the function takes. Raises :class:`ConfigError`.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not is_file(path):
            raise ConfigError(f"claims: {name}: no such file")
    else:
        require_known("claims ledger", name, sorted(file.stem for file in LEDGERS_DIR.glob("*.yaml")))
        path = LEDGERS_DIR / f"{name}.yaml"
    values = read_yaml(path)
    if "name" in values:
        raise ConfigError(f"{path}: name: a ledger is named after its file; remove this key")
    ledger = parse(Ledger, {**values, "name": path.stem}, str(path))
    for claim in ledger.claims:
        try:
            if claim.source is not None:
                require_known("data source", claim.source, SOURCES.names())
            if claim.test is not None:
                check_options(claim.test, claim.options)
        except ConfigError as error:
            raise ConfigError(f"{path}: claim {claim.id}: {error}") from None
    return ledger


def check_options(test: str, given: dict[str, Any]) -> None:
    """Raise ConfigError if a test is unknown, or takes other options than those given."""
    from sngan_repro.analysis.claims.criteria import CRITERIA

    try:
        known = options_of(CRITERIA.get(test))
        for key in given:
            require_known("option", key, sorted(known))
    except ConfigError as error:
        raise ConfigError(f"test '{test}': {error}") from None
    missing = [key for key, option in known.items() if option.default is option.empty and key not in given]
    if missing:
        raise ConfigError(f"test '{test}': option '{missing[0]}' is missing")


def options_of(criterion: Callable) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a criterion: what a claim may set."""
    parameters = inspect.signature(criterion).parameters
    return {name: value for name, value in parameters.items() if value.kind is value.KEYWORD_ONLY}
