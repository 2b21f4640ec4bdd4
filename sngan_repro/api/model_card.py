"""The model card of an exported run: what it is, how it was trained, how it scored, how to use the files. Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sngan_repro.config.records import Scores, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.text import MISSING, amount

USES = {
    "generator.pt2": "G = torch.export.load('generator.pt2').module()   # images = G(z{labels})",
    "generator.onnx": "G = onnxruntime.InferenceSession('generator.onnx')   # images, = G.run(None, {{'z': z{onnx}}})",
    "discriminator.pt2": "D = torch.export.load('discriminator.pt2').module()   # logits = D(images{labels})",
}
"""File -> a line of Python that reads it."""


def model_card(paths: RunPaths, run: RunSpec, status: Mapping[str, Any], written: Mapping[str, float | None]) -> str:
    """The text of MODEL_CARD.md.

    run: the specification. status: the run's status.json. written: exported file -> largest difference between its
    outputs and those of the network; None if it was not compared.
    """
    spec = run.to_dict()
    again = "delete it and run the workflow again"
    scored = sorted(paths.root.glob("scores*.json"))  # studies that share the run may have scored it in other ways
    scores = [record for file in scored for record in read_record(Scores, file, again)["records"]]
    last = status["snapshots"][-1]
    nets, data, conditional = spec["nets"], spec["data"], spec["nets"]["conditional"]
    state = (
        "" if status["state"] == "ok" else f" It diverged at update {status['diverged_at']}; G is the last finite one."
    )
    parts = [
        f"# {spec['method']['name']} on {data['source']}",
        f"A generator of images of {data['image_size']} x {data['image_size']} pixels, trained by sngan-repro: seed "
        f"{spec['seed']}, {last['steps']:,} generator updates, {last['images_seen']:,} real images seen.{state}",
        "## Files",
        _table(
            ["File", "Largest difference to the network"], [[f"`{name}`", _small(d)] for name, d in written.items()]
        ),
        "G takes latents z, float32 (N, "
        + f"{nets['z_dim']}), drawn from the law `{nets['z_law']}`"
        + (", and class labels, int64 (N,)" if conditional else "")
        + ", and gives images (N, C, H, W), float32 in (-1, 1). D takes such images and gives logits (N,). Its weight "
        "normalisers, such as spectral normalisation, are folded into the weights. All networks are in evaluation "
        "mode; N may be any number.",
        "```python\nimport torch\n\n" + "\n".join(_uses(written, conditional)) + "\n```",
        "## Scores",
        _scores(scores, last["steps"]),
        "## Training",
        _table(["", ""], _facts(spec, status)),
        "The whole specification of the run:",
        "```json\n" + json.dumps(spec, indent=2, sort_keys=True) + "\n```",
        "## Limits",
        "Scores hold for their protocol only, and for this seed; the study compares seeds and methods. Samples may "
        "resemble training images: no test of that was made for this card.",
    ]
    return "\n\n".join(parts) + "\n"


def _uses(written: Iterable[str], conditional: bool) -> list[str]:
    words = {"labels": ", labels" if conditional else "", "onnx": ", 'labels': labels" if conditional else ""}
    return [USES[name].format(**words) for name in written]


def _scores(records: list[dict[str, Any]], steps: int) -> str:
    """A table of the scores of the exported snapshot, with their protocol."""
    rows = []
    for record in records:
        if record["steps"] != steps or record["selection"] is not None:
            continue
        protocol = record["protocol"]
        value = MISSING if record["value"] is None else amount(record["value"])
        real = f"{protocol['num_real_used']:,} of the {protocol['reference']} split"
        rows.append([f"`{record['metric']}`", value, protocol["evaluator"], f"{protocol['num_fake_used']:,}", real])
    if not rows:
        return "This snapshot has not been scored."
    return _table(["Score", "Value", "Features", "Generated images", "Real images"], rows)


def _facts(spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[list[str]]:
    optimizer, parameters = spec["optimizer"], status["num_parameters"]
    lr_d, lr_g = optimizer["lr_d"] or optimizer["lr"], optimizer["lr_g"] or optimizer["lr"]
    return [
        ["Method", f"`{spec['method']['name']}`"],
        ["Learning rates of D and G", f"{lr_d:g}, {lr_g:g}"],
        ["Steps of D per step of G", str(optimizer["n_dis"])],
        ["Parameters of G and D", f"{parameters['generator']:,}, {parameters['discriminator']:,}"],
        ["Device", str(status["device"].get("name") or status["device"].get("type"))],
        ["Seconds of training", f"{status['seconds']:.0f}"],
        ["Versions", ", ".join(f"{name} {version}" for name, version in status["versions"].items())],
        ["Code", str(status["git_revision"])],
        ["SHA-256 of the images", f"`{status['dataset_sha256']}`"],
    ]


def _small(difference: float | None) -> str:
    return "not compared" if difference is None else f"{difference:.0e}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)
