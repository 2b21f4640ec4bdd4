"""How long a snapshot takes to score, part by part: latents, images, features, IS, FID, KID, precision and recall.

Random networks and random features: the time does not depend on what they learned, so nothing is downloaded. Where
torch-fidelity can be imported, its functions stand beside ours, on the same features and with the difference of values.
`first` is the first snapshot of a process; the `next` ones find what depends on the real images alone. Times are CPU
seconds on a CPU, which a busy machine moves less, and wall seconds on a GPU.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import machine, median, parser, print_table, save, setup
from sngan_repro.evaluation.protocol import metric_names

COLUMNS = ["part", "plain, s", "first, s", "next, s", "times faster", "relative difference"]
ROUNDS = 3


@dataclass
class Size:
    num_fake: int
    num_real: int
    image_size: int
    width: int
    dimensions: tuple[int, ...]
    kid_subsets: int = 100
    kid_subset_size: int = 1000


FULL = Size(6000, 50_000, 32, 32, (64, 2048))
QUICK = Size(1000, 1500, 16, 8, (64,), kid_subsets=5, kid_subset_size=200)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--width", type=int, help="width of the generator (default 32; 8 with --quick)")
    made.add_argument("--num-real", type=int, help="real images (default 50000; 1500 with --quick)")
    made.add_argument("--dimensions", type=int, nargs="+", help="of the features (default 64 2048; 64 with --quick)")
    made.add_argument("--no-plain", action="store_true", help="without torch-fidelity's functions, which take minutes")
    options = made.parse_args()
    device = setup(options)
    size = QUICK if options.quick else FULL
    size.width, size.num_real = options.width or size.width, options.num_real or size.num_real
    size.dimensions = tuple(options.dimensions or size.dimensions)
    rounds = 1 if options.quick else ROUNDS
    rows = Rows()
    generated = parts_of_generation(rows, size, device, rounds)
    for dimension in size.dimensions:
        parts_of_scores(rows, size, dimension, device, 1 if dimension > 100 else rounds, not options.no_plain)
    title = f"{size.num_fake:,} samples ({size.image_size} px, width {size.width}), {size.num_real:,} real images"
    print_table(title, COLUMNS, rows)
    whole = whole_snapshots(size, device)
    print_table("score_run: a run of three snapshots", ["what", "s"], whole)
    payload = {"machine": machine(device), "size": vars(size), "columns": COLUMNS, "rows": rows, "whole": whole}
    save("score", payload | {"images": generated}, options.out)


class Rows(list[list[Any]]):
    """Rows of a table, each printed when it is made: a measurement that is stopped has shown the parts before."""

    def append(self, row: list[Any]) -> None:
        super().append(row)
        print(row, flush=True)


class Stopwatch:
    """CPU seconds of calls on a CPU; on a GPU wall seconds, waiting for it."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.clock = time.perf_counter if device.type == "cuda" else time.process_time

    def __call__(self, work: Callable[[], Any]) -> tuple[float, Any]:
        self.wait()
        started = self.clock()
        result = work()
        self.wait()
        return self.clock() - started, result

    def median(self, work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
        found = [self(work) for _ in range(rounds)]
        return median([seconds for seconds, _ in found]), found[-1][1]

    def wait(self) -> None:
        if self.device.type == "cuda":
            import torch

            torch.cuda.synchronize(self.device)


def parts_of_generation(rows: Rows, size: Size, device: Any, rounds: int) -> list[int]:
    """Latents, images and features of one snapshot. `plain` brings the images to the CPU and back."""
    import numpy as np
    import torch

    from sngan_repro.config.specs import NetsSpec
    from sngan_repro.evaluation.classifier import Classifier
    from sngan_repro.evaluation.features import extract
    from sngan_repro.nets import ImageSpec, build_generator
    from sngan_repro.nets.latents import kept_latents, latents
    from sngan_repro.nets.sampling import generate, generate_on_device

    watch, nets = Stopwatch(device), NetsSpec(width=size.width)
    torch.manual_seed(0)
    shape = (3, size.image_size, size.image_size)
    G = build_generator(nets, ImageSpec(3, size.image_size)).to(device).to(memory_format=torch.channels_last).eval()
    net = Classifier(shape, 10).to(device).eval().requires_grad_(False)
    firsts = range(0, size.num_fake, 128)
    plain, _ = watch.median(lambda: [latents(128, nets.z_dim, nets.z_law, 1, first) for first in firsts], rounds)

    def draw_kept() -> list[Any]:
        return [kept_latents(128, nets.z_dim, nets.z_law, 1, first) for first in firsts]

    first, _ = watch(draw_kept)
    later, _ = watch.median(draw_kept, rounds)
    rows.append(["latents", plain, first, later, plain / later, 0.0])

    generate_on_device(G, nets, 256, 1, device)  # warm
    plain, array = watch.median(lambda: generate(G, nets, size.num_fake, 1, device), rounds)
    later, images = watch.median(lambda: generate_on_device(G, nets, size.num_fake, 1, device), rounds)
    assert np.array_equal(array, images.cpu().numpy())
    rows.append(["images", plain, None, later, plain / later, 0.0])

    extract(net, images[:256], 256, device)
    plain, a = watch.median(lambda: extract(net, array, 256, device), rounds)
    later, b = watch.median(lambda: extract(net, images, 256, device), rounds)
    difference = float(np.abs(a["features"] - b["features"]).max() / np.abs(a["features"]).max())
    rows.append(["features (classifier)", plain, None, later, plain / later, difference])
    return list(images.shape)


def parts_of_scores(rows: Rows, size: Size, dimension: int, device: Any, rounds: int, plain: bool) -> None:
    """The scores of random features, ours against torch-fidelity's functions if ``plain``."""
    from sngan_repro.evaluation.features import KeptFeatures
    from sngan_repro.evaluation.scores.frechet_distance import frechet_distance, gaussian
    from sngan_repro.evaluation.scores.inception_score import inception_score
    from sngan_repro.evaluation.scores.kernel_distance import kernel_distance
    from sngan_repro.evaluation.scores.precision_recall import precision_recall, squared_radii

    watch = Stopwatch(device)
    num_real = size.num_real
    if dimension > 100 and device.type == "cpu":
        num_real = min(num_real, 10_000)  # minutes otherwise
    fake, real = random_features(size.num_fake, dimension, 0.95, 1), random_features(num_real, dimension, 1.0, 2)
    functions = torch_fidelity_functions(fake, real, size) if plain else {}
    theirs = {key: watch(function) for key, function in functions.items()}

    def row(name: str, key: str, ours: Callable[[], float]) -> None:
        plain, expected = theirs.get(key, (None, None))
        first, value = watch(ours)
        later, value = watch.median(ours, rounds)
        faster = plain / later if plain is not None else None
        difference = abs(value - expected) / abs(expected) if expected is not None else None
        against = f", {num_real:,} real" if num_real != size.num_real else ""
        rows.append([f"{name}, {dimension}-d{against}", plain, first, later, faster, difference])

    row("IS", "is", lambda: inception_score(fake["logits"], 10, 2020)[0])
    fitted = gaussian(real["features"])
    row("FID on the CPU", "fid", lambda: frechet_distance(gaussian(fake["features"]), fitted))
    if device.type == "cuda":
        there = gaussian(real["features"], device)
        row("FID on the GPU", "fid", lambda: frechet_distance(gaussian(fake["features"], device), there))
    kept = KeptFeatures(real, device)
    row("KID", "kid", lambda: kernel_distance(fake, kept, size.kid_subsets, size.kid_subset_size, 2020)[0])
    row("precision and recall", "prc", lambda: precision_recall(fake, kept)["precision"])
    seconds, radii = watch(lambda: squared_radii(real["features"], device))
    rows.append([f"radii of real images, once per study, {dimension}-d", None, seconds, None, None, None])
    kept = KeptFeatures(real, device, radii)
    row("precision and recall, radii known", "prc", lambda: precision_recall(fake, kept)["precision"])


def random_features(count: int, dimension: int, scale: float, seed: int) -> dict[str, Any]:
    """Like those of a network: rectified, and near a surface of few dimensions."""
    import numpy as np

    axes = np.random.default_rng(0).standard_normal((16, dimension), dtype=np.float32)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 16), dtype=np.float32) @ axes * scale
    x += 0.3 * rng.standard_normal(x.shape, dtype=np.float32)
    return {"features": np.maximum(x, 0), "logits": rng.standard_normal((count, 10), dtype=np.float32) * 3}


