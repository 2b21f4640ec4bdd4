"""The files of a folder or of a zip: names, a stamp of their content, and reading one within limits. Light to import.

Reading, counting and stamping use the same names, so a file that is never read never changes a stamp.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import zipfile
import zlib
from pathlib import Path

from sngan_repro.core.files import check_regular, read_regular, size_message
from sngan_repro.core.schema import ConfigError

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""What zipfile raises for files that are damaged, encrypted, or compressed in an unknown way (a RuntimeError)."""
MAX_DEPTH = 3
"""Folders above an image, at most."""
MAX_FILE_BYTES = 1 << 28
"""The largest image file that is read, 256 MiB."""


def is_clutter(name: str) -> bool:
    """True for files that operating systems create: hidden files, macOS resource forks, thumbnails."""
    parts = name.rstrip("/").split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or parts[-1].lower() in ("thumbs.db", "desktop.ini")


class FolderListing:
    """The files below a folder. Links are followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = sorted(_walk(path, "", MAX_DEPTH))
        """Relative names of files, and of folders with a slash at the end, without clutter."""

    def where(self, name: str) -> str:
        """The name of a file in messages."""
        return str(self.path / name)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ConfigError if it is no regular file, too large or not readable."""
        return read_regular(self.path / name, MAX_FILE_BYTES)

    def facts(self) -> list[str]:
        """One line per file: name, size, time of the last change."""
        files = [name for name in self.entries if not name.endswith("/")]
        return [f"{name} {_facts(self.path / name)}" for name in files]


class ZipListing:
    """The files in a zip, under names with forward slashes, whichever tool made it. Nothing is unpacked to disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = _open_zip(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            name = _normalised(member.orig_filename or member.filename, path)
            if not name or is_clutter(name):
                continue
            if name in self._members and not name.endswith("/"):
                raise ConfigError(f"{path}: {name}: is in the zip twice")
            self._members[name] = member
        self.entries = sorted(self._members)
        """Names of files, and of folders with a slash at the end (as far as the zip lists them), without clutter."""

    def where(self, name: str) -> str:
        """The name of a file in messages."""
        return f"{self.path}: {name}"

    def read(self, name: str) -> bytes:
        """The bytes of a file. Several threads may call it. Raises ConfigError if it is too large or damaged."""
        member = self._members[name]
        if member.file_size > MAX_FILE_BYTES:
            raise ConfigError(size_message(self.where(name), member.file_size, MAX_FILE_BYTES))
        try:
            with self._zip.open(member) as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except ZIP_ERRORS as error:
            raise ConfigError(f"{self.where(name)}: cannot be read from the zip: {error}") from None
        if len(data) != member.file_size:
            raise ConfigError(f"{self.where(name)}: has another size than the zip declares, {member.file_size} bytes")
        return data

    def facts(self) -> list[str]:
        """One line: size of the zip, time of its last change."""
        return [_facts(self.path)]


def list_files(path: Path) -> FolderListing | ZipListing:
    """The files of a folder or of a zip. Raises ConfigError if it is neither."""
    return FolderListing(path) if path.is_dir() else ZipListing(path)


def content_stamp(path: Path) -> str:
    """A digest that changes with the files of a folder, or with a file: 16 hex digits.

    It is made from the absolute path, and from the names, sizes and times of the files. Clutter does not count.
    """
    facts = FolderListing(path).facts() if path.is_dir() else [_facts(path)]
    text = "\n".join([str(path.absolute()), *facts])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _facts(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return f"{found.st_size} {found.st_mtime_ns}"


def _open_zip(path: Path) -> zipfile.ZipFile:
    check_regular(path)
    try:
        return zipfile.ZipFile(path)
    except ZIP_ERRORS as error:
        raise ConfigError(f"{path}: neither a folder nor a readable zip file: {error}") from None


def _normalised(name: str, path: Path) -> str:
    """A name in a zip with forward slashes and without ``./``. Raises ConfigError for a name that leads out of it."""
    slashes = name.split("\0")[0].replace("\\", "/")
    parts = [part for part in slashes.split("/") if part not in ("", ".")]
    if slashes.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", slashes):
        raise ConfigError(f"{path}: {name}: leads out of the zip; pack the images without such names")
    return "/".join(parts) + ("/" if parts and slashes.endswith(("/", "/.")) else "")


def _walk(folder: Path, prefix: str, depth: int) -> list[str]:
    """Relative names of files and of folders (with a slash at the end), at most ``depth`` folders deep."""
    found = []
    try:
        items = list(os.scandir(folder))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read: {error.strerror}") from None
    for item in items:
        name = prefix + item.name
        if is_clutter(name):
            continue
        if item.is_dir():
            if depth == 0:  # this also ends a cycle of links
                raise ConfigError(f"{item.path}: folders too deep; at most {MAX_DEPTH} folders stand above an image")
            found += [f"{name}/", *_walk(Path(item.path), f"{name}/", depth - 1)]
        else:
            found.append(name)
    return found
