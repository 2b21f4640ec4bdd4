"""A discriminator whose weights are normalised together before each pass, beside one that does it layer by layer.

Two passes are measured, each with its backward pass: an update of D has one for real and one for generated images. On a
GPU they are one CUDA graph, as in a training.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable

from benchmarks.common import interleave, machine, median, parser, print_table, save, seconds, setup, speedup


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--families", nargs="+", default=["cnn", "resnet"])
    options.add_argument("--widths", type=int, nargs="+", default=[8, 16, 64])
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    given = options.parse_args()
    device = setup(given)
    import torch
    from torch import nn
    from torch.utils._python_dispatch import TorchDispatchMode

    from sngan_repro import nets
    from sngan_repro.config.specs import NetsSpec
    from sngan_repro.nets.interface import ImageSpec
    from sngan_repro.nets.weights import spectral_norms_of

    class Operations(TorchDispatchMode):
        """Counts the operations that compute or copy; views and allocations are none."""

        count = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            changes = any(
                argument.alias_info and argument.alias_info.is_write for argument in function._schema.arguments
            )
            allocates = function._schema.name.startswith("aten::empty")
            views = any(output.alias_info for output in function._schema.returns) and not changes
            self.count += not (views or allocates)
            return function(*arguments, **keywords or {})

    def passes(D: nn.Module) -> Callable[[], None]:
        batches = torch.randn(2, given.batch_size, 3, 32, 32, device=device)
        images = [batch.to(memory_format=torch.channels_last) for batch in batches]

        def run() -> None:
            D.zero_grad(set_to_none=False)
            for batch in images:
                with torch.autocast(device.type, torch.bfloat16, given.precision == "bf16"):
                    logits = D(batch).logits
                logits.float().sum().backward()

        return run

    def captured(run: Callable[[], None]) -> Callable[[], None]:
        if device.type != "cuda":
            return run
        stream = torch.cuda.Stream(device)
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.synchronize(device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            run()
        return graph.replay

    rows = []
    columns = ["family", "width", "operations", "operations, together", "ms", "ms, together", "x"]
    rounds = 2 if given.quick else 15
    for family in given.families:
        for width in [4] if given.quick else given.widths:
            torch.manual_seed(0)
            alone = nets.build_discriminator(NetsSpec(family=family, width=width), ImageSpec(3, 32), weights="spectral")
            alone = alone.to(device).to(memory_format=torch.channels_last)
            together = copy.deepcopy(alone)
            norms = spectral_norms_of(alone)
            assert norms is not None
            norms.remove()
            variants = {"alone": passes(alone), "together": passes(together)}
            counts = []
            for run in variants.values():
                run()  # makes what is made once
                with Operations() as operations:
                    run()
                counts.append(operations.count)
            graphs = {name: seconds(captured(run), device) for name, run in variants.items()}
            times = interleave(graphs, rounds, warmup=3)
            ms = [1000 * median(times[name]) for name in variants]
            rows.append([family, width, *counts, *ms, speedup(times, "together", "alone")])
    print_table(f"Two passes of D, batches of {given.batch_size}, {given.precision}", columns, rows)
    payload = {"machine": machine(device), "batch_size": given.batch_size, "precision": given.precision}
    save("spectral_norm", {**payload, "columns": columns, "rows": rows}, given.out)


if __name__ == "__main__":
    sys.exit(main())
