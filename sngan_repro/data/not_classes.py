"""Folders that are no classes, though they stand where classes stand: splits, masks, numbered parts."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sngan_repro.core.schema import ConfigError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPLIT_WORDS = _words(
    """
    train training trainings trained trainval trn test testing tests tested tst testval val valid valids
    validate validated validation validating vali dev devel development eval evals evaluate evaluation holdout
    heldout unseen unlabeled unlabelled unsupervised query gallery public private fold split
    """
)
"""Names of the parts of a dataset, in lower case without digits and separators."""
ANNOTATION_WORDS = _words(
    """
    mask masks label labels annotation annotations annot gt groundtruth segmentation segmentations seg semantic
    depth edges edge landmark landmarks bbox boxes trimap trimaps
    """
)
IMAGE_WORDS = _words(
    """
    image images img imgs photo photos picture pictures rgb jpegimages jpg jpeg png
    """
)
PART_WORDS = _words(
    """
    part parts batch shard chunk image images img imgs data set subset folder dir volume disk archive zip tar
    block thumbnails
    """
)
SHORT = frozenset({"tr", "ts", "te", "tst", "va", "vl"})
"""Names of splits that count only beside a word of EXTRA."""
EXTRA = r"(set|sets|data|dataset|split|part|images?|imgs?|jpe?g|png|folder|files?|samples?|examples?)"
"""Words that stand before or after the name of a part: ``train_images``, ``test-set``, ``imagesTr``."""


def check_classes(where: str, names: list[str]) -> None:
    """Raise ConfigError if the folders that contain the images are no classes.

    names: relative names of images, each in a folder. One folder with the name of a split may be a class, since a train
    is also a vehicle; two such folders are splits.
    """
    folders = sorted({name.split("/")[-2] for name in names})
    for folder in folders:
        try:
            folder.encode("utf-8")
        except UnicodeEncodeError:
            raise ConfigError(
                f"{where}: the folder {folder!r} has a name that is not UTF-8, so it cannot be a class; rename it"
            ) from None
    splits = folders if all(map(names_a_split, folders)) else [folder for folder in folders if is_split(folder)]
    if len(splits) > 1 or splits == folders:
        raise ConfigError(
            f"{where}: the folders {_listed(splits)} would be taken for classes, and are splits by their names; name "
            "them train and test (others: leave out, or merge), or rename them if they are classes"
        )
    words = {_plain(folder) for folder in folders}
    if words & ANNOTATION_WORDS and words & IMAGE_WORDS:
        raise ConfigError(
            f"{where}: the folders {_listed(folders)} would be taken for classes, and hold images beside their "
            "annotations by their names; give the folder of the images alone"
        )
    if _are_numbered_parts(names) or (len(folders) > 1 and len(words) == 1 and words <= PART_WORDS):
        raise ConfigError(
            f"{where}: the folders {_listed(folders)} would be taken for classes, and are numbered parts of one set by "
            "their names; put the images side by side, or rename the folders if they are classes"
        )


def is_split(folder: str) -> bool:
    """True if a folder has the name of a part of a dataset: ``Train``, ``val2017``, ``TestSet``, ``imagesTr``."""
    plain = _plain(folder)
    stripped = re.sub(f"^{EXTRA}|{EXTRA}$", "", plain)
    return bool({plain, stripped} & SPLIT_WORDS) or (stripped != plain and stripped in SHORT)


def names_a_split(folder: str) -> bool:
    """True if a part of a name is that of a split: ``trainA``, ``my_test``.

    Classes have such names, too (``test_tube``), so it decides only if it is true of every folder.
    """
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", folder)
    return is_split(folder) or any(part.lower() in SPLIT_WORDS for part in parts)


def _plain(folder: str) -> str:
    return re.sub(r"[^a-z]", "", folder.lower())


def _are_numbered_parts(names: list[str]) -> bool:
    """True if folders are numbers, and each file is numbered from that of its folder up to that of the next folder.

    For example ``00000/00000.png`` to ``00000/00999.png``, then ``01000/01000.png``.
    """
    found: dict[str, list[int]] = {}
    for name in names:
        folder, stem = name.split("/")[-2], PurePosixPath(name).stem
        if not (folder.isdecimal() and stem.isdecimal()):
            return False
        found.setdefault(folder, []).append(int(stem))
    starts = sorted((int(folder), numbers) for folder, numbers in found.items())
    if len(starts) < 2 or all(len(numbers) < 2 for _, numbers in starts):
        return False
    ends = [start for start, _ in starts[1:]] + [2**63]
    return all(start <= min(numbers) and max(numbers) < end for (start, numbers), end in zip(starts, ends, strict=True))


def _listed(folders: list[str]) -> str:
    shown = [f"{folder}/" for folder in folders[:4]]
    return ", ".join(shown) + (f" and {len(folders) - 4} more" if len(folders) > 4 else "")
