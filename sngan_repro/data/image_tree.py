"""A folder or a zip file of images: its files, its layout, and reading one image. Light to import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from sngan_repro.core.paths import expanded
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.listing import ZipListing, list_files
from sngan_repro.data.not_classes import check_classes

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
)
SPLITS = ("train", "test")
LAYOUTS = "train/CLASS/ and test/CLASS/, or CLASS/, or all images side by side"


class ImageTree:
    """The images below a folder or in a zip file, sorted by name. A zip file is read without unpacking it.

    If a zip file has one top-level folder with all else in it, the names begin below that folder.
    Raises ConfigError with the name of a file that is no image, or if there is no image.
    """

    def __init__(self, path: str) -> None:
        self.path = expanded(path)
        self.listing = list_files(self.path)
        self.is_zip = isinstance(self.listing, ZipListing)
        self._prefix = _wrapper(self.listing.entries) if self.is_zip else ""
        entries = [name.removeprefix(self._prefix) for name in self.listing.entries]
        self.folders = {name.rstrip("/") for name in entries if name.endswith("/")}
        """All folders, also empty ones (as far as a zip file lists them)."""
        names = (name for name in entries if name and not name.endswith("/"))
        self.names = sorted(names, key=lambda name: name.split("/"))
        for name in self.names:
            if PurePosixPath(name).suffix.lower() not in SUFFIXES:
                raise ConfigError(f"{self.where(name)}: not an image; remove it (images: {known_suffixes()})")
        if not self.names:
            raise ConfigError(f"{self.path}: no images in it (images: {known_suffixes()})")

    def where(self, name: str) -> str:
        """The name of an image in messages."""
        return self.listing.where(self._prefix + name)

    def read(self, name: str) -> bytes:
        """The bytes of one image file. Several threads may call it at the same time."""
        return self.listing.read(self._prefix + name)


def known_suffixes() -> str:
    return " ".join(sorted(SUFFIXES))


def has_own_split(path: str) -> bool:
    """True if a folder or zip file has top-level folders train/ and test/."""
    root = expanded(path)
    if root.is_dir():
        return all((root / split).is_dir() for split in SPLITS)
    entries = ZipListing(root).entries
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
    used = {str(parent) for name in tree.names for parent in PurePosixPath(name).parents}
    for folder in sorted(tree.folders):
        if folder not in used:
            raise ConfigError(f"{tree.where(folder)}: a folder without images; remove it")
    train, test = tree.names, None
    if has_split:
        for name in tree.names:
            if name.split("/")[0] not in SPLITS:
                raise ConfigError(f"{tree.where(name)}: beside train/ and test/; expected {LAYOUTS}")
        train, test = ([name for name in tree.names if name.startswith(f"{split}/")] for split in SPLITS)
    if not with_classes:
        return Arrangement(train, test, None)
    known = {_class_of(name) for name in train}
    classes = sorted(known)
    check_classes(str(tree.path), tree.names)
    for name in test or []:
        if _class_of(name) not in known:
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
