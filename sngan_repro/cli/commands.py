"""What each command does: plain values from the command line to one function."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import yaml

from sngan_repro.config.machine import MachineConfig, load_machine
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import DatasetSpec, EvaluatorSpec, RunSpec
from sngan_repro.core.files import file_sha256, read_json, write_json
from sngan_repro.core.schema import ConfigError, parse, require_known
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study, study_schema
from sngan_repro.study.study import Study
from sngan_repro.training.provenance import keep_code
from sngan_repro.workflow.packs import packs


def _study(given: Namespace) -> tuple[Study, Layout]:
    options = {"study": given.study, "results_dir": given.results_dir, "data_dir": given.data_dir}
    machine = load_machine({name: value for name, value in options.items() if value is not None})
    study = load_study(machine.study)
    return study, Layout.of(machine, study)


def _json(text: str, option: str, kind: type = dict) -> Any:
    """A JSON mapping (or list) given on the command line, or in a file whose name is given."""
    try:
        source = text if text.lstrip().startswith(("{", "[")) else Path(text).read_text(encoding="utf-8")
        value = json.loads(source)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{option}: neither JSON nor a JSON file: {error}") from None
    if not isinstance(value, kind):
        raise ConfigError(f"{option}: a JSON {'list' if kind is list else 'mapping'} is needed")
    return value


def _device(given: Namespace) -> Any:
    from sngan_repro.core import runtime

    return runtime.setup(given.device, given.threads)


def _protocols(given: Namespace) -> list[ProtocolSpec]:
    return [parse(ProtocolSpec, value, "--protocols") for value in _json(given.protocols, "--protocols", list)]


def _evaluators(given: Namespace) -> dict[str, Path]:
    return {name: Path(folder) for name, folder in _json(given.evaluators, "--evaluators", dict).items()}


def check(given: Namespace) -> None:
    from sngan_repro.workflow.cost import print_plan

    study, layout = _study(given)
    print_plan(study, layout, None if given.no_measure else given.device, given.threads)


def status(given: Namespace) -> None:
    from sngan_repro.cli.status_text import follow

    follow(*_study(given), given.watch, given.all, given.json)


def methods(given: Namespace) -> None:
    from sngan_repro.cli.listings import print_method, print_methods

    print_method(given.name) if given.name else print_methods()


def new_method(given: Namespace) -> None:
    from sngan_repro.extend.new_method import new_method

    print("\n".join(new_method(given.name, Path(given.dir), given.in_package)))


def check_method(given: Namespace) -> None:
    from sngan_repro.extend.check_method.command import run

    options, setting = _pairs(given.option, "--option"), _pairs(given.setting, "--setting")
    given.threads = given.threads or 1
    if not run(given.name, options, setting, given.sizes, _device(given), not given.no_measure):
        sys.exit(1)


def _pairs(given: list[str], option: str) -> dict[str, Any]:
    """KEY=VALUE, with values as YAML has them."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{option}: KEY=VALUE is needed, such as {option} {text}=1; found '{text}'")
        found[key] = yaml.safe_load(value)
    return found


def datasets(given: Namespace) -> None:
    del given
    from sngan_repro.cli.listings import print_datasets

    print_datasets(load_machine().data_dir)


def scores(given: Namespace) -> None:
    del given
    from sngan_repro.cli.listings import print_scores

    print_scores()


def fetch(given: Namespace) -> None:
    from sngan_repro.data.fetch import fetch

    fetch(given.source, Path(given.downloads), download=not given.no_download)


def fetch_weights(given: Namespace) -> None:
    from sngan_repro.evaluation.weights import fetch_weights, weights_file

    folder = Path(given.weights_dir)
    file = fetch_weights(weights_file(given.evaluator), folder, download=not given.no_download)
    # A record, not the weights, is the workflow's output: outputs are deleted before a job, staged files must not be.
    write_json(folder / f"{given.evaluator}.json", {"file": file.name, "sha256": file_sha256(file)})


def prepare(given: Namespace) -> None:
    from sngan_repro.data.prepare import prepare

    spec = parse(DatasetSpec, _json(given.spec, "--spec"), "--spec")
    prepare(spec, Path(given.downloads), Path(given.out))


def check_data(given: Namespace) -> None:
    from sngan_repro.evaluation.feasible import check_prepared

    if not check_prepared(given.dataset_name, Path(given.dataset), _protocols(given)):
        raise ConfigError(f"{given.dataset}: no prepared images; the rule `prepare` makes them")
    write_json(Path(given.out), {"dataset_sha256": read_json(Path(given.dataset) / "dataset.json")["sha256"]})


def evaluator(given: Namespace) -> None:
    from sngan_repro.evaluation.build import build_evaluator

    options = parse(EvaluatorSpec, _json(given.options, "--options"), "--options")
    weights = Path(given.weights) if given.weights else None
    if weights is not None and weights.suffix == ".json":
        weights = weights.parent / read_json(weights)["file"]
    build_evaluator(given.name, Path(given.dataset), options, Path(given.out), weights, _device(given))


