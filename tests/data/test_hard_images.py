"""Images that are easily read wrongly: layouts, names in zips, bits, pages, devices, changes after the preparation."""

from __future__ import annotations

import io
import os
import struct
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sngan_repro as sr
from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data import listing
from sngan_repro.data.arrays import even_order, read_images
from sngan_repro.data.image_tree import ImageTree, arrange
from sngan_repro.data.listing import content_stamp
from sngan_repro.data.prepare import prepare

RNG = np.random.default_rng(0)


def picture(fmt: str = "PNG", size: int = 16, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (size, size, 3), np.uint8)).save(buffer, fmt, **options)
    return buffer.getvalue()


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    return path


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is given, with backslashes, too
            archive.writestr(info, body)
    return path


def prepared(path: Path, **values: Any) -> dict[str, Any]:
    spec = DatasetSpec.model_validate({"source": "images", "image_size": 16, "path": str(path), **values})
    return prepare(spec, path.parent, path.parent / "out")


def png16(colour_type: int, channels: int) -> bytes:
    """A PNG with 16 bits per channel; all samples are 2048."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + struct.pack(">H", 2048) * (channels * 16)
    head = struct.pack(">IIBBBBB", 16, 16, 16, colour_type, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * 16)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff16() -> bytes:
    """An uncompressed RGB TIFF with 16 bits per channel."""
    pixels = np.full((16, 16, 3), 2048, "<u2").tobytes()
    tags = [
        (256, 3, 1, 16),
        (257, 3, 1, 16),
        (258, 3, 3, 8 + len(pixels)),  # BitsPerSample: three values, stored elsewhere
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, 3),
        (278, 3, 1, 16),
        (279, 4, 1, len(pixels)),
    ]
    bits = struct.pack("<HHH", 16, 16, 16)
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(pixels) + len(bits)) + pixels + bits + table


def pages(fmt: str) -> bytes:
    first, *others = (Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue"))
    buffer = io.BytesIO()
    first.save(buffer, fmt, save_all=True, append_images=others)
    return buffer.getvalue()


PPM = b"P6 16 16 255\n" + bytes(range(256)) * 3
DEEP = {
    "rgb.png": png16(2, 3),
    "la.png": png16(4, 2),
    "rgba.png": png16(6, 4),
    "rgb.ppm": b"P6 16 16 65535\n" + np.full((16, 16, 3), 2048, ">u2").tobytes(),
    "comment.ppm": b"P6\n# a comment\n16 16\n1023\n" + np.full((16, 16, 3), 512, ">u2").tobytes(),
    "plain.ppm": b"P3 16 16 1000\n" + b"500 " * 768,
    "rgb.tif": tiff16(),
}
SEVERAL = {
    "a.tif": pages("TIFF"),
    "a.gif": pages("GIF"),
    "a.webp": pages("WEBP"),
    "animated.png": pages("PNG"),
    "two.ppm": PPM + PPM,
}


@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("name", DEEP)
def test_more_than_8_bits_are_refused(name, channels, tmp_path):
    path = folder(tmp_path / "images", {name: DEEP[name], "b.png": picture()})
    with pytest.raises(ConfigError, match=rf"{name}: has more than 8 bits per channel"):
        prepared(path, channels=channels)
    with pytest.raises(ConfigError, match=rf"{name}: has more than 8 bits per channel"):
        read_images(path, (3, 16, 16))


@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_pages_are_refused(name, channels, tmp_path):
    path = folder(tmp_path / "images", {name: SEVERAL[name], "b.png": picture()})
    with pytest.raises(ConfigError, match=rf"{name}: is animated or has several pages"):
        prepared(path, channels=channels)


def test_eight_bits_are_read_from_every_format(tmp_path):
    formats = {"a.png": "PNG", "a.jpg": "JPEG", "a.tif": "TIFF", "a.bmp": "BMP", "a.webp": "WEBP", "a.gif": "GIF"}
    files = {name: picture(fmt) for name, fmt in formats.items()}
    assert prepared(folder(tmp_path / "images", {**files, "a.ppm": PPM}))["num_train"] == 6


def test_names_with_backslashes(tmp_path):
    names = [f"{split}\\{name}\\1.png" for split in ("train", "test") for name in ("cat", "dog")]
    found = prepared(packed(tmp_path / "a.zip", {name: picture() for name in names}))
    assert (found["num_train"], found["num_test"], found["classes"]) == (2, 2, ["cat", "dog"])


@pytest.mark.parametrize("prefix", ["./", "pets/./", ".//", ".\\"])
def test_names_with_dots(prefix, tmp_path):
    files = {f"{prefix}{name}/1.png": picture() for name in ("cat", "dog")}
    assert arrange(ImageTree(str(packed(tmp_path / "a.zip", {prefix: b"", **files})))).classes == ["cat", "dog"]


@pytest.mark.parametrize("name", ["../1.png", "cat/../../1.png", "/tmp/1.png", "C:\\cat\\1.png", "..\\1.png"])
def test_names_that_lead_out_of_a_zip(name, tmp_path):
    with pytest.raises(ConfigError, match="leads out of the zip"):
        ImageTree(str(packed(tmp_path / "a.zip", {name: picture(), "cat/1.png": picture()})))


def test_the_same_name_in_two_spellings(tmp_path):
    with pytest.raises(ConfigError, match=r"cat/1\.png: is in the zip twice"):
        ImageTree(str(packed(tmp_path / "a.zip", {"cat/1.png": picture(), "cat\\1.png": picture()})))


SCENES = ("art_gallery", "bullet_train", "kitchen", "test_tube", "train_station")
SPLITS = [
    ("train", "val"),
    ("training", "testing"),
    ("Train", "Test"),
    ("TRAIN", "VALID"),
    ("train2017", "val2017"),
    ("train_images", "test_images"),
    ("trainA", "trainB", "testA", "testB"),
    ("imagesTr", "imagesTs"),
    ("train", "validation", "cats"),
    ("dev", "eval"),
    ("images", "masks"),
    ("JPEGImages", "Annotations"),
    ("part1", "part2"),
]


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("names", SPLITS, ids="-".join)
def test_folders_that_are_no_classes(names, as_zip, tmp_path):
    files = {f"{name}/{number}.png": b"" for name in names for number in (1, 2)}
    path = packed(tmp_path / "a.zip", files) if as_zip else folder(tmp_path / "a", files)
    with pytest.raises(ConfigError, match=r"would be taken for classes|beside train/ and test/"):
        arrange(ImageTree(str(path)))


def test_numbered_parts_are_no_classes(tmp_path):
    files = {f"{1000 * part:05d}/{1000 * part + number:05d}.png": b"" for part in range(3) for number in (0, 1, 999)}
    with pytest.raises(ConfigError, match="numbered parts of one set"):
        arrange(ImageTree(str(folder(tmp_path / "a", files))))


@pytest.mark.parametrize(
    "names",
    [("car", "train"), ("cat", "dog"), ("0", "1"), ("00000", "00001"), ("test_tube", "flask"), ("latest", "x"), SCENES],
)
def test_folders_that_are_classes(names, tmp_path):
    files = {f"{name}/{number}.png": b"" for name in names for number in (7, 8, 9)}
    assert arrange(ImageTree(str(folder(tmp_path / "a", files)))).classes == sorted(names)


@pytest.mark.slow
def test_many_classes_are_recognised_quickly(tmp_path, monkeypatch):
    """The number of steps grows with the number of files, not with files times classes (70 s before)."""
    names = [f"{label:04d}x/{number}.png" for label in range(2000) for number in range(100)]
    tree = object.__new__(ImageTree)
    tree.__dict__.update(path=tmp_path, names=sorted(names), folders={name.split("/")[0] for name in names})
    started = time.process_time()
    assert len(arrange(tree).classes or []) == 2000
    assert time.process_time() - started < 20


# Identity.


def spec_of(path: Path | str) -> DatasetSpec:
    return DatasetSpec.model_validate({"source": "images", "image_size": 16, "path": str(path), "test_fraction": 0.5})


def test_a_relative_path_means_other_images_in_another_folder(tmp_path, monkeypatch):
    ids = []
    for clone in ("one", "two"):
        folder(tmp_path / clone / "images", {"a/1.png": picture(), "a/2.png": picture()})
        monkeypatch.chdir(tmp_path / clone)
        ids.append(spec_of("images").id)
    assert ids[0] != ids[1]
    assert spec_of("images").id == ids[1]
    assert DatasetSpec.model_validate({"source": "digits", "image_size": 16}).id == "digits-16px-d3139fc0"


def test_the_stamp_sees_what_is_read_and_nothing_else(tmp_path):
    store = folder(tmp_path / "store", {"1.png": picture(), "2.png": picture()})
    path = folder(tmp_path / "images", {"dog/1.png": picture()})
    (path / "cat").symlink_to(store)
    before = content_stamp(path)
    for clutter in (".DS_Store", "dog/.hidden.png", "dog/Thumbs.db", "__MACOSX/x"):
        folder(path, {clutter: b"x"})
        assert content_stamp(path) == before, clutter
    (store / "1.png").write_bytes(picture())
    assert content_stamp(path) != before  # an edit behind the link
    before = content_stamp(path)
    (store / "3.png").write_bytes(picture())
    assert content_stamp(path) != before


def test_the_library_prepares_a_changed_folder_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = folder(tmp_path / "images", {f"{name}/{number}.png": picture() for name in "ab" for number in range(4)})
    values = spec_of(path).to_dict()
    first = sr.prepare_dataset(values, tmp_path / "data")
    before = (first / "images.npy").read_bytes()
    assert sr.prepare_dataset(values, tmp_path / "data") == first
    assert (first / "images.npy").read_bytes() == before
    (path / "a/0.png").write_bytes(picture())
    assert (sr.prepare_dataset(values, tmp_path / "data") / "images.npy").read_bytes() != before


# Files that are none, and sizes.


def test_only_regular_files_are_read(tmp_path):
    path = folder(tmp_path / "images", {"a.png": picture(), "b.png": picture()})
    os.mkfifo(path / "pipe.png")
    with pytest.raises(ConfigError, match=r"pipe\.png: not a regular file"):
        prepared(path)
    (path / "pipe.png").unlink()
    (path / "zero.png").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"zero\.png: not a regular file"):
        prepared(path)
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(ConfigError, match=r"pipe\.npy: not a regular file"):
        read_images(tmp_path / "pipe.npy", (3, 16, 16))


def test_a_huge_member_of_a_zip_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILE_BYTES", 10_000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1_000_000))
        archive.writestr("b.png", picture())
    with pytest.raises(ConfigError, match=r"a\.png: 1,000,000 bytes; at most 10,000 are read"):
        prepared(path)


def test_a_name_that_is_not_utf8(tmp_path):
    path = folder(tmp_path / "images", {"cat/1.png": picture(), "dog/1.png": picture()})
    name = os.fsdecode(os.fsencode(path / "cat") + b"/M\xfcnchen.png")
    os.rename(path / "cat/1.png", name)  # noqa: PTH104 (bytes)
    assert content_stamp(path)
    assert prepared(path)["classes"] == ["cat", "dog"]
    os.rename(path / "cat", os.fsdecode(os.fsencode(path) + b"/M\xfcnchen"))  # noqa: PTH104
    with pytest.raises(ConfigError, match=r"'M\\udcfcnchen' has a name that is not UTF-8"):
        prepared(path)


# Arrays to be scored.


def test_arrays_that_are_most_likely_a_mistake(tmp_path):
    unscaled = RNG.random((16, 16, 16, 3)).astype(np.uint8)
    np.save(tmp_path / "a.npy", unscaled)
    for images in (unscaled, tmp_path / "a.npy"):
        with pytest.raises(ConfigError, match=r"one flat colour|not scaled to 0\.\.255"):
            read_images(images, (3, 16, 16))
    rounded = RNG.random((16, 16, 16, 3)).round().astype(np.uint8)
    with pytest.raises(ConfigError, match=r"images in \[0, 1\] that were not scaled to 0..255"):
        read_images(rounded, (3, 16, 16))


@pytest.mark.parametrize("images", [[[1, 2]], None, 3, {"a": 1}])
def test_other_types_are_refused(images):
    with pytest.raises(ConfigError, match=r"images: found .*; needed: uint8"):
        read_images(images, (3, 16, 16))


def test_a_draw_from_class_folders_is_even(tmp_path):
    path = folder(tmp_path / "images", {f"{name}/{number}.png": b"" for name in "ab" for number in range(30)})
    order = even_order(path, 60, seed=3)
    assert sorted(order.tolist()) == list(range(60))
    for count in (2, 10, 30, 31):
        assert abs((order[:count] < 30).sum() - count / 2) <= 1
    assert np.array_equal(order, even_order(path, 60, seed=3))
    assert not np.array_equal(order, even_order(path, 60, seed=4))
