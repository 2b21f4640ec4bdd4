"""``python -m sngan_repro``, and the command ``sngan-repro``."""

import gc

from sngan_repro.cli.main import main

ALLOCATIONS = 10_000
"""New objects between two searches for cyclic garbage. Python's default is 700 to 2,000, so it would search hundreds of
times while PyTorch is imported, and find almost nothing."""


def run() -> None:
    """One command in a process of its own, which spends less time on the search for cyclic garbage."""
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
    try:
        main()
    finally:
        gc.freeze()  # else Python searches all objects once more when the process ends


if __name__ == "__main__":
    run()