def torch_fidelity_functions(fake: dict[str, Any], real: dict[str, Any], size: Size) -> dict[str, Callable[[], float]]:
    """What torch-fidelity computes from features; nothing where it cannot be imported. Its FID includes both fits."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
            from torch_fidelity.metric_isc import isc_features_to_metric
            from torch_fidelity.metric_kid import kid_features_to_metric
            from torch_fidelity.metric_prc import prc_features_to_metric
    except ImportError:
        return {}
    import torch

    x, y = torch.from_numpy(fake["features"]), torch.from_numpy(real["features"])
    reference = fid_features_to_statistics(y)
    subsets = {"kid_subsets": size.kid_subsets, "kid_subset_size": size.kid_subset_size}
    by_blocks = {"save_cpu_ram": max(len(x), len(y)) > 10_000, "verbose": False}
    return {
        "is": lambda: isc_features_to_metric(torch.from_numpy(fake["logits"]))["inception_score_mean"],
        "fid": lambda: fid_statistics_to_metric(fid_features_to_statistics(x), reference, verbose=False)[
            "frechet_inception_distance"
        ],
        "kid": lambda: kid_features_to_metric(x, y, **subsets, verbose=False)["kernel_inception_distance_mean"],
        "prc": lambda: prc_features_to_metric(x, y, **by_blocks)["precision"],
    }


def whole_snapshots(size: Size, device: Any) -> list[list[Any]]:
    """A run of three snapshots, scored as the workflow does it; files and all."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run, dataset, evaluator, protocol = scored_run(place, size, device)
        from sngan_repro.evaluation.score import score_run

        seconds, scores = Stopwatch(device)(
            lambda: score_run(run, [protocol], dataset, {"classifier": evaluator}, device)
        )
    passes = len({(record["steps"], record["selection"]) for record in scores["records"]})
    rows = [["the whole", seconds], [f"per set of samples ({passes})", seconds / passes]]
    for metric, name in metric_names(protocol).items():
        times = [record["seconds"] for record in scores["records"] if record["metric"] == name]
        rows.append([f"of it {metric}, median", median(times)])
    return rows


