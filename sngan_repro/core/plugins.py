"""The user's own Python files, imported so that they register methods, data sources, tests of claims and more.

The key ``plugins`` in ``config/config.yaml`` lists them: Python files, folders, or names of installed modules. The
registries import them at their look-ups: while the Snakefile is read, in each job, in each command, in notebooks. No
torch here.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.util
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from sngan_repro.core.paths import exists, expanded, is_file, is_folder
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.yaml_files import read_yaml

ENVIRONMENT = "SNGAN_REPRO_PLUGINS"
"""Environment variable in which the workflow passes the plugins to its jobs: a JSON list."""
CONFIG_FILE = Path("config/config.yaml")

_chosen: tuple[str, ...] | None = None
_imported: set[str] = set()
_stamps: dict[str, int | None] = {}
"""Module -> modification time of its file at the import."""


def choose(plugins: Sequence[str]) -> None:
    """Set the plugins of this process. Relative paths are from the current working directory."""
    global _chosen
    _chosen = tuple(absolute(plugin) for plugin in plugins)


def chosen() -> tuple[str, ...]:
    """The plugins of this process: from :func:`choose`, else from the workflow, else from config/config.yaml."""
    if _chosen is not None:
        return _chosen
    if (passed := from_environment()) is not None:
        return passed
    given = read_yaml(CONFIG_FILE).get("plugins", ()) if CONFIG_FILE.exists() else ()
    return tuple(absolute(plugin) for plugin in _listed(given, str(CONFIG_FILE)))


def from_environment() -> tuple[str, ...] | None:
    """The plugins that the workflow passes to its jobs, or None outside a job."""
    text = os.environ.get(ENVIRONMENT)
    if text is None:
        return None
    try:
        return _listed(json.loads(text), ENVIRONMENT)
    except ValueError as error:
        raise ConfigError(f"{ENVIRONMENT}: not a JSON list: {error}") from None


def _listed(value: object, where: str) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(plugin, str) and plugin for plugin in given):
        raise ConfigError(f"{where}: plugins: a list of files, folders or modules is needed; found {value!r}")
    return tuple(given)


@contextmanager
def isolated() -> Iterator[None]:
    """A block in which no plugin is chosen yet, for tests. At its end the former plugins are chosen again."""
    global _chosen
    before, imported = _chosen, set(_imported)
    _chosen = None
    try:
        yield
    finally:
        _chosen = before
        _imported.intersection_update(imported)


def load_chosen() -> None:
    """Import the chosen plugins that are not imported yet. Raises ConfigError; then the next call tries again."""
    if _chosen is None and (ENVIRONMENT in os.environ or CONFIG_FILE.exists()):
        choose(chosen())
    for plugin in chosen():
        if plugin not in _imported:
            _imported.add(plugin)  # before its import, since a plugin may look up names
            try:
                load(plugin)
            except ConfigError:
                _imported.discard(plugin)
                raise


def load(plugin: str | Path) -> list[ModuleType]:
    """Import a Python file, the Python files of a folder, or an installed module with its submodules.

    In folders and packages, files called test_*.py, *_test.py, conftest.py, and those that begin with _ or . are
    ignored. Files may import others beside them by ``from .other import name``. A file that has changed since its
    import is imported again. Raises ConfigError with the file and the line of the error.
    """
    importlib.invalidate_caches()  # the file may be new
    path, name = expanded(plugin), str(plugin)
    if is_folder(path):
        package = _package_of(path)
        return [_import(f"{package}.{file.stem}", file) for file in sorted(path.glob("*.py")) if _wanted(file.stem)]
    if is_file(path):
        if path.suffix != ".py":
            raise ConfigError(f"plugins: {shown(path)}: not a Python file; a name that ends in .py is needed")
        return [_import(f"{_package_of(path.parent)}.{path.stem}", path)]
    try:
        found = None if "/" in name or name.endswith(".py") else importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ConfigError(
            f"plugins: {shown(path)}: no such file or folder, and no installed module; relative paths are from "
            f"{Path.cwd()}. Correct `plugins` in {CONFIG_FILE}"
        )
    module = _import(name, Path(found.origin) if found.origin else None)
    inside = sorted(entry.name for entry in pkgutil.iter_modules(getattr(module, "__path__", [])))
    return [module, *(_import(f"{name}.{stem}", None) for stem in inside if _wanted(stem))]


def _wanted(stem: str) -> bool:
    return not (stem.startswith(("_", ".", "test_")) or stem.endswith("_test") or stem == "conftest")


def _package_of(folder: Path) -> str:
    """The name of a package for the modules of a folder. The first call creates the package."""
    folder = folder.resolve()
    name = f"own_{folder.name}_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}".replace(".", "_")
    if name not in sys.modules:
        init = folder / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = package = importlib.util.module_from_spec(spec)
        if init.is_file():
            try:
                spec.loader.exec_module(package)
            except (Exception, SystemExit) as error:
                del sys.modules[name]
                raise _cannot_import(error, init) from None
    return name


def _import(name: str, file: Path | None) -> ModuleType:
    stamp = file.stat().st_mtime_ns if file else None
    try:
        if name in sys.modules and _stamps.get(name, stamp) != stamp:
            module = importlib.reload(sys.modules[name])
        else:
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise _cannot_import(error, file) from None
    _stamps[name] = stamp
    return module


def _cannot_import(error: BaseException, file: Path | None) -> ConfigError:
    place = shown(file) if file else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{shown(Path(error.filename))}, line {error.lineno}"
    elif found := line_in(error, lambda name: file is None or Path(name).parent == file.resolve().parent):
        place = f"{shown(found[0])}, line {found[1]}"
    what = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {getattr(error, 'msg', error)}"
    return ConfigError(f"plugins: {place}: {what}")


def line_in(error: BaseException, belongs: Callable[[str], bool]) -> tuple[Path, int] | None:
    """(file, line) of the innermost traceback entry of an error whose file name satisfies ``belongs``, or None."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<") and belongs(frame.filename):
            return Path(frame.filename), frame.lineno or 0
    return None


def absolute(plugin: str) -> str:
    """The absolute path of a plugin; the name of a module is not changed."""
    path = expanded(plugin)
    return str(path.absolute()) if exists(path) or "/" in plugin or plugin.endswith(".py") else plugin


def shown(path: Path) -> str:
    """A path in messages: relative if it is below the working directory, else absolute."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def bibliographies() -> list[Path]:
    """The files references.bib beside plugins. Their entries may be cited like those of report/references.bib."""
    folders = dict.fromkeys(
        Path(plugin) if Path(plugin).is_dir() else Path(plugin).parent for plugin in chosen() if Path(plugin).exists()
    )
    return [file for folder in folders if (file := folder / "references.bib").is_file()]


def code_digest(file: Path) -> str:
    """The first 16 hex digits of the SHA-256 of a Python file and of the files beside it that it imports."""
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sorted(sources(file)))).hexdigest()[:16]


def sources(file: Path) -> set[Path]:
    """A Python file and the files beside it that it imports by ``from .other import name``, directly or not."""
    found: set[Path] = set()
    waiting = {file.resolve()}
    while waiting:
        source = waiting.pop()
        found.add(source)
        beside = {source.parent / f"{name}.py" for name in _imports(source, source.stat().st_mtime_ns)}
        waiting |= {path for path in beside if path.is_file()} - found
    return found


@functools.lru_cache(maxsize=256)
def _imports(file: Path, mtime_ns: int) -> set[str]:
    """The names in relative imports of a file. mtime_ns: its modification time, a part of the cache's key."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return names
