"""Several runs at once on one device: what is the most that it makes of K of them?

- threads: K trainings in one process, on a GPU each with a stream and a CUDA graph of its own, as `runs_per_gpu` does.
- processes: K processes side by side, on a CPU with one thread each. What Snakemake does on a CPU.
- stacked: K networks as one, by grouped convolutions and batched products. A bound from above: no penalty, no spectral
  normalisation, and nothing of what a run needs besides its updates. Beside it, threads of the same plain networks.

All numbers are updates per second of all K together.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.common import machine, parser, print_table, save, setup
from benchmarks.train import random_images, spec_of, synchronise


def threads_rate(specs: list[Any], device: Any, seconds: float) -> float:
    """Updates per second of all runs, each in a thread of this process."""
    import torch

    from sngan_repro.training.trainer import Trainer

    images, num_threads = random_images(specs[0].data.image_size), torch.get_num_threads()
    trainers = [Trainer(spec, images, device) for spec in specs]
    counts, stop, start = [0] * len(specs), threading.Event(), threading.Barrier(len(specs) + 1)

    def work(index: int) -> None:
        torch.set_num_threads(num_threads)
        trainer = trainers[index]
        with trainer.context.on_stream():
            for _ in range(6):
                trainer.advance()
            synchronise_stream(device)
            start.wait()
            while not stop.is_set():
                for _ in range(100 if device.type == "cuda" else 1):  # then wait, as the log does
                    trainer.advance()
                    counts[index] += 1
                synchronise_stream(device)

    workers = [threading.Thread(target=work, args=(index,)) for index in range(len(specs))]
    for worker in workers:
        worker.start()
    start.wait()
    started = time.perf_counter()
    time.sleep(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - started)


def synchronise_stream(device: Any) -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.current_stream(device).synchronize()


def serve(pipe: Connection, device_name: str, num_threads: int) -> None:
    """One of the processes: prepare a run, then make updates until a point in time."""
    import torch

    from sngan_repro.core import runtime
    from sngan_repro.training.trainer import Trainer

    device = runtime.setup(device_name, num_threads)
    trainer: Any = None
    while (message := pipe.recv()) is not None:
        if not isinstance(message, float):
            trainer = Trainer(message, random_images(message.data.image_size), device)
            with trainer.context.on_stream():
                for _ in range(6):
                    trainer.advance()
            synchronise(device)
            pipe.send(None)
            continue
        made = 0
        with trainer.context.on_stream():
            while time.time() < message:
                for _ in range(50 if device.type == "cuda" else 1):
                    trainer.advance()
                    made += 1
                synchronise_stream(device)
        pipe.send(made)
        torch.set_num_threads(num_threads)


class Processes:
    """As many processes as the largest K, started once."""

    def __init__(self, count: int, device: Any, num_threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for _ in range(count):
            pipe, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, str(device), num_threads), daemon=True)
            process.start()
            self.pipes.append(pipe)
            self.processes.append(process)

    def rate(self, specs: list[Any], seconds: float) -> float:
        """Updates per second of all runs, each in a process."""
        pipes = self.pipes[: len(specs)]
        for pipe, spec in zip(pipes, specs, strict=True):
            pipe.send(spec)
        for pipe in pipes:
            pipe.recv()
        for pipe in pipes:
            pipe.send(time.time() + seconds)
        return sum(pipe.recv() for pipe in pipes) / seconds

    def stop(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join()


def stacked_rate(count: int, size: int, width: int, precision: str, device: Any, seconds: float) -> float:
    """Updates per second of ``count`` plain networks as one: their channels side by side, convolutions in groups."""
    import torch
    from torch import nn

    from sngan_repro.core import runtime
    from sngan_repro.nets import pyramid
    from sngan_repro.training.batches import ResidentBatches
    from sngan_repro.training.cuda_graph import GraphedStep, RunContext
    from sngan_repro.training.optimizer import Adam

    runtime.set_precision(precision, device)
    context, z_dim, batch = RunContext(device), 128, 64
    inner, channels = pyramid(size, width)

    class Dense(nn.Module):
        def __init__(self, num_in: int, num_out: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(count, num_in, num_out) * num_in**-0.5)

        def forward(self, x: Any) -> Any:
            return torch.bmm(x, self.weight)  # (K, N, num_in) -> (K, N, num_out)

    stages: list[nn.Module] = []
    for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True):
        stages += [nn.ConvTranspose2d(count * a, count * b, 4, 2, 1, groups=count), nn.BatchNorm2d(count * b)]
        stages += [nn.ReLU(inplace=True)]
    stages += [nn.Conv2d(count * width, count * 3, 3, 1, 1, groups=count)]
    layers: list[nn.Module] = []
    for index, (previous, current) in enumerate(pairwise([3, *channels])):
        layers += [nn.Conv2d(count * previous, count * current, 3, 1, 1, groups=count), nn.LeakyReLU(0.1, inplace=True)]
        if index < len(channels) - 1:
            layers += [nn.Conv2d(count * current, count * current, 4, 2, 1, groups=count)]
            layers += [nn.LeakyReLU(0.1, inplace=True)]
    code = channels[-1] * inner * inner
    modules = [Dense(z_dim, code), nn.Sequential(*stages), nn.Sequential(*layers), Dense(code, 1)]
    g_dense, g_stages, d_layers, d_dense = (m.to(device).to(memory_format=torch.channels_last) for m in modules)
    g_parameters = [*g_dense.parameters(), *g_stages.parameters()]
    d_parameters = [*d_layers.parameters(), *d_dense.parameters()]
    opt_g, opt_d = (Adam(p, 2e-4, 0.5, 0.999) for p in (g_parameters, d_parameters))
    images = ResidentBatches(random_images(size), batch * count, 0, device)
    indices = torch.empty(batch * count, dtype=torch.int64, device=device)

    def side_by_side(x: Any) -> Any:  # (K, N, C, h, w) -> (N, K C, h, w)
        return x.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)

    def generate() -> Any:
        x = g_dense(torch.randn(count, batch, z_dim, device=device)).view(count, batch, -1, inner, inner)
        return g_stages(side_by_side(x)).float().tanh()

    def judge(x: Any) -> Any:
        features = d_layers(x).reshape(batch, count, -1).transpose(0, 1)
        return d_dense(features).float().squeeze(2)  # (K, N)

    def descend(optimizer: Any, loss: Any) -> None:
        for parameter in optimizer.parameters:
            parameter.grad = None
        loss.backward()
        optimizer.step()

    def update() -> Any:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            with torch.no_grad():
                fake = generate()
            real = side_by_side(images.batch_of(indices).images.view(count, batch, 3, size, size))
            d_loss = (1 - judge(real)).relu().mean(1).sum() + (1 + judge(fake)).relu().mean(1).sum()
        descend(opt_d, d_loss)
        for parameter in d_parameters:
            parameter.requires_grad_(False)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            g_loss = -judge(generate()).mean(1).sum()
        descend(opt_g, g_loss)
        for parameter in d_parameters:
            parameter.requires_grad_(True)
        return torch.stack([d_loss.detach(), g_loss.detach()])

    updates, made = GraphedStep(context, update, {}, cuda_graph=True), 0
    with context.on_stream():
        for _ in range(6):
            indices.copy_(images.indices_from(images.position))
            updates()
        synchronise_stream(device)
        started = time.perf_counter()
        while time.perf_counter() < started + seconds:
            for _ in range(20 if device.type == "cuda" else 1):
                indices.copy_(images.indices_from(images.position))
                updates()
                made += count
            synchronise_stream(device)
    return made / (time.perf_counter() - started)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options.add_argument("--ways", nargs="+", default=["threads", "processes", "threads (plain)", "stacked (plain)"])
    options.add_argument("--method", default="sngan")
    options.add_argument("--precisions", nargs="+", help="default: bf16 and tf32 on a GPU, fp32 on a CPU")
    options.add_argument("--size", type=int, help="pixels (default: 28 on a GPU, 32 on a CPU)")
    options.add_argument("--width", type=int, default=None, help="default: 64 on a GPU, 16 on a CPU")
    options.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    given = options.parse_args()
    device = setup(given)
    gpu = device.type == "cuda"
    size, width = given.size or (28 if gpu else 32), given.width or (64 if gpu else 16)
    counts, seconds, precisions = (
        given.counts,
        given.seconds,
        given.precisions or (["bf16", "tf32"] if gpu else ["fp32"]),
    )
    if given.quick:
        size, width, counts, seconds, precisions = 16, 4, [1, 2], 0.2, precisions[:1]
    plain = "gan"  # no normaliser at all, as the stacked networks have none
    needed = max(counts) if "processes" in given.ways else 0
    processes = Processes(needed, device, given.threads)
    rows, records = [], []
    for precision in precisions:
        for count in counts:
            found: dict[str, float] = {}
            for way in given.ways:
                method = plain if "plain" in way else given.method
                specs = [spec_of(method, size, width, precision, seed=seed) for seed in range(count)]
                if way == "processes":
                    found[way] = processes.rate(specs, seconds)
                elif way.startswith("threads"):
                    found[way] = threads_rate(specs, device, seconds)
                else:
                    found[way] = stacked_rate(count, size, width, precision, device, seconds)
            rows.append([precision, count, *(found[way] for way in given.ways)])
            records.append({"precision": precision, "runs": count, "updates_per_second": found})
            print(rows[-1], file=sys.stderr, flush=True)
    processes.stop()
    print_table(
        f"GraphedStep/s of K runs together, {given.method}, {size} px, width {width}, batch 64",
        ["precision", "K", *given.ways],
        rows,
    )
    payload = {"machine": machine(device), "method": given.method, "size": size, "width": width, "records": records}
    save("pack", payload, given.out)


if __name__ == "__main__":
    sys.exit(main())
