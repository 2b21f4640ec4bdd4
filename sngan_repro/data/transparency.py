"""Transparent images: put on a background of one colour before anything else is done to their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from PIL import Image

Colour = tuple[int, ...]
"""Red, green and blue, each from 0 to 255."""


def on_background(image: Image.Image, background: Colour | None, where: str) -> tuple[Image.Image, bool]:
    """(the image on the background, True), or (the image itself, False) if all of its pixels are opaque.

    Transparency is an alpha channel, or a colour or palette entry that is declared transparent. The colour that a file
    stores under a transparent pixel is arbitrary, so it must not become a pixel. Raises ConfigError that begins with
    ``where`` if there are transparent pixels and no background.
    """
    from PIL import Image

    if not image.has_transparency_data:
        return image, False
    layer = image.convert("RGBA")
    lowest, _ = layer.getchannel("A").getextrema()
    if lowest == 255:
        return image, False
    if background is None:
        raise ConfigError(
            f"{where}: has transparent pixels, and the dataset has no `background`; give the dataset a colour to put "
            "its images on, such as `background: [255, 255, 255]` for white"
        )
    ground = Image.new("RGBA", layer.size, (*background, 255))
    return Image.alpha_composite(ground, layer).convert("RGB"), True


def is_grey(background: Colour | None) -> bool:
    """True if grey images stay grey on this background."""
    return background is None or len(set(background)) == 1
