"""One registry for each kind of extendable thing: methods, data sources, scores, evaluators, network families, tests.

An entry registers itself with a decorator when its module is imported, whether that lies in the registry's package, in
one of the user's own (:mod:`sngan_repro.core.plugins`) or elsewhere; listing imports the modules of one package and the
user's, and never torch.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from sngan_repro.core import plugins
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError, require_known

T = TypeVar("T")


class Origin(NamedTuple):
    """Where an entry was registered."""

    module: str
    file: Path | None
    """None in a notebook."""

    def __str__(self) -> str:
        return plugins.shown(self.file) if self.file else f"module {self.module}"


class Registry(Generic[T]):
    """Named entries found in the modules of one package and in the user's plugins.

    kind: the word used in messages ("method"). package: every module in it is imported at the first look-up. check:
    called with name and entry before an entry is added; raises :class:`ConfigError` for one that cannot be used.
    """

    def __init__(self, kind: str, package: str, check: Callable[[str, T], None] | None = None) -> None:
        self.kind = kind
        self.package = package
        self._check = check
        self._entries: dict[str, T] = {}
        self._origins: dict[str, Origin] = {}
        self._loaded = False
        self._modules: list[str] | None = None

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds an entry; a name registered in two files raises :class:`ConfigError`.

        The same file may register again, as a notebook's cell does when it is run once more.
        """
        frame = sys._getframe(1)
        while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
            frame = frame.f_back  # a registry derived from this one
        caller = frame.f_globals
        file = caller.get("__file__")
        origin = Origin(str(caller.get("__name__")), Path(file).resolve() if file else None)

        def add(entry: T) -> T:
            present = self._origins.get(name) if name in self._entries else None
            if present is not None and present.module != origin.module and (not file or present.file != origin.file):
                raise ConfigError(
                    f"two {self.kind}s register the name '{name}', in {present} and in {origin}; rename one"
                )
            if self._check is not None:
                self._check(name, entry)
            self._entries[name], self._origins[name] = entry, origin
            return entry

        return add

    def origin(self, name: str) -> Origin:
        """The module and the file in which an entry was registered."""
        self.get(name)
        return self._origins[name]

    def code(self, name: str) -> str | None:
        """A digest of what the file of an entry does (see :func:`sngan_repro.core.plugins.code_digest`).

        None for the entries of this package, whose version and revision are recorded with every result, and for names
        of nothing here.
        """
        if name not in self.names():
            return None
        origin = self.origin(name)
        own = origin.module.split(".")[0] == __name__.split(".")[0]
        return None if own or origin.file is None else plugins.code_digest(origin.file)

    def record(self, name: str) -> dict[str, str | None]:
        """Where an entry comes from, for the files of results: its file with the SHA-256, and :meth:`code`."""
        origin = self.origin(name)
        sha256 = file_sha256(origin.file) if origin.file else None
        return {"name": name, "file": str(origin), "sha256": sha256, "code": self.code(name)}

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load()
        return sorted(self._entries)

    def shipped(self) -> list[str]:
        """The names that modules of the registry's own package register, sorted."""
        self._load_package()
        inside = f"{self.package}."
        return sorted(name for name, origin in self._origins.items() if origin.module.startswith(inside))

    def get(self, name: str, besides: Sequence[str] = ()) -> T:
        """The entry called ``name``; an unknown name raises :class:`ConfigError` listing the known ones.

        besides: names of other things that could have been meant.
        """
        if name not in self._entries:
            self._load()
        if name not in self._entries:
            try:
                require_known(self.kind, name, [*self.names(), *besides])
            except ConfigError as error:
                hint = f"; a {self.kind} of your own: name its file under `plugins` in {plugins.CONFIG_FILE}"
                raise ConfigError(f"{error}{'' if 'did you mean' in str(error) else hint}") from None
        return self._entries[name]

    def _load(self) -> None:
        self._load_package()
        plugins.load_chosen()

    def _load_package(self) -> None:
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

    def get(self, name: str, besides: Sequence[str] = ()) -> T:
        """The entry called ``name``; ConfigError for an unknown name, or for a file that does not register its own."""
        if name in self._files():  # also where a file elsewhere has taken its name: that is told then
            module = importlib.import_module(f"{self.package}.{name}")
            if name not in self._entries:
                raise ConfigError(f"{module.__file__}: does not register a {self.kind} called '{name}', as its file is")
        return super().get(name, besides)

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
