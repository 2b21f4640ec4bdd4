"""The commands of the rules ``train`` and ``program``. Each imports what it needs when it runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import DATASET, DEVICE, RUN, RUN_SPEC, STUDY, TOGETHER, Option, rule_command


@rule_command(
    "train one run; a killed job is resumed from its saved state",
    *DEVICE,
    RUN_SPEC,
    RUN,
    DATASET,
    Option(
        "--checkpoint-seconds",
        type=float,
        default="60",
        exported="CHECKPOINT_SECONDS",
        help="between saved states (default: %(default)s)",
    ),
    Option("--no-tensorboard", action="store_true", exported="TENSORBOARD", help="write no TensorBoard events"),
    *TOGETHER,
    Option(
        "--no-cuda-graphs", action="store_true", exported="CUDA_GRAPHS", help="on a GPU, launch the kernels one by one"
    ),
    Option(
        "--compile",
        choices=("auto", "always", "never"),
        default="auto",
        exported="COMPILE",
        help="compile G and D with torch.compile (auto: on a GPU, for long runs, if there is a C compiler)",
    ),
    Option(
        "--stream-images",
        choices=("auto", "always", "never"),
        default="auto",
        exported="STREAM_IMAGES",
        help="read images batch by batch from the prepared file (auto: if they are large)",
    ),
    Option("--state-only", action="store_true", help="train to the end, and leave the results to a second call"),
)
def train(given: Namespace) -> None:
    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.training.provenance import keep_code

    spec, run, dataset = values.run_spec_of(given), RunPaths(Path(given.run)), Path(given.dataset)
    keep_code(spec, run)
    device = values.device_of(given)
    from sngan_repro.training.companions import companions
    from sngan_repro.training.job import stop_on_signals, train
    from sngan_repro.training.options import TrainOptions

    options = TrainOptions(
        checkpoint_seconds=given.checkpoint_seconds,
        tensorboard=not given.no_tensorboard,
        cuda_graph=not given.no_cuda_graphs,
        compile=given.compile,
        stream_images={"auto": None, "always": True, "never": False}[given.stream_images],
        state_only=given.state_only,
        keep_state=given.together > 1,
        wait=given.log is not None,
    )
    others = [(other, RunPaths(run.root.parent / other.name)) for other in values.others_of(spec.name, given)]
    with stop_on_signals() as stop, companions(others, dataset, device, options, stop, given.threads):
        train(spec, run, dataset, device, options, stop)


@rule_command(
    "run the program of one run, and check its output",
    RUN_SPEC,
    RUN,
    DATASET,
    *DEVICE,
)
def run_program(given: Namespace) -> None:
    from sngan_repro.config.machine import MachineConfig
    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.core.schema import parse
    from sngan_repro.training.program.run import run_program

    spec = values.run_spec_of(given)
    machine = parse(MachineConfig, {"device": given.device}, "--device")
    device = ("cuda" if machine.device == "auto" else machine.device) if machine.uses_gpu else "cpu"
    run_program(
        spec,
        RunPaths(Path(given.run)),
        Path(given.dataset),
        given.threads or 1,
        device,
        given.log is not None,
    )


@rule_command("list the layers of all networks of a study", *STUDY)
def describe_networks(given: Namespace) -> None:
    study, layout = values.study_of(given)
    from sngan_repro.training.networks import describe_networks

    datasets = {name: layout.dataset(spec) for name, spec in study.datasets.items()}
    evaluators = {
        (dataset, name): layout.evaluator(spec, name, study.classifier)
        for dataset, spec in study.datasets.items()
        for name in study.evaluators
    }
    describe_networks(study.trained_runs(), datasets, evaluators, layout.networks)


@rule_command(
    "measure the time of an update, as the study's `benchmark` says",
    *DEVICE,
    *STUDY,
    Option("--out", required=True, help="JSON file to write"),
)
def measure_times(given: Namespace) -> None:
    from sngan_repro.core.schema import ConfigError
    from sngan_repro.study.benchmark import benchmark_runs

    study, _ = values.study_of(given)
    if study.benchmark is None:
        raise ConfigError(f"study {study.name} measures no times; set `benchmark`, for example `benchmark: {{}}`")
    device = values.device_of(given)
    from sngan_repro.training.times import measure_times

    benchmark = study.benchmark
    measure_times(benchmark_runs(study), device, benchmark.min_seconds, benchmark.repeats, Path(given.out))
