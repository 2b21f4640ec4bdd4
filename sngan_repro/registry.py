"""One registry for each kind of extendable thing: methods, data sources, evaluators.

An entry registers itself with a decorator when its module is imported; listing imports the modules of one package
and never torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from sngan_repro.config import ConfigError, require_known

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries found in the modules of one package.

    kind: the word used in messages ("method"). package: every module in it is imported at the first look-up.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds an entry; a name registered twice raises :class:`ConfigError`."""

        def add(entry: T) -> T:
            present = self._entries.get(name)
            if present is not None and getattr(present, "__module__", 0) != getattr(entry, "__module__", 1):
                raise ConfigError(f"two {self.kind}s register the name '{name}'")
            self._entries[name] = entry
            return entry

        return add

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load()
        return sorted(self._entries)

    def get(self, name: str) -> T:
        """The entry called ``name``; an unknown name raises :class:`ConfigError` listing the known ones."""
        require_known(self.kind, name, self.names())
        return self._entries[name]

    def _load(self) -> None:
        if not self._loaded:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            self._loaded = True
