"""The command line. Every step of the workflow is one command; heavy imports happen inside the command that runs.

The commands themselves are in :mod:`sngan_repro.cli.commands`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from sngan_repro import __version__

Add = Callable[..., object]


def _study_options(add: Add) -> None:
    add("--study", help="a name in config/studies or the path of a study file; default: config/config.yaml's")
    add("--results-dir", help="replaces `results_dir` of config/config.yaml")
    add("--data-dir", help="replaces `data_dir` of config/config.yaml")


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    if not 1 <= float(text) < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 1 on")
    return float(text)


def _seed(text: str) -> int:
    if not 0 <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2^32 - 1")
    return int(text)


def _environment(name: str, default: str) -> str:
    """The workflow hands on what config/config.yaml says of this machine as SNGAN_REPRO_<name>."""
    return os.environ.get(f"SNGAN_REPRO_{name}", default)


def _download_option(add: Add) -> None:
    offline = _environment("DOWNLOAD", "1") == "0"
    add("--no-download", action="store_true", default=offline, help="never use the network")


def _device_options(add: Add) -> None:
    device = _environment("DEVICE", "auto")
    add("--device", default=device, help=f"auto | cpu | cuda | cuda:N (default: {device})")
    add("--threads", type=_positive, help="CPU threads (default: torch's own choice)")


def _check(add: Add) -> None:
    _study_options(add)
    _device_options(add)
    add("--no-measure", action="store_true", help="list runs and budgets only, without timing a few updates")


def _status(add: Add) -> None:
    _study_options(add)
    add("--all", action="store_true", help="one line for every run, however many there are")
    add(
        "--watch",
        nargs="?",
        type=_seconds,
        const=10.0,
        metavar="SECONDS",
        help="print it again and again (default: 10)",
    )
    add("--json", action="store_true", help="for programs; with --watch one line each time")


def _fetch(add: Add) -> None:
    add("--source", required=True, help="a data source; `sngan-repro datasets` lists them")
    add("--downloads", required=True, help="folder of raw files; files staged there by hand are used")
    _download_option(add)


def _fetch_weights(add: Add) -> None:
    add("--evaluator", default="inception", help="whose weights (default: inception)")
    add("--weights-dir", required=True, help="folder the weights file goes into")
    _download_option(add)


def _prepare(add: Add) -> None:
    add("--spec", required=True, help="the dataset's specification, JSON")
    add("--downloads", required=True, help="folder of raw files")
    add("--out", required=True, help="folder of the prepared arrays")


def _check_data(add: Add) -> None:
    protocols = _environment("PROTOCOLS", "")
    add("--protocols", default=protocols, required=not protocols, help="the study's `scores`, JSON")
    add("--dataset", required=True, help="folder of the prepared images")
    add("--dataset-name", required=True, help="its name in the study")
    add("--out", required=True, help="JSON file to write when all is well")


def _evaluator(add: Add) -> None:
    _device_options(add)
    add("--name", required=True, help="an evaluator; `sngan-repro scores` lists them")
    add("--dataset", required=True, help="folder of the prepared images")
    add("--options", required=True, help="the study's `classifier` options, JSON (trained evaluators)")
    add("--weights", help="weights file, or the record that fetch-weights wrote (published evaluators)")
    add("--out", required=True, help="folder of the evaluator")


def _train(add: Add) -> None:
    _device_options(add)
    add("--spec", required=True, help="the run's specification: JSON, or a file such as a run's spec.json")
    add("--run", required=True, help="folder of the run")
    add("--dataset", required=True, help="folder of the prepared images")
    seconds = _environment("CHECKPOINT_SECONDS", "60")
    add("--checkpoint-seconds", type=float, default=seconds, help=f"between saved states (default: {seconds})")
    board = _environment("TENSORBOARD", "1") == "0"
    add("--no-tensorboard", action="store_true", default=board, help="write no TensorBoard events")
    together = _environment("RUNS_PER_GPU", "1")
    add("--together", type=_positive, default=together, help=f"runs of --study to train at once (default: {together})")
    add("--study", default=_environment("STUDY", ""), help="the study that the others of --together are taken from")
    graphs = _environment("CUDA_GRAPHS", "1") == "0"
    add("--no-cuda-graphs", action="store_true", default=graphs, help="on a GPU, launch the kernels one by one")
    add("--state-only", action="store_true", help="train to the end, and leave the results to a second call")


def _run_program(add: Add) -> None:
    add("--spec", required=True, help="the run's specification: JSON, or a file such as a run's spec.json")
    add("--run", required=True, help="folder of the run")
    add("--dataset", required=True, help="folder of the prepared images")
    add("--num-samples", type=_positive, required=True, help="images that the study's protocols need")
    _device_options(add)


def _check_samples(add: Add) -> None:
    add("files", nargs="+", metavar="FILE", help=".npy files of samples, uint8 (N, height, width, channels)")
    add("--size", type=_positive, required=True, help="height and width in pixels: the study's `image_size`")
    add("--channels", type=int, choices=(1, 3), required=True, help="1 grey, 3 RGB")
    add("--count", type=_positive, default=1, help="images needed: the largest `num_fake` of the study (default: 1)")


def _scoring(add: Add) -> None:
    add("--protocols", required=True, help="the study's `scores`, JSON")
    add("--dataset", required=True, help="folder of the prepared images")
    add("--evaluators", required=True, help="evaluator name -> folder, JSON")
    weights = _environment("INCEPTION_WEIGHTS", "")
    add("--inception-weights", default=weights or None, help="where the weights are now, if they were moved")


def _score(add: Add) -> None:
    _device_options(add)
    _scoring(add)
    add("--run", required=True, help="folder of a complete run")


def _score_real(add: Add) -> None:
    _device_options(add)
    _scoring(add)
    add("--study-name", required=True)
    add("--dataset-name", required=True)
    add("--out", required=True, help="JSON file to write")


def _sample(add: Add) -> None:
    _device_options(add)
    add("--snapshot", required=True, help="a .safetensors file of a run's snapshots/")
    add("--count", type=_positive, default=64, help="images (default: 64)")
    add("--seed", type=_seed, default=0, help="seed of the latents (default: 0)")
    add("--out", required=True, help=".png for a grid, .npy for an array uint8 (N, H, W, C)")


def _score_images(add: Add) -> None:
    _study_options(add)
    _device_options(add)
    add("--images", required=True, help="a folder of image files, or a .npy file of an array uint8 (N, H, W, C)")
    add("--dataset", help="a dataset of the study (default: its only one)")
    add("--evaluator", help="score by this evaluator of the study only")
    add("--num-fake", type=_positive, help="images to score (default: what each protocol of the study says)")
    add("--out", help="a .csv file to write (default: print)")


def _claims(add: Add) -> None:
    _study_options(add)
    add("--tests", action="store_true", help="list the tests that claims can be bound to, with their options")


def _published(add: Add) -> None:
    add("--reference", required=True, help="published values: a name such as southampton, or the path of a file")
    add("--out", required=True, help="folder of the table and the figures")


def _methods(add: Add) -> None:
    add("name", nargs="?", metavar="NAME", help="show this one in full")


def _new_method(add: Add) -> None:
    add("name", metavar="NAME", help="lower-case letters, digits and _: the name in study files")
    add("--dir", default="methods", help="folder to write to (default: methods)")
    add("--in-package", action="store_true", help="write into this package and its tests instead")


def _size(text: str) -> tuple[int, int]:
    pixels, _, channels = text.partition("x")
    if not (pixels.isdigit() and channels in ("1", "3") and 16 <= int(pixels) <= 128 and int(pixels) % 4 == 0):
        raise argparse.ArgumentTypeError(f"{text} is not PIXELSxCHANNELS such as 32x3 (16 to 128 pixels, by 4; 1 or 3)")
    return int(pixels), int(channels)


def _check_method(add: Add) -> None:
    _device_options(add)
    add("name", metavar="NAME", help="a method, or the path of a Python file: then all methods in it")
    add("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the method; may be repeated")
    add("--setting", action="append", default=[], metavar="KEY=VALUE", help="a key of the setting, such as n_dis=5")
    add("--sizes", nargs="+", type=_size, metavar="PxC", help="image sizes and channels (default: 16x1 28x1 32x3 48x3)")
    add("--no-measure", action="store_true", help="leave out the time of an update beside SNGAN's")


def _nothing(add: Add) -> None:
    del add


COMMANDS: dict[str, tuple[str, Callable[[Add], None]]] = {
    "check": ("check a study and print its runs with an estimate of their cost", _check),
    "status": ("tell how far the runs of a study are, from files alone", _status),
    "methods": ("list the methods and their options, or show one in full", _methods),
    "new-method": ("write a complete method to begin from, and its test", _new_method),
    "check-method": ("try out whether the training loop can rely on a method", _check_method),
    "datasets": ("list the data sources", _nothing),
    "scores": ("list the scores and the evaluators", _nothing),
    "fetch": ("fetch a source's raw files, or check those staged by hand", _fetch),
    "fetch-weights": ("fetch the weights of a published evaluator, or check those staged by hand", _fetch_weights),
    "prepare": ("prepare a dataset: one uint8 array at one size", _prepare),
    "evaluator": ("prepare an evaluator and the features of the real images", _evaluator),
    "check-data": ("check that a prepared dataset can give what a study's protocols ask for", _check_data),
    "train": ("train one run, resuming what a killed job left", _train),
    "run-program": ("run the program of one run, and check what it left", _run_program),
    "check-samples": ("check arrays of samples as they are checked when a program ends", _check_samples),
    "score": ("score all snapshots of one run", _score),
    "score-real": ("score real images under the same protocols", _score_real),
    "score-images": ("score images of any origin as a study scores its own", _score_images),
    "sample": ("sample a snapshot into a grid or an array", _sample),
    "aggregate": ("collect all runs and scores of a study into tidy tables", _study_options),
    "tables": ("make the study's tables", _study_options),
    "figures": ("make the study's figures", _study_options),
    "claims": ("judge the claims of the study's ledger", _claims),
    "report": ("typeset the study's report", _study_options),
    "published": ("write the tables and figures of published values; needs no study", _published),
    "schema": ("print the JSON Schema of study files", _nothing),
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="sngan-repro", description="A reproducibility-study pipeline for GANs.")
    parser.add_argument("--version", action="version", version=f"sngan-repro {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, options) in COMMANDS.items():
        options(commands.add_parser(name, help=summary, description=summary).add_argument)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. A user's mistake ends with one message and exit code 2, without a traceback."""
    given = build_parser().parse_args(arguments)
    from sngan_repro.core.schema import ConfigError

    commands = importlib.import_module("sngan_repro.cli.commands")
    try:
        getattr(commands, given.command.replace("-", "_"))(given)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a listing went away
        sys.stderr.close()
    except OSError as error:
        if error.filename is None:  # not about a file the user named
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
