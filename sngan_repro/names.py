"""Names in configuration models that a registry has: checked with a hint, completed by editors. No torch here."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sngan_repro.config import ConfigError
from sngan_repro.registry import Registry


class NameIn:
    """Annotation of a text field: ``Annotated[str, NameIn("sngan_repro.methods:METHODS")]``.

    registry: module and attribute, looked up when a value is checked, so that models import no registry. checked:
    False where another place checks the name, with a better message.
    """

    def __init__(self, registry: str, checked: bool = True) -> None:
        self.registry = registry
        self.checked = checked

    def find(self) -> Registry[Any]:
        """The registry itself."""
        module, _, attribute = self.registry.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        return core_schema.no_info_after_validator_function(self._check, inner) if self.checked else inner

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **self.json_schema()}

    def json_schema(self) -> dict[str, Any]:
        """For editors: they complete the names that come with the package, and accept those of files of one's own."""
        return {"anyOf": [{"enum": self.find().shipped()}, {"type": "string"}]}

    def _check(self, name: str) -> str:
        registry = self.find()
        try:
            # What is known need not be imported, and what comes with the package does not ask for files of one's own.
            if name not in registry.shipped() and name not in registry.names():
                registry.get(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return name
