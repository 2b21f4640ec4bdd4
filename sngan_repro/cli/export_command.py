"""The command that writes a finished run as files for other programs."""

from __future__ import annotations

from argparse import Namespace

from sngan_repro.cli.options import Option, command


@command(
    "write the networks of a finished run as files for other programs, and a model card",
    Option(
        "run",
        metavar="RUN",
        completes="folders",
        help="folder of the run: results/STUDY/runs/DATASET/LABEL/SETTING/seedN",
    ),
    Option("--out", required=True, completes="folders", help="folder to write to"),
    Option("--onnx", action="store_true", default=None, help="require ONNX (default: if its packages are installed)"),
    Option("--no-onnx", dest="onnx", action="store_false", default=None, help="without ONNX"),
)
def export(given: Namespace) -> None:
    from sngan_repro.api.export import export_run

    for file in export_run(given.run, given.out, given.onnx):
        print(file)
