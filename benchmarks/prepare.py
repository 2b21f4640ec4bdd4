"""How long images take to prepare from a zip, and how much memory: it must not grow with their number.

The zips are made here: a few dozen pictures under many names, one folder per class. `--zip` adds one of your own.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.common import machine, parser, print_table, run_process, save

COLUMNS = [
    "images",
    "pixels",
    "s (wall)",
    "s (CPU)",
    "images/s",
    "peak MB",
    "array MB",
    "beyond imports, MB",
]
BARE = "import PIL.Image, numpy, sngan_repro.cli.main, sngan_repro.data.prepare"


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--zip", type=Path, help="a zip of images of your own, one folder per class")
    made.add_argument("--pixels", type=int, default=32, help="size to bring its images to")
    made.add_argument("--large", action="store_true", help="100,000 images of 96 pixels too (3 GB of disk)")
    options = made.parse_args()
    sizes = [(400, 32), (800, 32)] if options.quick else [(15_000, 32), (60_000, 32), (5000, 96), (20_000, 96)]
    sizes += [(100_000, 96)] if options.large else []
    bare = run_process([sys.executable, "-c", BARE]).peak_mb
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, pixels in sizes:
            archive = write_zip(Path(folder) / "images.zip", number, pixels)
            rows.append(prepare(archive, pixels, Path(folder) / "out", bare))
        if options.zip:
            rows.append(prepare(options.zip, options.pixels, Path(folder) / "out", bare))
    print_table("Preparing images from a zip", COLUMNS, rows)
    save("prepare", {"machine": machine(), "columns": COLUMNS, "rows": rows, "bare_mb": bare}, options.out)


def prepare(archive: Path, pixels: int, out: Path, bare: float) -> list[float]:
    """One row: a process that prepares the images of a zip."""
    spec = json.dumps({"source": "images", "path": str(archive), "image_size": pixels})
    command = ["prepare", "--spec", spec, "--downloads", str(out), "--out", str(out)]
    found = run_process([sys.executable, "-m", "sngan_repro", *command])
    record = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    number = record["num_train"] + record["num_test"]
    array = (out / "images.npy").stat().st_size / 1e6
    (out / "images.npy").unlink()
    return [number, pixels, found.wall, found.cpu, number / found.wall, found.peak_mb, array, found.peak_mb - bare]


def write_zip(path: Path, number: int, pixels: int) -> Path:
    """So many PNG files of 64 different pictures, in ten folders."""
    import numpy as np
    from PIL import Image

    rng, pictures = np.random.default_rng(0), []
    for _ in range(64):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        stream = io.BytesIO()
        coarse.resize((pixels, pixels), Image.Resampling.BICUBIC).save(stream, format="PNG")
        pictures.append(stream.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(number):
            archive.writestr(f"class{index % 10}/{index:06d}.png", pictures[index % len(pictures)])
    return path


if __name__ == "__main__":
    main()
