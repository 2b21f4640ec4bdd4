"""A registry for each kind of thing that users may add: methods, data sources, scores, evaluators, networks, tests.

An entry registers itself with a decorator when its file is imported. The file may be in the registry's package, in one
of the user's plugins (:mod:`sngan_repro.core.plugins`) or elsewhere. A listing imports the package and the plugins. The
files of the package do not import torch, except for those of a :class:`FileRegistry`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from sngan_repro.core import plugins
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError, require_known

T = TypeVar("T")


class Origin(NamedTuple):
    """The module that registered an entry."""

    module: str
    file: Path | None
    """None in a notebook."""

    def __str__(self) -> str:
        return plugins.shown(self.file) if self.file else f"module {self.module}"


class Registry(Generic[T]):
    """Entries by name. kind: the word in messages, such as "method". package: its modules are imported at the first
    look-up. check: called with name and entry before an entry is added; raises :class:`ConfigError` if it is unusable.
    """

    instances: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str, package: str, check: Callable[[str, T], None] | None = None) -> None:
        self.kind, self.package, self.check = kind, package, check
        self._entries: dict[str, tuple[T, Origin]] = {}
        self._loaded = False
        self.instances.append(self)

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds an entry. Raises :class:`ConfigError` if another file has registered the name.

        The same file may register a name again, like a notebook cell that is run twice.
        """
        caller = sys._getframe(1).f_globals
        file = caller.get("__file__")
        origin = Origin(str(caller.get("__name__")), Path(file).resolve() if file else None)

        def add(entry: T) -> T:
            _, present = self._entries.get(name, (None, origin))
            if present.module != origin.module and (not file or present.file != origin.file):
                raise ConfigError(
                    f"two {self.kind}s register the name '{name}', in {present} and in {origin}; rename one"
                )
            if self.check is not None:
                self.check(name, entry)
            self._entries[name] = entry, origin
            return entry

        return add

    def get(self, name: str, besides: Sequence[str] = ()) -> T:
        """The entry called ``name``. Raises :class:`ConfigError` with the known names if there is none.

        besides: further names for the suggestion in the message.
        """
        if name not in self._entries:
            self._load()
        if name not in self._entries:
            try:
                require_known(self.kind, name, [*self.names(), *besides])
            except ConfigError as error:
                hint = f"; a {self.kind} of your own: name its file under `plugins` in {plugins.CONFIG_FILE}"
                raise ConfigError(f"{error}{'' if 'did you mean' in str(error) else hint}") from None
        return self._entries[name][0]

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._entries)

    def shipped(self) -> list[str]:
        """The names that the registry's package registers, sorted."""
        self._load_package()
        return sorted(name for name in self._entries if self._is_shipped(name))

    def origin(self, name: str) -> Origin:
        """The module and the file that registered an entry."""
        self.get(name)
        return self._entries[name][1]

    def code(self, name: str) -> str | None:
        """The digest of the user's file that registered an entry (see :func:`sngan_repro.core.plugins.code_digest`).

        None for an entry of this package, since its version is recorded with each result, and for an unknown name.
        """
        if name not in self.names():
            return None
        origin = self.origin(name)
        own = origin.module.split(".")[0] == __name__.split(".")[0]
        return None if own or origin.file is None else plugins.code_digest(origin.file)

    def record(self, name: str) -> dict[str, str | None]:
        """The origin of an entry, for files of results: its file, the SHA-256 of the file, and :meth:`code`."""
        origin = self.origin(name)
        sha256 = file_sha256(origin.file) if origin.file else None
        return {"name": name, "file": str(origin), "sha256": sha256, "code": self.code(name)}

    @contextmanager
    def restored(self) -> Iterator[None]:
        """At the end of this block, entries that files outside the package have registered in it are removed."""
        before = dict(self._entries)
        try:
            yield
        finally:
            self._entries = {name: entry for name, entry in self._entries.items() if self._is_shipped(name)} | before

    def _is_shipped(self, name: str) -> bool:
        return self._entries[name][1].module.startswith(f"{self.package}.")

    def _load(self) -> None:
        self._load_package()
        plugins.load_chosen()

    def _load_package(self) -> None:
        if not self._loaded:
            for name in self._files():
                importlib.import_module(f"{self.package}.{name}")
            self._loaded = True

    def _files(self) -> list[str]:
        return [module.name for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__)]


class FileRegistry(Registry[T]):
    """A registry whose files may import torch. An entry of the package has the name of its file, which is imported when
    the entry is used, not when it is listed. Files elsewhere may register any names.
    """

    def names(self) -> list[str]:
        """All names, sorted. No file of the package is imported."""
        return sorted({*super().names(), *self._files()})

    def shipped(self) -> list[str]:
        """The names of the package's files, sorted."""
        return sorted(self._files())

    def get(self, name: str, besides: Sequence[str] = ()) -> T:
        """The entry ``name``. Raises ConfigError for an unknown name and for a file that does not register its own."""
        if name in self._files():  # imported also if a file elsewhere has registered this name, to report the conflict
            module = importlib.import_module(f"{self.package}.{name}")
            if name not in self._entries:
                raise ConfigError(f"{module.__file__}: does not register a {self.kind} called '{name}', as its file is")
        return super().get(name, besides)

    def _load_package(self) -> None:
        pass


@contextmanager
def isolated() -> Iterator[None]:
    """A block without plugins, for tests. At its end, plugins chosen in it and their entries are forgotten."""
    with plugins.isolated(), ExitStack() as stack:
        for registry in Registry.instances:
            stack.enter_context(registry.restored())
        yield


def require_complete(
    what: str, entry: type, base: type, attributes: tuple[str, ...], functions: tuple[str, ...]
) -> None:
    """Raise :class:`ConfigError` unless a subclass has these attributes and implements these class methods.

    Otherwise an attribute that only the report needs would be missed after all trainings. what: such as "score 'fid'".
    """
    found = {name: next(vars(part)[name] for part in entry.__mro__ if name in vars(part)) for name in functions}
    absent = [f"`{name}`" for name in attributes if not hasattr(entry, name)]
    absent += [f"`{name}()`" for name in functions if found[name] is vars(base)[name]]
    if absent:
        raise ConfigError(f"{what}: {', '.join(absent)} missing; see the class {base.__name__} in {base.__module__}")
    for name, function in found.items():
        if not isinstance(function, classmethod | staticmethod):
            raise ConfigError(f"{what}: `{name}` is called on the class: put @classmethod above it")
