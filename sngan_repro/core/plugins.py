"""Modules of the user's own, imported so that they register methods, data sources, tests of claims and the like.

What is imported is named by ``plugins`` in ``config/config.yaml``: Python files, folders of them, or names of
installed modules. A registry asks for them at its look-ups, so they are known wherever a name is looked up: while the
Snakefile is read, in every job, in every command, in notebooks. Nothing here knows what they register. No torch here.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from sngan_repro.core.schema import ConfigError, read_yaml

ENVIRONMENT = "SNGAN_REPRO_PLUGINS"
"""By this variable the workflow hands the plugins on to its jobs: a JSON list."""
CONFIG_FILE = Path("config/config.yaml")

_chosen: tuple[str, ...] | None = None
_imported: set[str] = set()
_under_way: set[str] = set()
_stamps: dict[str, int | None] = {}
"""Module -> the time of its file when it was imported."""


def choose(plugins: Sequence[str]) -> None:
    """Let the registries of this process look into these files, folders and modules, from their next look-up on.

    Relative paths are meant from the working directory of this moment.
    """
    global _chosen
    _chosen = tuple(absolute(plugin) for plugin in plugins)


def chosen() -> tuple[str, ...]:
    """The plugins of this process: those of :func:`choose`, else the workflow's, else those of config/config.yaml."""
    if _chosen is not None:
        return _chosen
    if (handed_on := from_environment()) is not None:
        return handed_on
    if not CONFIG_FILE.exists():
        return ()
    return tuple(absolute(plugin) for plugin in _listed(read_yaml(CONFIG_FILE).get("plugins", ()), str(CONFIG_FILE)))


def from_environment() -> tuple[str, ...] | None:
    """The plugins that the workflow hands on, or None outside its jobs."""
    text = os.environ.get(ENVIRONMENT)
    if text is None:
        return None
    try:
        return _listed(json.loads(text), ENVIRONMENT)
    except ValueError as error:
        raise ConfigError(f"{ENVIRONMENT}: not a JSON list: {error}") from None


