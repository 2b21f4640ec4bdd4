"""One registry for each kind of extendable thing: methods, data sources, scores, evaluators, network families, tests.

An entry registers itself with a decorator when its module is imported, whether that lies in the registry's package or
elsewhere; listing imports the modules of one package and never torch.
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

    kind: the word used in messages ("method"). package: every module in it is imported at the first look-up. check:
    called with name and entry before an entry is added; raises :class:`ConfigError` for one that cannot be used.
    """

    def __init__(self, kind: str, package: str, check: Callable[[str, T], None] | None = None) -> None:
        self.kind = kind
        self.package = package
        self._check = check
        self._entries: dict[str, T] = {}
        self._loaded = False
        self._modules: list[str] | None = None

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds an entry; a name registered twice raises :class:`ConfigError`."""

        def add(entry: T) -> T:
            present = self._entries.get(name)
            if present is not None and getattr(present, "__module__", 0) != getattr(entry, "__module__", 1):
                raise ConfigError(f"two modules register the {self.kind} '{name}'")
            if self._check is not None:
                self._check(name, entry)
            self._entries[name] = entry
            return entry

        return add

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load()
        return sorted(self._entries)

    def shipped(self) -> list[str]:
        """The names that modules of the registry's own package register, sorted."""
        inside = f"{self.package}."
        return [name for name in self.names() if getattr(self._entries[name], "__module__", "").startswith(inside)]

    def get(self, name: str) -> T:
        """The entry called ``name``; an unknown name raises :class:`ConfigError` listing the known ones."""
        require_known(self.kind, name, self.names())
        return self._entries[name]

    def _load(self) -> None:
        if not self._loaded:
            self._import_package()
            self._loaded = True

    def _import_package(self) -> None:
        for name in self._files():
            importlib.import_module(f"{self.package}.{name}")

    def _files(self) -> list[str]:
        """The modules of the package."""
        if self._modules is None:
            path = importlib.import_module(self.package).__path__
            self._modules = [module.name for module in pkgutil.iter_modules(path)]
        return self._modules


class FileRegistry(Registry[T]):
    """Entries whose files import torch: each is called like its file, which is imported only when it is used.

    Files elsewhere may register any names, as for every registry.
    """

    def names(self) -> list[str]:
        """All names, sorted; nothing of the package is imported for them."""
        return sorted({*super().names(), *self._files()})

    def shipped(self) -> list[str]:
        """The names of the package's files, sorted."""
        return sorted(self._files())

    def get(self, name: str) -> T:
        """The entry called ``name``; ConfigError for an unknown name, or for a file that does not register its own."""
        if name in self._files():  # also where a file elsewhere has taken its name: that is told then
            module = importlib.import_module(f"{self.package}.{name}")
            if name not in self._entries:
                raise ConfigError(f"{module.__file__}: does not register a {self.kind} called '{name}', as its file is")
        return super().get(name)

    def _import_package(self) -> None:
        pass


def require_complete(
    what: str, entry: type, base: type, attributes: tuple[str, ...], functions: tuple[str, ...]
) -> None:
    """Raise :class:`ConfigError` unless a subclass has these attributes and implements these class methods.

    An attribute that the report needs would otherwise be missed after all trainings. what: such as "score 'fid'".
    """
    found = {name: next(vars(part)[name] for part in entry.__mro__ if name in vars(part)) for name in functions}
    absent = [f"`{name}`" for name in attributes if not hasattr(entry, name)]
    absent += [f"`{name}()`" for name in functions if found[name] is vars(base)[name]]
    if absent:
        raise ConfigError(f"{what}: {', '.join(absent)} missing; see the class {base.__name__} in {base.__module__}")
    for name, function in found.items():
        if not isinstance(function, classmethod | staticmethod):
            raise ConfigError(f"{what}: `{name}` is called on the class: put @classmethod above it")