def scored_run(place: Path, size: Size, device: Any) -> tuple[Any, Path, Path, Any]:
    """Noise whose brightness is its class, a classifier of it, and a run of three untrained generators."""
    import numpy as np
    import torch

    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.config.specs import EvaluatorSpec, RunSpec
    from sngan_repro.core.files import file_sha256, write_json
    from sngan_repro.evaluation.build import build_evaluator
    from sngan_repro.nets import ImageSpec, build_generator
    from sngan_repro.nets.snapshot import save_snapshot

    dataset, pixels = place / "images", size.image_size
    dataset.mkdir()
    num = size.num_real + 1000
    labels = np.arange(num) % 10
    noise = np.random.default_rng(0).integers(0, 100, (num, pixels, pixels, 3), dtype=np.uint8)
    np.save(dataset / "images.npy", noise + (15 * labels).astype(np.uint8)[:, None, None, None])
    np.save(dataset / "labels.npy", labels)
    record = {
        "num_train": size.num_real,
        "num_test": 1000,
        "image_shape": [3, pixels, pixels],
        "classes": [str(label) for label in range(10)],
        "sha256": file_sha256(dataset / "images.npy"),
        "labels_sha256": file_sha256(dataset / "labels.npy"),
    }
    write_json(dataset / "dataset.json", record)
    options = EvaluatorSpec(epochs=1, batch_size=1024)
    build_evaluator("classifier", dataset, options, place / "classifier", None, device)
    spec = RunSpec.model_validate(
        {
            "seed": 0,
            "data": {"source": "digits", "image_size": pixels},
            "method": {"name": "sngan"},
            "nets": {"width": size.width},
            "optimizer": {"lr": 1e-4},
            "training": {},
            "budget": {"steps": 3},
            "snapshots": {"count": 3},
        }
    )
    run, snapshots = RunPaths(place / "run"), []
    for steps in (1, 2, 3):
        torch.manual_seed(steps)
        weights = build_generator(spec.nets, ImageSpec(3, pixels)).state_dict()
        sha256 = save_snapshot(run, spec, weights, steps, ImageSpec(3, pixels))
        snapshots.append({"steps": steps, "images_seen": 64 * steps, "sha256": sha256, "last_finite": False})
    write_json(run.spec, spec.to_dict())
    write_json(run.status, {"state": "ok", "spec_digest": spec.digest(), "snapshots": snapshots})
    subsets = {"kid_subsets": size.kid_subsets, "kid_subset_size": size.kid_subset_size}
    protocol = ProtocolSpec(evaluator="classifier", num_fake=size.num_fake, **subsets)
    return run, dataset, place / "classifier", protocol


if __name__ == "__main__":
    main()