def train(given: Namespace) -> None:
    spec, run, dataset = parse(RunSpec, _json(given.spec, "--spec"), "--spec"), RunPaths(Path(given.run)), given.dataset
    keep_code(spec, run)
    device = _device(given)
    from sngan_repro.training.companions import companions
    from sngan_repro.training.job import stop_on_signals, train
    from sngan_repro.training.session import TrainOptions

    options = TrainOptions(
        checkpoint_seconds=given.checkpoint_seconds,
        tensorboard=not given.no_tensorboard,
        cuda_graph=not given.no_cuda_graphs,
        state_only=given.state_only,
        keep_state=given.together > 1,
    )
    others = _companions(spec, run, given)
    with stop_on_signals() as stop, companions(others, Path(dataset), device, options, stop, given.threads):
        train(spec, run, Path(dataset), device, options, stop)


def _companions(spec: RunSpec, run: RunPaths, given: Namespace) -> list[tuple[RunSpec, RunPaths]]:
    """The other runs of the group that a run shares its GPU with."""
    if given.together == 1 or not given.study:
        return []
    found = packs(load_study(given.study).trained_runs(), given.together)
    runs_dir = Path(str(run.root).removesuffix(spec.id))
    return [(other, RunPaths(runs_dir / other.id)) for pack in found if spec in pack for other in pack if other != spec]


def run_program(given: Namespace) -> None:
    from sngan_repro.training.program.run import run_program

    spec = parse(RunSpec, _json(given.spec, "--spec"), "--spec")
    machine = parse(MachineConfig, {"device": given.device}, "--device")
    device = ("cuda" if machine.device == "auto" else machine.device) if machine.uses_gpu else "cpu"
    run_program(spec, RunPaths(Path(given.run)), Path(given.dataset), given.num_samples, given.threads or 1, device)


def check_samples(given: Namespace) -> None:
    from sngan_repro.training.program.contract import check_samples

    shape = (given.channels, given.size, given.size)
    problems = [problem for file in given.files for problem in check_samples(Path(file), shape, given.count)]
    if problems:
        raise ConfigError("\n".join(problems))
    print("all is well: " + ", ".join(given.files))


def score(given: Namespace) -> None:
    protocols, evaluators, device = _protocols(given), _evaluators(given), _device(given)
    from sngan_repro.evaluation.score import score_run

    weights = Path(given.inception_weights) if given.inception_weights else None
    score_run(RunPaths(Path(given.run)), protocols, Path(given.dataset), evaluators, device, weights)


def score_real(given: Namespace) -> None:
    from sngan_repro.evaluation.score import score_real

    protocols, evaluators = _protocols(given), _evaluators(given)
    # Without a change of pixels nothing passes through a network, so no device is asked for.
    device = _device(given) if any(protocol.changes_pixels for protocol in protocols) else "cpu"
    weights = Path(given.inception_weights) if given.inception_weights else None
    score_real(
        protocols,
        given.dataset_name,
        given.study_name,
        Path(given.dataset),
        evaluators,
        Path(given.out),
        device,
        weights,
    )


def score_images(given: Namespace) -> None:
    study, layout = _study(given)
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

    _device(given)  # the number of threads
    dataset, device = study.datasets[name], given.device
    found = score_images(given.images, dataset, protocols, study.classifier, layout.data_dir, device)
    if given.out:
        with atomic_path(Path(given.out)) as temporary:
            found.to_csv(temporary, index=False)
    else:
        print(found[["metric", "value", "num_fake", "num_real"]].to_string(index=False))


def sample(given: Namespace) -> None:
    from sngan_repro.core.files import write_npy

    if (suffix := Path(given.out).suffix) not in (".png", ".npy"):
        raise ConfigError(f"--out: '{suffix}' is not a known format; give a file that ends in .png or .npy")
    device = _device(given)
    from sngan_repro.nets.sampling import generate, save_grid
    from sngan_repro.nets.snapshot import load_generator

    generator, spec = load_generator(Path(given.snapshot), device)
    images = generate(generator, spec.nets, given.count, given.seed, device)
    if suffix == ".npy":
        write_npy(Path(given.out), images)
    else:
        save_grid(Path(given.out), images, columns=8)


def aggregate(given: Namespace) -> None:
    from sngan_repro.analysis.aggregate import aggregate

    aggregate(*_study(given))


def tables(given: Namespace) -> None:
    from sngan_repro.analysis.tables.tables import make_tables

    make_tables(*_study(given))


def figures(given: Namespace) -> None:
    study, layout = _study(given)
    from sngan_repro.analysis.figures import make_figures

    make_figures(study, layout)


def claims(given: Namespace) -> None:
    if given.tests:
        from sngan_repro.cli.listings import print_criteria

        return print_criteria()
    study, layout = _study(given)
    if study.claims is None:
        raise ConfigError(
            f"study {study.name} has no ledger of claims; set `claims`, for example `claims: southampton`"
        )
    from sngan_repro.analysis.claims.judge import make_claims

    make_claims(study, layout)


def report(given: Namespace) -> None:
    from sngan_repro.report.build import build_report

    build_report(*_study(given))


def published(given: Namespace) -> None:
    from sngan_repro.study.reference import load_reference

    reference, folder = load_reference(given.reference), Path(given.out)
    from sngan_repro.analysis.figures.published import draw_published
    from sngan_repro.analysis.tables.published import write_published

    for file in [*write_published(reference, folder), *draw_published(reference, folder)]:
        print(file)


def schema(given: Namespace) -> None:
    del given
    print(json.dumps(study_schema(), indent=2))
