"""Transparent images are put on the stated background; without one they are refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import check_source

MAGENTA = (255, 0, 255)


def disc() -> np.ndarray:
    """A white disc on nothing; the colour that is stored under "nothing" is magenta."""
    y, x = np.mgrid[:16, :16]
    inside = (x - 8) ** 2 + (y - 8) ** 2 < 25
    return np.where(inside[..., None], [255, 255, 255, 255], [*MAGENTA, 0]).astype(np.uint8)


def png(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def prepared(folder: Path, files: list[bytes], **keys) -> tuple[dict, np.ndarray]:
    (folder / "images").mkdir(exist_ok=True)
    for number, data in enumerate(files):
        (folder / "images" / f"{number}.png").write_bytes(data)
    spec = DatasetSpec(source="images", image_size=16, path=str(folder / "images"), **keys)
    info = prepare(spec, folder, folder / "out")
    return info, np.load(folder / "out/images.npy")


def test_without_a_background_an_error_names_file_and_key(tmp_path):
    with pytest.raises(ConfigError, match=r"1\.png: has transparent pixels.*`background: \[255, 255, 255\]` for white"):
        prepared(tmp_path, [png(Image.new("RGB", (16, 16))), png(Image.fromarray(disc()))])


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (10, 200, 30)])
def test_the_background_shows_where_an_image_is_transparent(tmp_path, colour):
    info, images = prepared(tmp_path, [png(Image.fromarray(disc()))] * 2, background=colour)
    opaque = disc()[..., 3] == 255
    assert (images[0][opaque] == 255).all()
    assert (images[0][~opaque] == colour).all()
    assert f"2 images put on the background {list(colour)}" in info["preparation"]
    assert info["spec"]["background"] == list(colour)


@pytest.mark.parametrize("alpha", [0, 1, 64, 128, 200, 254, 255])
def test_partial_transparency_is_the_weighted_mean(tmp_path, alpha):
    """alpha * colour + (1 - alpha) * background, rounded to 8 bits."""
    image = Image.new("RGBA", (16, 16), (200, 100, 0, alpha))
    _, images = prepared(tmp_path, [png(image)] * 2, background=(0, 50, 255))
    expected = alpha / 255 * np.array([200, 100, 0]) + (1 - alpha / 255) * np.array([0, 50, 255])
    assert np.abs(images[0, 0, 0] - expected).max() <= 1


def kinds() -> dict[str, bytes]:
    """Kind of transparency -> the bytes of a file of the disc."""
    palette = Image.fromarray(disc()[..., :3]).quantize(2)
    hidden = palette.getpixel((0, 0))
    key = Image.fromarray(disc()[..., :3])
    grey_alpha = Image.fromarray(np.stack([np.full((16, 16), 255), disc()[..., 3]], axis=2).astype(np.uint8), "LA")
    return {
        "RGBA": png(Image.fromarray(disc())),
        "palette": png(palette, transparency=hidden),
        "colour key": png(key, transparency=MAGENTA),
        "grey and alpha": png(grey_alpha),
    }


@pytest.mark.parametrize("kind", ["RGBA", "palette", "colour key", "grey and alpha"])
def test_every_kind_of_transparency(tmp_path, kind):
    _, images = prepared(tmp_path, [kinds()[kind]] * 2, background=(7, 8, 9))
    assert images[0, 0, 0].tolist() == [7, 8, 9]
    assert images[0, 8, 8].tolist() == [255, 255, 255]


def test_grey_images_stay_grey_on_a_grey_background(tmp_path):
    info, images = prepared(tmp_path, [kinds()["grey and alpha"]] * 2, background=(31, 31, 31))
    assert info["image_shape"] == [1, 16, 16]
    assert images[0, 0, 0].tolist() == [31]


def test_an_alpha_channel_without_transparent_pixels_needs_no_background(tmp_path):
    """Its pixels are those of the file, with a background and without."""
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    values[..., 3] = 255
    info, images = prepared(tmp_path, [png(Image.fromarray(values))] * 2)
    assert (images[0] == values[..., :3]).all()
    assert "background" not in info["preparation"]
    assert "background" not in json.dumps(info["spec"])  # so the data of earlier studies keep their names
    _, again = prepared(tmp_path, [], background=(1, 2, 3))
    assert (again == images).all()


def test_a_background_for_a_source_without_transparency_is_an_error():
    spec = DatasetSpec(source="digits", image_size=16, background=(255, 255, 255))
    with pytest.raises(ConfigError, match="`background` has no effect for the source 'digits'"):
        check_source("digits", spec)


@pytest.mark.parametrize("colour", [(255, 255), (256, 0, 0), (-1, 0, 0), "white"])
def test_a_background_is_three_levels(colour):
    with pytest.raises(ValueError, match="background"):
        DatasetSpec.model_validate({"source": "images", "image_size": 16, "path": "x", "background": colour})
