"""Updates with images streamed from the mapped file, against images that are all in the memory of the device.

The networks are narrow, so that reading images is a large part of an update. The file is in the cache of the system.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.common import interleave, machine, median, parser, print_table, save, setup, speedup

BATCH = 64


def main() -> None:
    options = parser(__doc__).parse_args()
    device = setup(options)
    import numpy as np

    from sngan_repro.config.specs import RunSpec
    from sngan_repro.training.benchmark import round_timer
    from sngan_repro.training.trainer import Trainer

    num_images, rounds, seconds = (512, 1, 0.05) if options.quick else (20_000, 7, 1.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in (32, 128):
            path = Path(folder) / f"{size}.npy"
            np.save(path, np.random.default_rng(0).integers(0, 256, (num_images, size, size, 3), np.uint8))
            images = np.load(path, mmap_mode="r")
            for n_dis in (1, 5):
                spec = RunSpec.model_validate(
                    {
                        "data": {"source": "cifar10", "image_size": size, "channels": 3},
                        "method": {"name": "sngan", "options": {}},
                        "optimizer": {"lr": 0.0002, "n_dis": n_dis},
                        "seed": 0,
                        "nets": {"width": 4},
                        "budget": {"steps": 1000},
                        "snapshots": {"count": 1},
                        "training": {"batch_size": BATCH},
                    }
                )

                def update(trainer: Trainer) -> None:
                    with trainer.context.on_stream():
                        trainer.advance()

                variants = {
                    name: round_timer(
                        partial(update, Trainer(spec, images, device, streamed=streamed)), device, seconds
                    )
                    for name, streamed in (("resident", False), ("streamed", True))
                }
                times = interleave(variants, rounds)
                for name, values in times.items():
                    per_second = n_dis * BATCH / median(values)
                    rows.append(
                        [f"{size} px, n_dis {n_dis}", name, round(per_second), speedup(times, name, "resident")]
                    )
    columns = ["images", "kept", "images/s", "x"]
    print_table("Streamed and resident images", columns, rows)
    save("stream", {"machine": machine(device), "columns": columns, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
