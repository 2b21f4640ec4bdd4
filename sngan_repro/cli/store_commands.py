"""The commands about the runs that studies share: `clean` removes what no study uses, `migrate` moves older results."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import FOLDERS, STUDY, Option, command


@command(
    "list the runs and the prepared data that no study uses, and remove them with --yes",
    Option("--yes", action="store_true", help="remove them; without it nothing is removed"),
    *STUDY,
)
def clean(given: Namespace) -> None:
    from sngan_repro.workflow.unused import remove, unused

    found, unread = unused(values.machine_of(given))
    if unread:
        names = ", ".join(Path(file).stem for file in unread)
        print(f"studies that cannot be read here, so only what their results link to is kept: {names}", file=sys.stderr)
    total = 0
    for item in found:
        if given.yes and not remove(item):
            print(f"in use   {item.paths[0]}")
            continue
        size = item.size if not given.yes else 0
        total += size
        for path in item.paths:
            print(f"{'removed' if given.yes else 'unused'}  {path}")
    if not found:
        print("every run and all prepared data are used by a study")
    elif not given.yes:
        print(f"{total / 1e6:.1f} MB in all. Nothing was removed; `sngan-repro clean --yes` removes them")


@command("move the runs of results of an earlier version, so that studies share them; nothing is trained", *FOLDERS)
def migrate(given: Namespace) -> None:
    from sngan_repro.core.schema import ConfigError
    from sngan_repro.study.layout import Layout
    from sngan_repro.study.load import STUDIES_DIR, load_study
    from sngan_repro.workflow.links import earlier_runs
    from sngan_repro.workflow.migrate import migrate

    machine, number = values.machine_of(given), 0
    for folder in sorted(Layout.of(machine, "").results_dir.glob("*/")):
        study, file = None, STUDIES_DIR / f"{folder.name}.yaml"
        if file.exists() and earlier_runs(Layout.of(machine, folder.name)):
            try:
                study = load_study(str(file))
            except ConfigError as error:
                print(f"{folder}: its scores are made again, since its study cannot be read:\n{error}")
        for moved in migrate(Layout.of(machine, study or folder.name), study):
            number += 1
            print(f"{folder.name}: {moved.run} -> {moved.place}" + (f" ({moved.remark})" if moved.remark else ""))
    print(f"{number} runs moved" if number else "no runs of an earlier version")
