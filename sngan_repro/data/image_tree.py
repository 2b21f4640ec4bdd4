"""A folder or a zip file of images: its files, its layout, and reading one image. Light to import."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sngan_repro.core.schema import ConfigError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
)
SPLITS = ("train", "test")
LAYOUTS = "train/CLASS/ and test/CLASS/, or CLASS/, or all images side by side"


def _ignored(name: str) -> bool:
    """True for files that operating systems create: hidden files, macOS resource forks, thumbnails."""
    parts = name.rstrip("/").split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or parts[-1].lower() in ("thumbs.db", "desktop.ini")


class ImageTree:
    """The images below a folder or in a zip file, sorted by name. A zip file is read without unpacking it.

    If a zip file has one top-level folder with all else in it, the names begin below that folder.
    Raises ConfigError with the name of a file that is no image, or if there is no image.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path).expanduser()
        self.zip = open_zip(self.path) if self.path.is_file() else None
        self._prefix = ""
        if self.zip is not None:
            entries = [name for name in self.zip.namelist() if not _ignored(name)]
            self._prefix = _wrapper(entries)
            entries = [name.removeprefix(self._prefix) for name in entries]
        else:
            entries = _walk(self.path, "", depth=3)
        names = [name for name in entries if name and not name.endswith("/")]
        self.folders = {name.rstrip("/") for name in entries if name.endswith("/")}
        """All folders, also empty ones (as far as a zip file lists them)."""
        self.names = sorted(names, key=lambda name: name.split("/"))
        if len(set(names)) != len(names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ConfigError(f"{self.where(twice)}: is in the zip twice")
        for name in self.names:
            if PurePosixPath(name).suffix.lower() not in SUFFIXES:
                raise ConfigError(f"{self.where(name)}: not an image; remove it (images: {known_suffixes()})")
        if not self.names:
            raise ConfigError(f"{self.path}: no images in it (images: {known_suffixes()})")

    def where(self, name: str) -> str:
        """The name of an image in messages."""
        return f"{self.path}: {self._prefix}{name}" if self.zip is not None else str(self.path / name)

    def read(self, name: str) -> bytes:
        """The bytes of one image file. Several threads may call it at the same time."""
        if self.zip is None:
            return (self.path / name).read_bytes()
        try:
            return self.zip.read(self._prefix + name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ConfigError(f"{self.where(name)}: cannot be read from the zip: {error}") from None


def known_suffixes() -> str:
    return " ".join(sorted(SUFFIXES))


def open_zip(path: Path) -> zipfile.ZipFile:
    """The zip file at ``path``. Raises ConfigError if it is none."""
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ConfigError(f"{path}: neither a folder nor a readable zip file: {error}") from None


def has_own_split(path: str) -> bool:
    """True if a folder or zip file has top-level folders train/ and test/."""
    root = Path(path).expanduser()
    if root.is_dir():
        return all((root / split).is_dir() for split in SPLITS)
    with open_zip(root) as archive:
        entries = [name for name in archive.namelist() if not _ignored(name)]
    prefix = _wrapper(entries)
    tops = {name.removeprefix(prefix).split("/")[0] for name in entries if "/" in name.removeprefix(prefix)}
    return tops.issuperset(SPLITS)


def _wrapper(entries: list[str]) -> str:
    """``name/`` if all files are below one folder that can be neither a class nor a split, else an empty text."""
    tops = {name.split("/")[0] for name in entries}
    files = [name for name in entries if not name.endswith("/")]
    if len(tops) == 1 and not tops.issubset(SPLITS) and all(name.count("/") >= 2 for name in files):
        return f"{tops.pop()}/"
    return ""


def _walk(folder: Path, prefix: str, depth: int) -> list[str]:
    """Relative names of files and of folders (with a slash at the end), at most ``depth`` folders deep."""
    found = []
    for item in folder.iterdir():
        name = prefix + item.name
        if _ignored(name):
            continue
        if item.is_dir():
            if depth == 0:  # this also ends a cycle of links
                raise ConfigError(f"{item}: folders too deep; expected {LAYOUTS}")
            found += [f"{name}/", *_walk(item, f"{name}/", depth - 1)]
        else:
            found.append(name)
    return found


@dataclass(frozen=True)
class Arrangement:
    """Images in splits and classes. ``test`` is None if there is no folder test/."""

    train: list[str]
    test: list[str] | None
    classes: list[str] | None

    def labels(self, names: Iterable[str]) -> list[int]:
        """The class index of each image, -1 without classes."""
        if self.classes is None:
            return [-1 for _ in names]
        index = {name: number for number, name in enumerate(self.classes)}
        return [index[_class_of(name)] for name in names]


def arrange(tree: ImageTree) -> Arrangement:
    """The splits and classes of a tree. Raises ConfigError with the file or folder that does not fit the layouts."""
    has_split = _has_split(tree)
    with_classes = _uniform_depth(tree, (1, 2) if has_split else (0, 1)) == (2 if has_split else 1)
    for folder in sorted(tree.folders):
        if not any(name.startswith(f"{folder}/") for name in tree.names):
            raise ConfigError(f"{tree.where(folder)}: a folder without images; remove it")
    train, test = tree.names, None
    if has_split:
        for name in tree.names:
            if name.split("/")[0] not in SPLITS:
                raise ConfigError(f"{tree.where(name)}: beside train/ and test/; expected {LAYOUTS}")
        train, test = ([name for name in tree.names if name.startswith(f"{split}/")] for split in SPLITS)
    if not with_classes:
        return Arrangement(train, test, None)
    classes = sorted({_class_of(name) for name in train})
    for name in test or []:
        if _class_of(name) not in classes:
            raise ConfigError(f"{tree.where(name)}: its class is not among those of train/: {', '.join(classes)}")
    return Arrangement(train, test, classes)


def _class_of(name: str) -> str:
    return name.split("/")[-2]


def _has_split(tree: ImageTree) -> bool:
    """True if there are train/ and test/. Raises ConfigError if there is only one and it cannot be a class."""
    tops = {name.split("/")[0] for name in [*tree.folders, *(name for name in tree.names if "/" in name)]}
    present = [split for split in SPLITS if split in tops]
    if len(present) == 1:
        (split,) = present
        if tops == {split} or any(name.startswith(f"{split}/") and name.count("/") > 1 for name in tree.names):
            other = "test" if split == "train" else "train"
            raise ConfigError(f"{tree.path}: has {split}/ but no {other}/; give both or neither")
    return len(present) == 2


def _uniform_depth(tree: ImageTree, allowed: tuple[int, int]) -> int:
    """The number of folders above each image. Raises ConfigError with an image that has another number."""
    ((depth, _),) = Counter(name.count("/") for name in tree.names).most_common(1)
    for name in tree.names:
        if name.count("/") != depth or depth not in allowed:
            raise ConfigError(f"{tree.where(name)}: in a place that does not fit; expected {LAYOUTS}")
    return depth
