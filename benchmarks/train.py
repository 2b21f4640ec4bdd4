"""Speed of training: every method against the naive loop of the same networks, and against what the machine can do.

Two processes take turns, one for the naive loop and one for ours, since how memory is allocated is part of the speed.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.common import interleave, machine, median, parser, print_table, save, setup, speedup

METHODS = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln"]
NUM_IMAGES = 4096


def spec_of(
    method: str,
    size: int,
    width: int,
    precision: str,
    n_dis: int = 1,
    seed: int = 0,
    family: str = "cnn",
    **training: Any,
) -> Any:
    """A run on random images: (size, size, 3), batch 64."""
    from sngan_repro.config.specs import RunSpec

    return RunSpec.model_validate(
        {
            "seed": seed,
            "data": {"source": "cifar10", "image_size": size},
            "method": {"name": method},
            "nets": {"family": family, "width": width},
            "optimizer": {"lr": 2e-4, "n_dis": n_dis},
            "training": {"batch_size": 64, "precision": precision, **training},
            "budget": {"steps": 10**6},
            "snapshots": {"count": 1},
        }
    )


def random_images(size: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, size, size, 3), dtype=np.uint8)


def prepare(spec: Any, kind: str, device: Any) -> Callable[[], object]:
    """A function that makes one update. kind: naive, plain (eager), ours or compiled (ours, with torch.compile)."""
    if kind == "naive":
        from benchmarks.naive import NaiveLoop

        return NaiveLoop(spec, random_images(spec.data.image_size), device).step
    from sngan_repro.training.benchmark import update_function

    return update_function(spec, device, NUM_IMAGES, kind != "plain", "always" if kind == "compiled" else "never")


def serve(pipe: Connection, device_name: str, threads: int, naive: bool) -> None:
    """The work of one of the two processes: prepare the training of a message, or time a round of its updates."""
    import torch

    from sngan_repro.training.benchmark import round_timer

    torch.set_num_threads(threads)
    if naive:  # without the settings of our processes
        device = torch.device(device_name)
    else:
        from sngan_repro.core import runtime

        device = runtime.setup(device_name, threads)
    timed: Callable[[], float] | None = None
    while (message := pipe.recv()) is not None:
        if message == "time":
            assert timed is not None
            pipe.send(timed())
        else:
            spec, kind, seconds = message
            timed = round_timer(prepare(spec, kind, device), device, seconds / 2)
            pipe.send(None)


def synchronise(device: Any) -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


class Worker:
    """One of the two processes."""

    def __init__(self, device: Any, threads: int, naive: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, str(device), threads, naive), daemon=True)
        self.process.start()

    def ask(self, message: Any) -> Any:
        self.pipe.send(message)
        return self.pipe.recv()

    def timer(self, spec: Any, kind: str, seconds: float) -> Callable[[], float]:
        """Prepare a training; the function times updates of it for about ``seconds`` and returns seconds an update."""
        self.ask((spec, kind, seconds))
        return lambda: self.ask("time")

    def stop(self) -> None:
        self.pipe.send(None)
        self.process.join()


def flops_per_update(spec: Any) -> float:
    """Floating-point operations of one update: products and convolutions as they are made, on the CPU."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Count(TorchDispatchMode):  # FlopCounterMode tracks modules too, and fails on a gradient penalty
        total = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            formula = flop_registry.get(func._overloadpacket)
            if formula is not None:
                self.total += formula(*args, **(kwargs or {}), out_val=result)
            return result

    update = prepare(spec, "plain", torch.device("cpu"))
    with Count() as count:
        update()
    return float(count.total)


def matmul_rate(device: Any, precision: str, size: int) -> float:
    """Operations per second of a square product, the best of several."""
    import torch

    from sngan_repro.core import runtime

    runtime.set_precision(precision, device)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    times = []
    for _ in range(6):
        synchronise(device)
        started = time.perf_counter()
        for _ in range(10 if device.type == "cuda" else 1):
            a @ a
        synchronise(device)
        times.append((time.perf_counter() - started) / (10 if device.type == "cuda" else 1))
    return 2 * size**3 / min(times)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--methods", nargs="+", default=METHODS)
    options.add_argument("--size", type=int, help="pixels (default: 32 on a CPU, 28 on a GPU)")
    options.add_argument("--widths", type=int, nargs="+", default=[64, 16])
    options.add_argument("--family", default="cnn", help="network family (default %(default)s)")
    options.add_argument("--n-dis", type=int, default=1, help="steps of D in each update (default %(default)s)")
    options.add_argument("--compiled", action="store_true", help="also G and D by torch.compile, in the last precision")
    options.add_argument("--rounds", type=int)
    options.add_argument("--seconds", type=float, default=1.0, help="about how long each measurement takes")
    given = options.parse_args()
    device = setup(given)
    gpu = device.type == "cuda"
    size = given.size or (28 if gpu else 32)
    widths, methods, seconds = given.widths, given.methods, given.seconds
    rounds = given.rounds or 5
    if given.quick:
        size, widths, methods, rounds, seconds = 16, [4], methods[:2], 1, 0.05
    precisions = ["fp32", "tf32", "bf16"] if gpu else ["fp32", "bf16"]
    peak = {p: matmul_rate(device, p, 256 if given.quick else 8192 if gpu else 2048) for p in precisions}
    workers = {naive: Worker(device, given.threads, naive) for naive in (True, False)}
    kinds = {"naive": ("naive", "fp32")}
    if gpu:
        kinds["eager"] = ("plain", "fp32")
    kinds |= {precision: ("ours", precision) for precision in precisions}
    if given.compiled:
        kinds["compiled"] = ("compiled", precisions[-1])
    rows, records = [], []
    for width in widths:
        for method in methods:
            variant = partial(spec_of, method, size, width, n_dis=given.n_dis, family=given.family)
            flops = flops_per_update(variant("fp32"))
            times = measure(workers, kinds, variant, rounds, seconds)
            for name, (_, precision) in kinds.items():
                taken = median(times[name])
                share = flops / taken / peak[precision]
                faster = speedup(times, name, "naive")
                rows.append([method, width, name, taken * 1e3, 1 / taken, 64 / taken, f"{faster:.2f}", f"{share:.0%}"])
                records.append({"method": method, "width": width, "variant": name, "seconds": times[name]})
                records[-1] |= {"speedup": faster, "flops_per_update": flops, "share_of_matmul_rate": share}
    for worker in workers.values():
        worker.stop()
    columns = ["method", "width", "loop", "ms/update", "updates/s", "images/s", "x naive", "of matmul rate"]
    print_table(f"Training, {given.family}, {size} px, batch 64, n_dis {given.n_dis}", columns, rows)
    rates = [[name, rate / 1e12] for name, rate in peak.items()]
    print_table("The machine's product of two square matrices", ["precision", "TFLOP/s"], rates)
    payload = {"machine": machine(device), "size": size, "matmul_flops_per_second": peak, "records": records}
    save("train", payload, given.out)


def measure(
    workers: dict[bool, Worker],
    kinds: dict[str, tuple[str, str]],
    variant: Callable[[str], Any],
    rounds: int,
    seconds: float,
) -> dict[str, list[float]]:
    """Seconds per update of each kind, a number per round. Each turn prepares its training again: one at a time.

    variant: precision -> specification of the run.
    """

    def turn(kind: str, precision: str) -> Callable[[], float]:
        worker, spec = workers[kind == "naive"], variant(precision)
        return lambda: worker.timer(spec, kind, seconds)()

    return interleave({name: turn(*how) for name, how in kinds.items()}, rounds, warmup=0)


if __name__ == "__main__":
    sys.exit(main())
