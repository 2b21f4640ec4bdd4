"""A file is damaged, or cannot be read, for a while."""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.damages import Change


@contextmanager
def damaged(path: Path, change: Change, seed: str) -> Iterator[None]:
    """A file with a damage, for a while."""
    content, facts = path.read_bytes(), path.stat()
    change(path, random.Random(seed))
    try:
        yield
    finally:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """A file that may not be opened, also by root, for Python's own functions."""

    def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(name: Any, *rest: Any, **options: Any) -> Any:
            if isinstance(name, str | os.PathLike) and os.fspath(name) == str(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return function(name, *rest, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((builtins, "open"), (io, "open"), (os, "open")):
            patch.setattr(module, name, refusing(getattr(module, name)))
        yield
