"""How often each criterion of a claim errs, and how often it finds a true difference, on simulated studies.

No times: the tables of docs/claims.md. See sngan_repro/analysis/claims/calibration.py. Takes about an hour.
"""

from __future__ import annotations

import sys
from functools import partial
from multiprocessing import get_context

from benchmarks.common import machine, parser, print_table, save, setup
from sngan_repro.analysis.claims.calibration import AHEAD, SCENARIOS, ahead, calibrate

SEEDS = (3, 5, 10)
DISTANCES = (1.0, 2.0)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--studies", type=int, default=400, help="simulated studies per number (default %(default)s)")
    options.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="seeds of a study (default 3 5 10)")
    options.add_argument("--processes", type=int, default=1, help="processes at once (default %(default)s)")
    given = options.parse_args()
    device = setup(given)
    num_studies, seeds = (2, (3,)) if given.quick else (given.studies, tuple(given.seeds))
    cases: list[tuple[str, float]] = [(name, 0.0) for name in SCENARIOS]
    cases += [(name, by) for name in AHEAD for by in DISTANCES]
    rows = []
    with get_context("spawn").Pool(given.processes) as pool:
        for row in pool.imap(partial(row_of, seeds, num_studies), cases):
            rows.append(row)
            print(*row, sep=" | ", file=sys.stderr, flush=True)
    columns = ["criterion and truth", *(f"n = {n}" for n in seeds)]
    print_table(f"Supported / not supported, % of {num_studies} simulated studies", columns, rows)
    save("calibration", {"machine": machine(device), "columns": columns, "rows": rows}, given.out)


def row_of(seeds: tuple[int, ...], num_studies: int, case: tuple[str, float]) -> list[str]:
    """A row of the table: the percentages of both verdicts at each number of seeds.

    case: the name of a scenario, and by how many seed SDs its method is ahead; 0 is the boundary of the claim.
    """
    name, by = case
    scenario = ahead(name, by) if by else SCENARIOS[name]
    shares = [calibrate(scenario, n, num_studies) for n in seeds]
    return [f"{name}: {scenario.what}", *(f"{100 * a:.1f} / {100 * b:.1f}" for a, b in shares)]


if __name__ == "__main__":
    main()
