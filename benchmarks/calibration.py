"""How often each criterion of a claim errs, on simulated studies at the boundary of its claim.

No times: the table of docs/claims.md. See sngan_repro/analysis/claims/calibration.py. Takes about an hour.
"""

from __future__ import annotations

import sys

from benchmarks.common import machine, parser, print_table, save, setup
from sngan_repro.analysis.claims.calibration import SCENARIOS, calibrate

SEEDS = (3, 5, 10)


def main() -> None:
    options = parser(__doc__).parse_args()
    device = setup(options)
    num_studies, seeds = (2, (3,)) if options.quick else (400, SEEDS)
    rows = []
    for name, scenario in SCENARIOS.items():
        shares = [calibrate(scenario, n, num_studies) for n in seeds]
        rows.append([name, scenario.what, *(f"{100 * a:.1f} / {100 * b:.1f}" for a, b in shares)])
        print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    columns = ["criterion", "truth", *(f"n = {n}" for n in seeds)]
    print_table(f"Supported / not supported, % of {num_studies} simulated studies", columns, rows)
    save("calibration", {"machine": machine(device), "columns": columns, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
