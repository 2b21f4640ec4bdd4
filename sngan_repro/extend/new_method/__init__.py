"""``sngan-repro new-method``: a file with a complete method to begin from, and its test. No torch here.

The two files are made from ``your_method.py`` and ``test_your_method.py`` beside this one, which work as they are.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from sngan_repro.core import plugins
from sngan_repro.core.files import write_text
from sngan_repro.core.paths import expanded
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS

TEMPLATES = Path(__file__).parent
ROOT = Path(__file__).parents[3]
"""The checkout of the repository, if the package is used from one."""
FOLDER = Path("methods")
"""Where methods of the user's own go, beside config/."""
PLUGINS_LINE = re.compile(r"^plugins: *\[([^\]\n]*)\]", re.MULTILINE)


def new_method(name: str, folder: Path = FOLDER, in_package: bool = False) -> list[str]:
    """Write a method called ``name`` and its test, and return the messages for the user, line by line.

    folder: where to write; it is made. in_package: write into this package and its tests instead, for a method that is
    to be part of it. Raises ConfigError for a name that is taken or none, and for files that exist.
    """
    check_name(name)
    if in_package:
        root = ROOT
        method, test = root / "sngan_repro/methods" / f"{name}.py", root / "tests" / f"test_method_{name}.py"
        if not (root / "tests").is_dir():
            raise ConfigError(f"{root}: not a checkout of the repository; leave out --in-package")
    else:
        folder = expanded(folder)
        method, test = folder / f"{name}.py", folder / f"test_{name}.py"
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"--dir: {plugins.shown(folder)} is a file; give a folder")
    for file in (method, test):
        if file.exists():
            raise ConfigError(f"{plugins.shown(file)}: the file exists; give another name, or remove it")
    for file, template in ((method, "your_method.py"), (test, "test_your_method.py")):
        text = filled(template, name)
        if in_package:
            text = text.replace("from pathlib import Path\n\n", "").replace(
                "from sngan_repro.core.plugins import load\n", ""
            )
            text = re.sub(r"load\(.*\)\n\n\n", "\n", text).replace(f"test of {name}.py", f"test of methods/{name}.py")
        write_text(file, text)
    if not in_package:
        plugins.load(method)  # its folder may have been read already
    return next_steps(name, method, test, in_package)


def check_name(name: str) -> None:
    """Raise ConfigError when no new method can be called so."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or keyword.iskeyword(name):
        suggested = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        usable = suggested != name and re.fullmatch(r"[a-z][a-z0-9_]{0,40}", suggested)
        hint = f"; for example {suggested}" if usable else ""
        raise ConfigError(
            f"'{name}' cannot be the name of a method: lower-case letters, digits and _ are allowed, a letter comes "
            f"first, and it is no word of Python{hint}"
        )
    if name.startswith("test_") or name.endswith("_test") or name == "conftest":
        raise ConfigError(f"'{name}' looks like a test, and files of tests are not read as methods; give another name")
    if name in METHODS.names():
        raise ConfigError(f"there is a method '{name}' already, in {METHODS.origin(name)}; give another name")


def filled(template: str, name: str) -> str:
    """A template with the name of the new method in it."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return text.replace("your_method", name).replace("YourMethod", "".join(map(str.capitalize, name.split("_"))))


def next_steps(name: str, method: Path, test: Path, in_package: bool) -> list[str]:
    """The messages of the command: the written files, and the next steps."""
    shown, shown_test = plugins.shown(method), plugins.shown(test)
    lines = [f"wrote {shown}, a complete method to begin from", f"wrote {shown_test}, its test", ""]
    if not in_package:
        lines += [*_configured(method.parent), ""]
    return [
        *lines,
        f"1. Make it yours: edit {shown}, and try it out with",
        f"       sngan-repro check-method {name}",
        f"       python -m pytest {shown_test}",
        "2. Name it in a study file, and run the study:",
        "       methods:",
        f"         - {name}",
    ]


def _configured(folder: Path) -> list[str]:
    """See to it that the folder is among the plugins; what was done, or is to be done by hand."""
    shown, config = plugins.shown(folder), plugins.CONFIG_FILE
    if str(folder.absolute()) in plugins.chosen():
        return [f"{config} has `plugins` with {shown}, so the method is found"]
    text = config.read_text(encoding="utf-8") if config.exists() else ""
    line = PLUGINS_LINE.search(text)
    if line is None or not re.fullmatch(r"[\w./-]+", shown):
        return [f"0. In {config}, add {shown} to `plugins`, so that the method is found: plugins: [{shown}]"]
    listed = f"plugins: [{', '.join([*filter(None, [line[1].strip()]), shown])}]"
    write_text(config, text[: line.start()] + listed + text[line.end() :])
    plugins.choose([*plugins.chosen(), shown])
    return [f"set `{listed}` in {config}, so that the method is found"]
