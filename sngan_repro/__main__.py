"""``python -m sngan_repro``, and the command ``sngan-repro``."""

import gc

from sngan_repro.cli.main import main

ALLOCATIONS = 10_000
"""Between two searches for cyclic garbage. Python's own number is 700 to 2,000, and importing PyTorch makes hundreds of
thousands of objects, of which none is garbage."""


def run() -> None:
    """One command in a process of its own, which spends less time on the search for cyclic garbage."""
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
    try:
        main()
    finally:
        gc.freeze()  # else Python searches all objects once more when the process ends


if __name__ == "__main__":
    run()
