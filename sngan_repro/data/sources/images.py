"""The user's own images: a folder or a zip, class = folder name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.paths import exists, expanded
from sngan_repro.core.schema import ConfigError, require_known
from sngan_repro.data.image_header import GREY_MODES, check_file
from sngan_repro.data.image_tree import ImageTree, arrange, has_own_split
from sngan_repro.data.sources.base import SOURCES, Source, SourceInfo
from sngan_repro.data.transparency import is_grey as stays_grey
from sngan_repro.data.transparency import on_background

if TYPE_CHECKING:
    from PIL import Image

    from sngan_repro.data.raw import RawImages

TEST_FRACTION = 0.1
"""Default share of the test split, if the images have no test/."""
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


@SOURCES.register("images")
class Images(Source):
    name = "images"
    title = "Images"
    uses = ("path", "copy_of", "background", "test_fraction", "split_seed")

    @classmethod
    def where_to_put(cls) -> str:
        return "a folder or zip anywhere, given as `path`: train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png"

    @classmethod
    def info(cls, spec: DatasetSpec | None = None) -> SourceInfo:
        info = super().info(spec)
        if spec is None or spec.path is None:
            return info
        title = SOURCES.get(spec.copy_of).title if spec.copy_of else cls.title
        return SourceInfo(**{**vars(info), "title": f"{title} ({Path(spec.path).name})"})

    @classmethod
    def check(cls, spec: DatasetSpec) -> None:
        super().check(spec)
        if spec.path is None:
            raise ConfigError("the source 'images' needs `path`, a folder or a zip of images")
        path = expanded(spec.path)
        if not exists(path):
            raise ConfigError(f"`path`: {path}: no such folder or zip")
        if path.is_file() and not zipfile.is_zipfile(path):  # looks at its end only: every job checks the study
            raise ConfigError(f"`path`: {path}: neither a folder nor a readable zip file")
        if spec.copy_of is not None:
            require_known("`copy_of`", spec.copy_of, [name for name in SOURCES.names() if name != cls.name])
        if (spec.test_fraction is not None or spec.split_seed) and has_own_split(spec.path):
            option = "split_seed" if spec.test_fraction is None else "test_fraction"
            raise ConfigError(f"`{option}` has no effect: {path} has its own train/ and test/; remove it")

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        """All images in the order of their names, decoded when they are read."""
        import numpy as np

        from sngan_repro.core.files import file_sha256
        from sngan_repro.data.raw import RawImages
        from sngan_repro.data.split import stratified_split

        assert spec.path is not None
        tree = ImageTree(spec.path)
        found = arrange(tree)
        train, test, split = found.train, found.test, "as published: folders train/ and test/"
        if test is None:
            if len(train) < 2:
                raise ConfigError(f"{tree.path}: one image cannot be split into train and test")
            fraction = spec.test_fraction if spec.test_fraction is not None else TEST_FRACTION
            num_test = min(max(1, round(fraction * len(train))), len(train) - 1)
            parts = stratified_split(np.asarray(found.labels(train)), num_test, spec.split_seed)
            train, test = ([found.train[i] for i in np.sort(part)] for part in parts)
            by = "by class" if found.classes else "without classes"
            split = (
                f"seeded: stratified {by}, {num_test} of {len(found.train)} images as test split "
                f"(test_fraction {fraction}), PCG64({spec.split_seed})"
            )
        names = [*train, *test]
        digests, transparent = [""] * len(names), [False] * len(names)

        def read(index: int) -> Image.Image:
            data = tree.read(names[index])
            if not tree.is_zip:
                digests[index] = hashlib.sha256(data).hexdigest()
            image, transparent[index] = on_background(
                decode(data, tree.where(names[index])), spec.background, tree.where(names[index])
            )
            return image

        def origin() -> dict[str, object]:
            if tree.is_zip:
                return {"path": spec.path, "files": {tree.path.name: file_sha256(tree.path)}}
            lines = sorted(f"{name}  {digest}\n" for name, digest in zip(names, digests, strict=True))
            listing = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
            return {"path": spec.path, "files": {f"names and SHA-256 of {len(names)} files": listing}}

        def notes() -> list[str]:
            return (
                [f"{sum(transparent)} images put on the background {list(spec.background or ())}"]
                if any(transparent)
                else []
            )

        grey = (
            spec.channels is None
            and stays_grey(spec.background)
            and all(is_grey(tree.read(name), tree.where(name)) for name in names)
        )
        return RawImages(
            labels=np.asarray(found.labels(names), np.int64),
            num_train=len(train),
            classes=found.classes,
            channels=1 if grey else 3,
            split=split,
            read=read,
            origin=origin,
            notes=notes,
        )


def decode(data: bytes, where: str) -> Image.Image:
    """The pixels of an image file, rotated by its EXIF data. Raises ConfigError with ``where`` if they are unusable."""
    from PIL import Image, ImageOps

    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        check_file(image, data, where)  # the header: decoding loses the bits and the pages
        image.load()
        if image.format in ("JPEG", "MPO", "TIFF", "WEBP"):  # formats of cameras
            image = ImageOps.exif_transpose(image)
    except ConfigError:
        raise
    except Exception as error:  # decoders raise many kinds of errors for damaged files
        raise ConfigError(f"{where}: truncated, damaged or not an image: {error}") from None
    return image


def is_grey(data: bytes, where: str) -> bool:
    """True if an image file has no colour channels, according to its header."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_file(image, data, where)
            return image.mode in GREY_MODES
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{where}: damaged or not an image: {error}") from None
