"""The images of a colour font as PNG files, one folder per Unicode block: a 128-pixel set that anyone can get.

    apt-get download fonts-noto-color-emoji && dpkg -x fonts-noto-color-emoji_*.deb font
    python -m benchmarks.emoji font/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf data/prints

The font (SIL Open Font License 1.1) has bitmaps of 136 x 128 pixels with transparency. Only glyphs of a single code
point are written: sequences are skin tones, flags and families, which are nearly equal, and near-duplicates hide
memorisation. A block with fewer than --least images is left out. Needs fontTools (`pip install fonttools`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

BLOCKS = {
    (0x2190, 0x21FF): "arrows",
    (0x2300, 0x23FF): "technical",
    (0x2600, 0x26FF): "symbols",
    (0x2700, 0x27BF): "dingbats",
    (0x1F100, 0x1F2FF): "enclosed",
    (0x1F300, 0x1F5FF): "pictographs",
    (0x1F600, 0x1F64F): "emoticons",
    (0x1F680, 0x1F6FF): "transport",
    (0x1F780, 0x1F7FF): "geometric",
    (0x1F900, 0x1F9FF): "supplemental",
    (0x1FA70, 0x1FAFF): "extended",
}
"""Unicode blocks, first and last code point -> name of the folder."""


def block_of(code_point: int) -> str | None:
    """The folder of a code point; None outside of all blocks."""
    return next((name for (first, last), name in BLOCKS.items() if first <= code_point <= last), None)


def write_emoji(font: Path, folder: Path, least: int = 20) -> dict[str, int]:
    """Write the bitmaps of a font with a table CBDT; returns folder -> number of images."""
    from fontTools.ttLib import TTFont

    loaded = TTFont(font)
    (strike,) = loaded["CBDT"].strikeData  # one size of bitmaps
    found: dict[str, dict[int, bytes]] = {}
    for code_point, glyph in loaded.getBestCmap().items():
        if (block := block_of(code_point)) and glyph in strike:
            found.setdefault(block, {})[code_point] = strike[glyph].imageData
    kept = {block: images for block, images in found.items() if len(images) >= least}
    for block, images in kept.items():
        (folder / block).mkdir(parents=True, exist_ok=True)
        for code_point, data in images.items():
            (folder / block / f"{code_point:05x}.png").write_bytes(data)
    return {block: len(images) for block, images in sorted(kept.items())}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emoji", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("font", type=Path, help="NotoColorEmoji.ttf, or another font with bitmaps (table CBDT)")
    parser.add_argument("folder", type=Path, help="folder to write to")
    parser.add_argument("--least", type=int, default=20, help="images that a block needs (default: 20)")
    given = parser.parse_args()
    for block, count in write_emoji(given.font, given.folder, given.least).items():
        print(f"{given.folder / block}: {count} images")


if __name__ == "__main__":
    main()
