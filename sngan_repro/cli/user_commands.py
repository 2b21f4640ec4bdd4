"""The commands for users: lists, checks, status, samples and scores. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import DEVICE, STUDY, Option, command, positive, seconds, size


@command(
    "check a study and print its runs with an estimate of their cost",
    *STUDY,
    *DEVICE,
    Option("--no-measure", action="store_true", help="list runs and budgets only, without timing a few updates"),
)
def check(given: Namespace) -> None:
    from sngan_repro.cli.plan_text import print_plan
    from sngan_repro.report.skeleton import check_texts

    study, layout = values.study_of(given)
    check_texts(study)
    print_plan(study, layout, None if given.no_measure else given.device, given.threads)


@command(
    "print the state of every run of a study, from files alone",
    *STUDY,
    Option("--all", action="store_true", help="one line for every run, however many there are"),
    Option(
        "--watch",
        nargs="?",
        type=seconds,
        const=10.0,
        metavar="SECONDS",
        help="print it again and again (default: 10)",
    ),
    Option("--json", action="store_true", help="for programs; with --watch one line each time"),
    Option("--fail", action="store_true", help="exit with code 1 unless every run is scored"),
)
def status(given: Namespace) -> None:
    from sngan_repro.cli.status_text import follow

    complete = follow(*values.study_of(given), given.watch, given.all, given.json)
    if given.fail and not complete:
        sys.exit(1)


@command(
    "list the methods and their options, or show one in full",
    Option("name", nargs="?", metavar="NAME", completes="methods", help="show this one in full"),
)
def methods(given: Namespace) -> None:
    from sngan_repro.cli.listings import print_method, print_methods

    print_method(given.name) if given.name else print_methods()


@command(
    "write a complete method to start from, and its test",
    Option("name", metavar="NAME", help="lower-case letters, digits and _: the name in study files"),
    Option("--dir", default="methods", completes="folders", help="folder to write to (default: methods)"),
    Option("--in-package", action="store_true", help="write into this package and its tests instead"),
)
def new_method(given: Namespace) -> None:
    from sngan_repro.extend.new_method import new_method

    print("\n".join(new_method(given.name, Path(given.dir), given.in_package)))


@command(
    "check that the training loop can rely on a method",
    *DEVICE,
    Option(
        "name",
        metavar="NAME",
        completes="methods",
        help="a method, or the path of a Python file: then all methods in it",
    ),
    Option("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the method; repeatable"),
    Option("--setting", action="append", default=[], metavar="KEY=VALUE", help="a key of the setting, e.g. n_dis=5"),
    Option("--sizes", nargs="+", type=size, metavar="PxC", help="image sizes (default: 16x1 28x1 32x3 48x3)"),
    Option("--no-measure", action="store_true", help="leave out the time of an update, compared with SNGAN's"),
)
def check_method(given: Namespace) -> None:
    from sngan_repro.extend.check_method.command import run

    options, setting = values.pairs_of(given.option, "--option"), values.pairs_of(given.setting, "--setting")
    given.threads = given.threads or 1
    if not run(given.name, options, setting, given.sizes, values.device_of(given), not given.no_measure):
        sys.exit(1)


@command("list the data sources")
def datasets(given: Namespace) -> None:
    from sngan_repro.cli.listings import print_datasets
    from sngan_repro.config.machine import load_machine

    print_datasets(load_machine().data_dir)


@command("list the scores and the evaluators")
def scores(given: Namespace) -> None:
    from sngan_repro.cli.listings import print_scores

    print_scores()


@command(
    "check arrays of samples as they are checked when a program ends",
    Option(
        "files",
        nargs="+",
        metavar="FILE",
        completes="files",
        help=".npy files of samples, uint8 (N, height, width, channels)",
    ),
    Option("--size", type=positive, required=True, help="height and width in pixels: the study's `image_size`"),
    Option("--channels", type=int, choices=(1, 3), required=True, help="1 grey, 3 RGB"),
    Option("--count", type=positive, default=1, help="images needed: the largest `num_fake` of the study (default: 1)"),
)
def check_samples(given: Namespace) -> None:
    from sngan_repro.core.schema import ConfigError
    from sngan_repro.training.program.contract import check_samples

    shape = (given.channels, given.size, given.size)
    problems = [problem for file in given.files for problem in check_samples(Path(file), shape, given.count)]
    if problems:
        raise ConfigError("\n".join(problems))
    print("no problem found: " + ", ".join(given.files))


@command(
    "score any images as a study scores its own",
    *STUDY,
    *DEVICE,
    Option(
        "--images",
        required=True,
        completes="files",
        help="a folder of image files, or a .npy file of an array uint8 (N, H, W, C)",
    ),
    Option("--dataset", help="a dataset of the study (default: its only one)"),
    Option("--evaluator", help="score by this evaluator of the study only"),
    Option("--num-fake", type=positive, help="images to score (default: as in each protocol of the study)"),
    Option("--out", completes="files", help="a .csv file to write (default: print)"),
)
def score_images(given: Namespace) -> None:
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.core.schema import ConfigError, parse, require_known

    study, layout = values.study_of(given)
    name = given.dataset or next(iter(study.datasets))
    require_known("dataset", name, list(study.datasets))
    if given.dataset is None and len(study.datasets) > 1:
        raise ConfigError(f"--dataset: study {study.name} has several; name one of: {', '.join(study.datasets)}")
    if given.evaluator:
        require_known("evaluator", given.evaluator, study.evaluators)
    if given.out and not given.out.endswith(".csv"):
        raise ConfigError(f"--out: '{given.out}' is not a .csv file")
    changed = {"num_fake": given.num_fake} if given.num_fake else {}
    protocols = [
        parse(ProtocolSpec, {**protocol.to_dict(), **changed}, "--num-fake")
        for protocol in study.scores
        if given.evaluator in (None, protocol.evaluator) and protocol.batch_norm == "running"
    ]
    from sngan_repro.api.scoring import score_images
    from sngan_repro.core.files import atomic_path

    values.device_of(given)  # sets the number of threads
    dataset, device = study.datasets[name], given.device
    found = score_images(given.images, dataset, protocols, study.classifier, layout.data_dir, device)
    if given.out:
        with atomic_path(Path(given.out)) as temporary:
            found.to_csv(temporary, index=False)
    else:
        print(found[["metric", "value", "num_fake", "num_real"]].to_string(index=False))


@command(
    "write the tables and figures of published values; needs no study",
    Option("--reference", required=True, help="published values: a name such as southampton, or the path of a file"),
    Option("--out", required=True, completes="folders", help="folder of the table and the figures"),
)
def published(given: Namespace) -> None:
    from sngan_repro.study.reference import load_reference

    reference, folder = load_reference(given.reference), Path(given.out)
    from sngan_repro.analysis.figures.published import draw_published
    from sngan_repro.analysis.tables.published import write_published

    for file in [*write_published(reference, folder), *draw_published(reference, folder)]:
        print(file)


@command("print the JSON Schema of study files")
def schema(given: Namespace) -> None:
    from sngan_repro.study.schema import study_schema

    print(json.dumps(study_schema(), indent=2))
