"""Paths as users write them. None of these functions raises an error, so a message can name the path."""

from __future__ import annotations

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path with the home folder in place of ``~``. As in a shell, ``~name`` stays if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def exists(path: str | Path) -> bool:
    """True if a path exists. A name that the file system does not allow, such as one of 300 letters, does not."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def is_file(path: str | Path) -> bool:
    """True if a path is a file."""
    return exists(path) and Path(path).is_file()


def is_folder(path: str | Path) -> bool:
    """True if a path is a folder."""
    return exists(path) and Path(path).is_dir()
