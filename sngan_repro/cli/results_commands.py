"""The commands about the results of studies: which there are, their main table, and comparisons."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import FOLDERS, NAMED_STUDY, Option, command

FORM = (
    Option("--json", dest="form", action="store_const", const="json", default="text", help="as JSON"),
    Option("--csv", dest="form", action="store_const", const="csv", help="as CSV"),
)


@command("list the studies in config/studies with their runs, state and title", *FOLDERS)
def studies(given: Namespace) -> None:
    from sngan_repro.cli.results_text import print_studies

    print_studies(given.results_dir, given.data_dir)


@command(
    "print the main table of a study",
    *NAMED_STUDY,
    *FORM,
)
def results(given: Namespace) -> None:
    from sngan_repro.cli.results_text import print_results

    print_results(*values.study_of(given), given.form)


@command(
    "compare two studies, or two results folders of one study, cell by cell",
    Option(
        "first", metavar="A", completes="studies", help="a study, or a folder of results such as ../other/results/quick"
    ),
    Option("second", metavar="B", completes="studies", help="another one"),
    *FOLDERS,
    *FORM,
)
def compare(given: Namespace) -> None:
    from sngan_repro.cli.results_text import print_comparison

    print_comparison(_folder(given.first, given), _folder(given.second, given), given.form)


def _folder(name: str, given: Namespace) -> Path:
    """The folder of results of a study that is given by name, by file, or by that folder itself."""
    if (Path(name) / "tables").is_dir():
        return Path(name)
    study = Namespace(study=name, results_dir=given.results_dir, data_dir=given.data_dir)
    return values.study_of(study)[1].root
