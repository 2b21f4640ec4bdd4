"""The commands that hand a study on: `bundle` writes it as one file, `verify` checks such a file."""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import DEVICE, NAMED_STUDY, Option, command


@command(
    "write a finished study as one zip with checksums, for reviewers and archives",
    *NAMED_STUDY,
    Option("--out", completes="files", help="zip to write (default: STUDY.zip)"),
    Option(
        "--snapshots",
        choices=("last", "all", "none"),
        default="last",
        help="snapshots of each run (default: %(default)s)",
    ),
)
def bundle(given: Namespace) -> None:
    from sngan_repro.api.bundle import make_bundle

    study, layout = values.study_of(given)
    out = Path(given.out or f"{study.name}.zip")
    names = make_bundle(study, layout, values.study_file_of(given), out, given.snapshots)
    print(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB; `sngan-repro verify {out}` checks it")


@command(
    "check a bundle: checksums, tables from scores, scores from snapshots, trainings anew",
    Option("bundle", metavar="BUNDLE", completes="files", help="a zip that `bundle` wrote"),
    Option(
        "--rescore",
        nargs="+",
        default=["3"],
        metavar="RUN",
        help="runs to score again, such as digits/SNGAN/A/seed0, or a number of runs (default: 3)",
    ),
    Option("--retrain", nargs="+", default=["0"], metavar="RUN", help="runs to train again, or a number of runs"),
    Option(
        "--data-dir", completes="folders", help="prepared images and evaluators (default: that of config/config.yaml)"
    ),
    *DEVICE,
    Option("--json", action="store_true", help="as JSON"),
)
def verify(given: Namespace) -> None:
    from sngan_repro.api.verify import Check, as_json, verify_bundle

    def show(check: Check) -> None:
        if not given.json:
            print(f"{check.outcome:<12} {check.what}" + (f": {check.detail}" if check.detail else ""), flush=True)

    with tempfile.TemporaryDirectory(prefix="sngan-repro-verify-") as work:
        checks = verify_bundle(
            Path(given.bundle),
            Path(work),
            _runs(given.rescore),
            _runs(given.retrain),
            given.data_dir,
            given.device,
            show,
            given.threads,
        )
    if given.json:
        print(as_json(checks))
    if any(check.outcome == "differs" for check in checks):
        sys.exit(1)


def _runs(words: list[str]) -> list[str] | int:
    """A number of runs, or their ids."""
    return int(words[0]) if len(words) == 1 and words[0].isdigit() else words
