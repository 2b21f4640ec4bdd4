"""The commands of the rules in workflow/rules, except those that train. Each imports what it needs when it runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import (
    DATASET,
    DEVICE,
    NO_DOWNLOAD,
    RUN,
    SCORING,
    SCORING_DIGEST,
    STUDY,
    TOGETHER,
    Option,
    rule_command,
)


@rule_command(
    "fetch a source's raw files, or check those staged by hand",
    Option("--source", required=True, help="a data source; `sngan-repro datasets` lists them"),
    Option("--downloads", required=True, help="folder of raw files; files staged there by hand are used"),
    NO_DOWNLOAD,
)
def fetch(given: Namespace) -> None:
    from sngan_repro.data.fetch import fetch

    fetch(given.source, Path(given.downloads), download=not given.no_download)


@rule_command(
    "fetch the weights of a published evaluator, or check those staged by hand",
    Option("--evaluator", default="inception", help="whose weights (default: %(default)s)"),
    Option("--weights-dir", required=True, help="folder the weights file goes into"),
    NO_DOWNLOAD,
)
def fetch_weights(given: Namespace) -> None:
    from sngan_repro.core.files import file_sha256
    from sngan_repro.core.sealed import write_sealed_json
    from sngan_repro.evaluation.weights import fetch_weights, weights_file

    folder = Path(given.weights_dir)
    file = fetch_weights(weights_file(given.evaluator), folder, download=not given.no_download)
    # The workflow's output is a record and not the weights: Snakemake deletes outputs before a job, and files that
    # were staged by hand must stay.
    write_sealed_json(folder / f"{given.evaluator}.json", {"file": file.name, "sha256": file_sha256(file)})


@rule_command(
    "prepare a dataset: one uint8 array at one size",
    Option("--spec", required=True, help="the dataset's specification, JSON"),
    Option("--downloads", required=True, help="folder of raw files"),
    Option("--out", required=True, help="folder of the prepared arrays"),
)
def prepare(given: Namespace) -> None:
    from sngan_repro.config.specs import DatasetSpec
    from sngan_repro.core.schema import parse
    from sngan_repro.data.prepare import prepare

    spec = parse(DatasetSpec, values.json_of(given.spec, "--spec"), "--spec")
    prepare(spec, Path(given.downloads), Path(given.out))


@rule_command(
    "check that a prepared dataset has the images that a study's protocols need",
    Option("--protocols", required=True, exported="PROTOCOLS", help="the study's `scores`, JSON"),
    DATASET,
    Option("--out", required=True, help="JSON file to write if it has them"),
)
def check_data(given: Namespace) -> None:
    from sngan_repro.core.files import write_json
    from sngan_repro.core.schema import ConfigError
    from sngan_repro.data.dataset import PreparedData
    from sngan_repro.evaluation.feasible import check_prepared

    if not check_prepared(Path(given.dataset).name, Path(given.dataset), values.protocols_of(given)):
        raise ConfigError(f"{given.dataset}: no prepared images; the rule `prepare` makes them")
    data = PreparedData.open(Path(given.dataset), verify=True)
    write_json(Path(given.out), {"dataset_sha256": data.sha256})


@rule_command(
    "prepare an evaluator and the features of the real images",
    *DEVICE,
    Option("--name", required=True, help="an evaluator; `sngan-repro scores` lists them"),
    DATASET,
    Option("--options", required=True, help="the study's `classifier` options, JSON (trained evaluators)"),
    Option("--weights", help="weights file, or the record that fetch-weights wrote (published evaluators)"),
    Option("--out", required=True, help="folder of the evaluator"),
)
def evaluator(given: Namespace) -> None:
    from sngan_repro.config.specs import EvaluatorSpec
    from sngan_repro.core.schema import parse
    from sngan_repro.evaluation.build import build_evaluator
    from sngan_repro.evaluation.weights import recorded_weights

    options = parse(EvaluatorSpec, values.json_of(given.options, "--options"), "--options")
    weights = Path(given.weights) if given.weights else None
    if weights is not None and weights.suffix == ".json":
        weights = recorded_weights(weights)
    build_evaluator(given.name, Path(given.dataset), options, Path(given.out), weights, values.device_of(given))


@rule_command("score all snapshots of one run", *DEVICE, *SCORING, RUN, SCORING_DIGEST, *TOGETHER)
def score(given: Namespace) -> None:
    protocols, evaluators, device = values.protocols_of(given), values.evaluators_of(given), values.device_of(given)
    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.evaluation.score import score_run

    weights = Path(given.inception_weights) if given.inception_weights else None
    run = RunPaths(Path(given.run), given.digest)
    names = [other.name for other in values.others_of(run.root.name, given)]
    others = [RunPaths(run.root.parent / name, given.digest) for name in names]
    score_run(run, protocols, Path(given.dataset), evaluators, device, weights, others)


@rule_command(
    "score real images under the same protocols",
    *DEVICE,
    *SCORING,
    Option("--study-name", required=True, help="the name of the study"),
    Option("--dataset-name", required=True, help="the dataset's name in the study"),
    Option("--num-draws", type=int, required=True, help="draws of real images"),
    Option("--out", required=True, help="JSON file to write"),
)
def score_real(given: Namespace) -> None:
    from sngan_repro.evaluation.score_real import score_real

    protocols, evaluators = values.protocols_of(given), values.evaluators_of(given)
    # Features of unchanged images are there already: no network runs, so no device is needed.
    device = values.device_of(given) if any(protocol.changes_pixels for protocol in protocols) else "cpu"
    weights = Path(given.inception_weights) if given.inception_weights else None
    dataset, out = Path(given.dataset), Path(given.out)
    names = given.dataset_name, given.study_name
    score_real(protocols, *names, dataset, evaluators, out, device, weights, given.num_draws)


@rule_command(
    "find the look-alikes of a run's samples, and interpolate between its latents",
    *DEVICE,
    RUN,
    Option("--gallery", required=True, help="the study's `gallery`, JSON"),
    Option("--protocol", required=True, help="the protocol whose evaluator gives the features, JSON"),
    *SCORING[1:],
    SCORING_DIGEST,
)
def gallery(given: Namespace) -> None:
    from sngan_repro.config.gallery import GallerySpec
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.core.schema import parse

    wanted = parse(GallerySpec, values.json_of(given.gallery, "--gallery"), "--gallery")
    protocol = parse(ProtocolSpec, values.json_of(given.protocol, "--protocol"), "--protocol")
    evaluators, device = values.evaluators_of(given), values.device_of(given)
    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.evaluation.gallery import make_gallery

    weights = Path(given.inception_weights) if given.inception_weights else None
    run = RunPaths(Path(given.run), gallery_options=given.digest)
    make_gallery(run, wanted, protocol, Path(given.dataset), evaluators, device, weights)


@rule_command("collect all runs and scores of a study into tidy tables", *STUDY)
def aggregate(given: Namespace) -> None:
    from sngan_repro.analysis.aggregate import aggregate
    from sngan_repro.workflow.links import link_runs

    study, layout = values.study_of(given)
    link_runs(study, layout)  # made before the first job already, unless another workflow imports this one
    aggregate(study, layout)


@rule_command("make the study's tables", *STUDY)
def tables(given: Namespace) -> None:
    from sngan_repro.analysis.tables.tables import make_tables

    make_tables(*values.study_of(given))


@rule_command("make the study's figures", *STUDY)
def figures(given: Namespace) -> None:
    study, layout = values.study_of(given)
    from sngan_repro.analysis.figures import make_figures

    make_figures(study, layout)


@rule_command(
    "judge the claims of the study's ledger",
    *STUDY,
    Option("--tests", action="store_true", help="list the tests that claims can be bound to, with their options"),
)
def claims(given: Namespace) -> None:
    if given.tests:
        from sngan_repro.cli.listings import print_criteria

        return print_criteria()
    study, layout = values.study_of(given)
    if study.claims is None:
        from sngan_repro.core.schema import ConfigError

        raise ConfigError(
            f"study {study.name} has no ledger of claims; set `claims`, for example `claims: southampton`"
        )
    from sngan_repro.analysis.claims.judge import make_claims

    make_claims(study, layout)


@rule_command("typeset the study's report", *STUDY)
def report(given: Namespace) -> None:
    from sngan_repro.report.build import build_report

    study, layout = values.study_of(given)
    build_report(study, layout, study_file=values.study_file_of(given))
