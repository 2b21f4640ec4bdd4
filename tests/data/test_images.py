"""The user's own images: layouts, modes, and a clear error naming the file for everything that cannot be used."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import SOURCES, check_source

Files = dict[str, bytes]


def encoded(
    value: int = 0, mode: str = "RGB", size: tuple[int, int] = (16, 16), kind: str = "PNG", **options: Any
) -> bytes:
    """An opaque image file of one colour."""
    bands = Image.new(mode, (1, 1)).getbands()
    colour = tuple(255 if band == "A" else value for band in bands)
    buffer = io.BytesIO()
    Image.new(mode, size, colour if len(bands) > 1 else value).save(buffer, kind, **options)
    return buffer.getvalue()


def write(path: Path, files: Files, as_zip: bool) -> Path:
    """The files in a folder, or in a zip; a name ending with a slash is a folder."""
    if as_zip:
        path = path.with_suffix(".zip")
        with zipfile.ZipFile(path, "w") as archive:
            for name, body in files.items():
                archive.writestr(name, body)
        return path
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (path / name).mkdir()
        else:
            (path / name).write_bytes(body)
    return path


def result(path: Path, **values: Any) -> tuple[dict[str, Any], list[int], list[int]]:
    """(dataset.json, first value of each image, labels) of the prepared images."""
    spec = DatasetSpec.model_validate({"source": "images", "image_size": 16, "path": str(path), **values})
    out = path.parent / "out"
    info = prepare(spec, path.parent, out)
    return info, np.load(out / "images.npy")[:, 0, 0, 0].tolist(), np.load(out / "labels.npy").tolist()


SPLIT = {
    "train/dog/b.png": encoded(21),
    "train/dog/a.png": encoded(20),
    "train/cat/10.png": encoded(11),
    "train/cat/1.png": encoded(10),
    "test/dog/z.png": encoded(30),
}
CLASSES = {f"{name}/{at:02d}.png": encoded(10 * label + at) for label, name in enumerate("ab") for at in range(10)}


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("wrapper", ["", "pets/"])
def test_train_and_test_folders(as_zip, wrapper, tmp_path):
    """Sorted by name, train first; a zip may have one folder around everything."""
    path = write(tmp_path / "images", {wrapper + name: body for name, body in SPLIT.items()}, as_zip)
    info, values, labels = result(path if as_zip or not wrapper else path / "pets")
    assert values == [10, 11, 20, 21, 30]
    assert labels == [0, 0, 1, 1, 1]
    assert (info["num_train"], info["num_test"], info["classes"]) == (4, 1, ["cat", "dog"])
    assert info["split"] == "as published: folders train/ and test/"


@pytest.mark.parametrize("as_zip", [False, True])
def test_class_folders_are_split_by_class(as_zip, tmp_path):
    path = write(tmp_path / "images", CLASSES, as_zip)
    info, values, labels = result(path, test_fraction=0.3, split_seed=2)
    assert (info["num_train"], info["num_test"], info["classes"]) == (14, 6, ["a", "b"])
    assert sorted(values) == list(range(20))
    assert labels == [value // 10 for value in values]
    assert labels[14:] == [0, 0, 0, 1, 1, 1]
    assert values[:14] == sorted(values[:14])
    assert "6 of 20 images as test split (test_fraction 0.3), PCG64(2)" in info["split"]
    assert result(path, test_fraction=0.3, split_seed=3)[1] != values
    assert result(path)[0]["num_test"] == 2  # a tenth unless the study says otherwise


@pytest.mark.parametrize("as_zip", [False, True])
def test_flat_images_have_no_classes(as_zip, tmp_path):
    path = write(tmp_path / "images", {f"{at}.png": encoded(at) for at in range(10)}, as_zip)
    info, values, labels = result(path)
    assert (info["num_train"], info["num_test"], info["classes"]) == (9, 1, None)
    assert sorted(values) == list(range(10))
    assert labels == [-1] * 10


def test_folder_and_zip_give_the_same_array(tmp_path):
    folder = result(write(tmp_path / "images", CLASSES, False))[0]
    packed = result(write(tmp_path / "images", CLASSES, True))[0]
    assert (folder["sha256"], folder["labels_sha256"]) == (packed["sha256"], packed["labels_sha256"])


def test_origin_identifies_the_files(tmp_path):
    path = write(tmp_path / "images", CLASSES, True)
    assert result(path)[0]["origin"] == {
        "path": str(path),
        "files": {"images.zip": hashlib.sha256(path.read_bytes()).hexdigest()},
    }
    folder = write(tmp_path / "images", CLASSES, False)
    lines = "".join(f"{name}  {hashlib.sha256(CLASSES[name]).hexdigest()}\n" for name in sorted(CLASSES))
    expected = {"names and SHA-256 of 20 files": hashlib.sha256(lines.encode()).hexdigest()}
    assert result(folder)[0]["origin"]["files"] == expected


@pytest.mark.parametrize("as_zip", [False, True])
def test_clutter_of_operating_systems_is_ignored(as_zip, tmp_path):
    clutter = {
        ".DS_Store": b"x",
        "a/.hidden.png": b"x",
        "a/Thumbs.db": b"x",
        "__MACOSX/a/._00.png": b"x",
        "b/desktop.ini": b"x",
        ".git/config": b"x",
    }
    info, values, _ = result(write(tmp_path / "images", CLASSES | clutter, as_zip))
    assert len(values) == 20
    assert info["classes"] == ["a", "b"]


def test_a_class_may_be_called_train(tmp_path):
    files = {f"{name}/{at}.png": encoded(at) for name in ("car", "train") for at in range(3)}
    assert result(write(tmp_path / "images", files, False))[0]["classes"] == ["car", "train"]


def test_sizes_are_cropped_and_resampled(tmp_path):
    wide = Image.new("RGB", (40, 20), (255, 0, 0))
    wide.paste((9, 9, 9), (10, 0, 30, 20))
    buffer = io.BytesIO()
    wide.save(buffer, "PNG")
    files = {"a.png": buffer.getvalue(), "b.png": encoded(9, size=(16, 16)), "c.png": encoded(9, size=(8, 8))}
    info, values, _ = result(write(tmp_path / "images", files, False))
    assert values == [9, 9, 9]
    assert info["preparation"] == (
        "1 images cropped to their centred square; 2 images resampled to 16 x 16 (PIL bicubic, antialiased)"
    )


def test_upright_by_exif(tmp_path):
    """Orientation 3: turned by 180 degrees; the bright upper half belongs below."""
    image = Image.new("L", (16, 16))
    image.paste(255, (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 3
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, quality=95)
    path = write(tmp_path / "images", {"a.jpg": buffer.getvalue(), "b.jpg": buffer.getvalue()}, False)
    result(path)
    images = np.load(tmp_path / "out/images.npy")
    assert images[:, :6].max() < 30
    assert images[:, 10:].min() > 225


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (["L", "L"], 1),
        (["L", "1", "LA"], 1),
        (["L", "RGB"], 3),
        (["P", "L"], 3),
        (["RGBA", "RGB"], 3),
        (["L", "CMYK"], 3),
    ],
)
def test_native_channels(modes, channels, tmp_path):
    """Grey only when every image is."""
    kinds = {"CMYK": "JPEG"}
    files = {
        f"{at}.{'jpg' if mode == 'CMYK' else 'png'}": encoded(1, mode, kind=kinds.get(mode, "PNG"))
        for at, mode in enumerate(modes)
    }
    path = write(tmp_path / "images", files, False)
    assert result(path)[0]["image_shape"] == [channels, 16, 16]
    assert result(path, channels=4 - channels)[0]["image_shape"] == [4 - channels, 16, 16]


def noise(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def pages() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (16, 16)).save(buffer, "GIF", save_all=True, append_images=[Image.new("L", (16, 16), 255)])
    return buffer.getvalue()


FAULTS: list[tuple[str, Files, str]] = [
    ("truncated png", {"a/x.png": noise("PNG")[:-2000]}, r"a/x\.png: truncated, damaged or not an image"),
    ("truncated jpeg", {"a/x.jpg": noise("JPEG")[:-2000]}, r"a/x\.jpg: truncated, damaged"),
    ("empty file", {"a/x.png": b""}, r"a/x\.png: truncated, damaged"),
    ("text called png", {"a/x.png": b"hello"}, r"a/x\.png: truncated, damaged"),
    ("a note", {"a/README.txt": b"hello"}, r"a/README\.txt: not an image; remove it"),
    ("a note at the top", {"LICENSE": b"hello"}, r"LICENSE: not an image; remove it"),
    ("empty class", {"c/": b""}, r"images(\.zip: |/)c: a folder without images; remove it"),
    ("image beside classes", {"z.png": encoded()}, r"z\.png: in a place that does not fit; expected train/CLASS/"),
    ("folder in a class", {"b/more/z.png": encoded()}, r"b/more/z\.png: in a place that does not fit"),
    ("very deep", {"b/1/2/3/4/5/z.png": encoded()}, r"b/1/2/3\S* (folders too deep|in a place that does not fit)"),
    ("16 bits", {"a/x.png": encoded(1, "I;16")}, r"a/x\.png: has more than 8 bits per channel \(mode I;16\)"),
    ("float", {"a/x.tif": encoded(1, "F", kind="TIFF")}, r"a/x\.tif: has more than 8 bits per channel \(mode F\)"),
    ("animated", {"a/x.gif": pages()}, r"a/x\.gif: is animated or has several pages"),
    ("only train", {"train/a/x.png": encoded()}, r"has train/ but no test/"),
]


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(("files", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
@pytest.mark.parametrize("channels", [None, 3])
def test_faults_name_the_file(files, message, as_zip, channels, tmp_path):
    path = write(tmp_path / "images", CLASSES | files, as_zip)
    with pytest.raises(ConfigError, match=message) as caught:
        result(path, channels=channels)
    assert str(path) in str(caught.value)
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


SPLIT_FAULTS: list[tuple[str, Files, str]] = [
    (
        "new class",
        {"test/bird/1.png": encoded()},
        r"test/bird/1\.png: its class is not among.*: cat, dog",
    ),
    ("third split", {"valid/dog/1.png": encoded()}, r"valid/dog/1\.png: beside train/ and test/"),
    ("class beside", {"dog/1.png": encoded()}, r"dog/1\.png: in a place that does not fit"),
    ("empty test class", {"test/cat/": b""}, r"test/cat: a folder without images"),
]


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(("files", "message"), [f[1:] for f in SPLIT_FAULTS], ids=[f[0] for f in SPLIT_FAULTS])
def test_faults_beside_a_split(files, message, as_zip, tmp_path):
    path = write(tmp_path / "images", SPLIT | files, as_zip)
    with pytest.raises(ConfigError, match=message):
        result(path)


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("files", [{}, {".DS_Store": b"x"}])
def test_nothing_in_it(files, as_zip, tmp_path):
    (tmp_path / "images").mkdir()
    path = write(tmp_path / "images", files, as_zip)
    with pytest.raises(ConfigError, match=r"images(\.zip)?: no images in it"):
        result(path)


def test_empty_test_folder(tmp_path):
    path = write(tmp_path / "images", {"train/a/1.png": encoded(), "train/a/2.png": encoded(), "test/": b""}, False)
    with pytest.raises(ConfigError, match=r"images/test: a folder without images"):
        result(path)


def test_one_image_cannot_be_split(tmp_path):
    path = write(tmp_path / "images", {"a.png": encoded()}, False)
    with pytest.raises(ConfigError, match="one image cannot be split"):
        result(path)


def test_damaged_member_of_a_zip(tmp_path):
    path = write(tmp_path / "images", CLASSES, True)
    body = bytearray(path.read_bytes())
    at = body.index(CLASSES["b/03.png"])
    body[at + 40] ^= 1
    path.write_bytes(body)
    with pytest.raises(ConfigError, match=r"images\.zip: b/03\.png: cannot be read from the zip: Bad CRC-32"):
        result(path)


def test_truncated_zip(tmp_path):
    path = write(tmp_path / "images", CLASSES, True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match=r"images\.zip: neither a folder nor a readable zip file"):
        result(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_name_twice_in_a_zip(tmp_path):
    path = write(tmp_path / "images", CLASSES, True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/05.png", encoded())
    with pytest.raises(ConfigError, match=r"a/05\.png: is in the zip twice"):
        result(path)


def test_links_are_followed(tmp_path):
    real = write(tmp_path / "elsewhere", {"1.png": encoded(1), "2.png": encoded(2)}, False)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a").symlink_to(real)
    info, values, _ = result(tmp_path / "images")
    assert (sorted(values), info["classes"]) == ([1, 2], ["a"])
    shutil.rmtree(real)
    with pytest.raises(ConfigError, match="images/a"):
        result(tmp_path / "images")


def test_a_copy_of_a_published_set_has_its_number_of_images(tmp_path, monkeypatch):
    path = write(tmp_path / "images", SPLIT, as_zip=False)
    with pytest.raises(ConfigError, match=r"4 train images, but `copy_of: cifar10` has 50,000; remove `copy_of`"):
        result(path, copy_of="cifar10")
    monkeypatch.setattr(SOURCES.get("cifar10"), "num_train", 4)
    with pytest.raises(ConfigError, match=r"1 test images, but `copy_of: cifar10` has 10,000"):
        result(path, copy_of="cifar10")
    monkeypatch.setattr(SOURCES.get("cifar10"), "num_test", 1)
    assert result(path, copy_of="cifar10")[0]["source_title"] == "CIFAR-10 (images)"
    with pytest.raises(ConfigError, match="unknown `copy_of` 'images'"):
        result(path, copy_of="images")
    with pytest.raises(ConfigError, match="`copy_of` has no effect for the source 'digits'"):
        check_source("d", DatasetSpec(source="digits", image_size=16, copy_of="mnist"))


def test_a_copy_keeps_the_digests_of_other_datasets(tmp_path):
    plain = DatasetSpec(source="images", image_size=16, path="x")
    assert "copy_of" not in plain.to_dict()
    assert (plain.images_of, plain.model_copy(update={"copy_of": "mnist"}).images_of) == ("images", "mnist")
