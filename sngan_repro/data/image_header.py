"""What an opened image file says of itself before it is decoded: bits per channel and pages. Decoding loses both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from PIL import Image

GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr", "HSV", "LAB", "RGBa", "La")
MAX_PIXELS = 1 << 26
"""The largest image that is decoded, 67 megapixels: 8,192 x 8,192."""
TIFF_BITS = 258
"""The TIFF tag BitsPerSample."""


def check_file(image: Image.Image, data: bytes, where: str) -> None:
    """Raise ConfigError for an image with more than 8 bits per channel, several pages or frames, or too many pixels.

    image: opened from ``data``, not decoded yet.
    """
    if image.mode not in GREY_MODES + COLOUR_MODES:
        raise ConfigError(f"{where}: has more than 8 bits per channel (mode {image.mode}); convert it to 8 bits first")
    if (bits := _bits(image, data)) > 8:
        raise ConfigError(f"{where}: has more than 8 bits per channel ({bits}); convert it to 8 bits first")
    if image.width * image.height > MAX_PIXELS:
        raise ConfigError(f"{where}: {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
    several = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"  # MPO: a photo and its preview
    if several or _more_follows(image, data):
        raise ConfigError(f"{where}: is animated or has several pages; give each as a file of its own")


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits per channel in the file."""
    if image.format == "PNG":
        return data[24]  # of the chunk IHDR, which comes first
    if image.format == "TIFF":
        bits: Any = image.tag_v2.get(TIFF_BITS, 1)  # type: ignore[attr-defined]
        return max(bits) if isinstance(bits, tuple) else int(bits)
    if image.format == "PPM" and (header := _pnm_header(data)):
        return max(1, (header[1] or 1).bit_length())
    return int(getattr(image, "bits", 8))  # JPEG


def _more_follows(image: Image.Image, data: bytes) -> bool:
    """True if a second image follows in a PBM, PGM or PPM file, or if a PNG is animated in any way."""
    if image.format == "PNG":
        return b"acTL" in data[: data.find(b"IDAT")]
    if image.format != "PPM" or not (header := _pnm_header(data)) or header[0] not in b"P4 P5 P6".split():
        return False
    kind, largest, start = header
    row = (image.width + 7) // 8 if kind == b"P4" else image.width * (3 if kind == b"P6" else 1)
    size = row * image.height * (2 if (largest or 0) > 255 else 1)
    return bool(re.match(rb"\s*P[1-6]\s", data[start + size :]))


def _pnm_header(data: bytes) -> tuple[bytes, int | None, int] | None:
    """(kind such as b"P6", largest value or None, number of bytes of the header) of a PBM, PGM or PPM file."""
    gap = rb"(?:\s|#[^\r\n]*[\r\n])+"
    form = rb"(P[1-6])" + gap + rb"\d+" + gap + rb"\d+"
    if match := re.match(form + rb"\s", data) if data[:2] in (b"P1", b"P4") else None:
        return match[1], None, match.end()
    if match := re.match(form + gap + rb"(\d+)\s", data):
        return match[1], int(match[2]), match.end()
    return None