def _listed(value: object, where: str) -> tuple[str, ...]:
    """The value of the key ``plugins``: one text or a list of texts."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(plugin, str) and plugin for plugin in given):
        raise ConfigError(f"{where}: plugins: a list of files, folders or modules is needed; found {value!r}")
    return tuple(given)


def load_chosen() -> None:
    """Import what is chosen and not yet imported. Raises ConfigError; then the next call tries again."""
    if _chosen is None and (ENVIRONMENT in os.environ or CONFIG_FILE.exists()):
        choose(chosen())
    for plugin in chosen():
        if plugin not in _imported and plugin not in _under_way:  # a plugin may look up what others register
            _under_way.add(plugin)
            try:
                load(plugin)
            finally:
                _under_way.discard(plugin)
            _imported.add(plugin)


def load(plugin: str | Path) -> list[ModuleType]:
    """Import a Python file, the Python files of a folder, or an installed module with the modules in it.

    Of folders and packages, files called test_*.py, *_test.py, conftest.py, and those that begin with _ or . are left
    out. Files may import others beside them by ``from .other import name``. Raises ConfigError that names the file and
    the line when something is not found or cannot be imported.
    """
    importlib.invalidate_caches()  # a file may have been written a moment ago
    path = Path(plugin).expanduser()
    if path.is_dir():
        package = _package_of(path)
        return [_import(f"{package}.{file.stem}", file) for file in sorted(path.glob("*.py")) if _wanted(file.stem)]
    if path.is_file():
        if path.suffix != ".py":
            raise ConfigError(f"plugins: {shown(path)}: not a Python file; a name that ends in .py is needed")
        return [_import(f"{_package_of(path.parent)}.{path.stem}", path)]
    if not str(plugin).endswith(".py") and all(part.isidentifier() for part in str(plugin).split(".")):
        return _load_module(str(plugin))
    raise ConfigError(
        f"plugins: {shown(path)}: no such file or folder; relative paths are meant from {Path.cwd()}. "
        f"Correct `plugins` in {CONFIG_FILE}"
    )


def _load_module(name: str) -> list[ModuleType]:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ConfigError(
            f"plugins: '{name}': neither a file or folder in {Path.cwd()} nor an installed module. "
            f"Correct `plugins` in {CONFIG_FILE}"
        )
    module = _import(name, Path(found.origin) if found.origin else None)
    inside = sorted(entry.name for entry in pkgutil.iter_modules(getattr(module, "__path__", [])))
    return [module, *(_import(f"{name}.{stem}", None) for stem in inside if _wanted(stem))]


def _wanted(stem: str) -> bool:
    return not (stem.startswith(("_", ".", "test_")) or stem.endswith("_test") or stem == "conftest")


def _package_of(folder: Path) -> str:
    """The name of a package that stands for a folder, whatever the folder is called; made at the first call."""
    folder = folder.resolve()
    name = f"own_{folder.name}_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}".replace(".", "_")
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
        if (init := folder / "__init__.py").is_file():
            package.__file__, package.__package__ = str(init), name
            try:
                exec(compile(init.read_text(encoding="utf-8"), str(init), "exec"), package.__dict__)
            except (Exception, SystemExit) as error:
                del sys.modules[name]
                raise _cannot_import(error, init) from None
    return name


def _import(name: str, file: Path | None) -> ModuleType:
    stamp = file.stat().st_mtime_ns if file else None
    try:
        if name in sys.modules and _stamps.get(name, stamp) != stamp:
            module = importlib.reload(sys.modules[name])  # edited since, as one does beside a notebook
        else:
            module = importlib.import_module(name)
        _stamps[name] = stamp
        return module
    except (Exception, SystemExit) as error:  # whatever a user's file may raise
        raise _cannot_import(error, file) from None


def _cannot_import(error: BaseException, file: Path | None) -> ConfigError:
    place = shown(file) if file else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{shown(Path(error.filename))}, line {error.lineno}"
    elif found := line_in(error, lambda name: file is None or Path(name).parent == file.resolve().parent):
        place = f"{shown(found[0])}, line {found[1]}"
    what = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {getattr(error, 'msg', error)}"
    return ConfigError(f"plugins: {place}: {what}")


def line_in(error: BaseException, belongs: Callable[[str], bool]) -> tuple[Path, int] | None:
    """(file, line) of the innermost call on the way to an error in a file for which ``belongs`` holds."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<") and belongs(frame.filename):
            return Path(frame.filename), frame.lineno or 0
    return None


def absolute(plugin: str) -> str:
    """A path that means the same in every folder; the name of a module stays."""
    path = Path(plugin).expanduser()
    return str(path.absolute()) if path.exists() or "/" in plugin or plugin.endswith(".py") else plugin


def shown(path: Path) -> str:
    """A path as messages have it: relative to the working directory where it lies below."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def bibliographies() -> list[Path]:
    """Files called references.bib beside plugins: their entries may be cited like those of report/references.bib."""
    folders = dict.fromkeys(
        Path(plugin) if Path(plugin).is_dir() else Path(plugin).parent for plugin in chosen() if Path(plugin).exists()
    )
    return [file for folder in folders if (file := folder / "references.bib").is_file()]


def code_digest(file: Path) -> str:
    """16 hexadecimal digits for what a Python file does, with the files beside it that it imports (``from .other``).

    Comments, docstrings, blank lines and layout do not count, so that polishing them makes no result out of date.
    """
    texts = [_code(source, source.stat().st_mtime_ns)[0] for source in sorted(sources(file))]
    return hashlib.sha256("\n\n".join(texts).encode()).hexdigest()[:16]


def sources(file: Path) -> set[Path]:
    """A Python file and those beside it that it imports, directly or not."""
    found: set[Path] = set()
    open_files = {file.resolve()}
    while open_files:
        source = open_files.pop()
        found.add(source)
        imported = {source.parent / f"{name}.py" for name in _code(source, source.stat().st_mtime_ns)[1]}
        open_files |= {path for path in imported if path.is_file()} - found
    return found


@functools.lru_cache(maxsize=256)
def _code(file: Path, mtime_ns: int) -> tuple[str, frozenset[str]]:
    """(the code without what does not count, names of modules beside it that it imports)."""
    del mtime_ns  # only tells states of the file apart
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [statement for statement in body if not _is_text(statement)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree), frozenset(names)


def _is_text(statement: ast.AST) -> bool:
    """Whether a statement is a docstring or another text that is nothing but a comment."""
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)
