"""Where the time of an update goes: kernels grouped by operation, beside the two lower bounds of the machine.

The bounds: all products and convolutions at the rate of a large matrix product, and all tensors that operators read and
write at the rate of a large copy. Operators are counted on the CPU, one by one: fused kernels need fewer bytes.
"""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.common import machine, parser, print_table, save, setup
from benchmarks.train import matmul_rate, prepare, spec_of, synchronise

GROUPS = {
    "spectral normalisation": r"spectralnorm",
    "copies": r"memcpy|memset|copy|contiguous|to_copy|clone|\bcat\b|index_select|gather|catarray",
    "activations": r"relu|sigmoid|tanh|softplus|threshold",
    "batch and layer norm": r"batch_?norm|layer_?norm|group_?norm|bn_(fw|bw)",
    "convolutions": r"conv|wgrad|dgrad|fprop|winograd|xmma|cudnn|cutlass.*(fprop|dgrad|wgrad)",
    "matrix products": r"gemm|matmul|addmm|\bmm\b|\bmv\b|bmm|addmv|\bdot\b|cutlass|splitk|gemv",
    "optimizer": r"adam|foreach|multi_tensor|rmsprop|lerp",
    "random numbers": r"rand|normal_|uniform_|philox|bernoulli",
    "sums and norms": r"reduce|\bsum\b|\bmean\b|norm|var|amax|argmax",
    "views and bookkeeping": r"aten::(view|as_strided|empty|resize|detach|expand|permute|transpose|t$|unsqueeze|squeeze"
    r"|select|slice|alias|reshape|narrow|set_|result_type)|autograd::|backward\d?$|optimizer\.|cuda[A-Z]",
}
"""Group -> pattern of names of kernels or operators. The first one that matches counts."""
OTHER = "other element-wise kernels"


def group_of(kernel: str) -> str:
    """The group of a kernel of a GPU, or of an operator of PyTorch on a CPU."""
    name = kernel.lower()
    return next((group for group, pattern in GROUPS.items() if re.search(pattern, name)), OTHER)


def kernels(update: Callable[[], object], device: Any, updates: int) -> dict[str, tuple[float, float]]:
    """Kernel (on a CPU: operator) -> (seconds without those inside it, launches) per update, by torch.profiler."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU]
    synchronise(device)
    with profile(activities=activities) as found:
        for _ in range(updates):
            update()
        synchronise(device)
    times: dict[str, tuple[float, float]] = {}
    for event in found.key_averages():
        on_gpu = event.device_type == DeviceType.CUDA
        taken = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        if taken > 0 and on_gpu == (device.type == "cuda"):
            times[event.key] = (taken / 1e6 / updates, event.count / updates)
    return times


def work_of(spec: Any) -> tuple[float, float]:
    """(operations of products and convolutions, bytes that operators read and write) of one update."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import flop_registry

    def size(values: Any) -> int:
        return sum(x.numel() * x.element_size() for x in tree_leaves(values) if isinstance(x, torch.Tensor))

    class Count(TorchDispatchMode):
        operations, moved = 0.0, 0.0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if (formula := flop_registry.get(func._overloadpacket)) is not None:
                self.operations += formula(*args, **(kwargs or {}), out_val=result)
            if not func.is_view:
                self.moved += size(args) + size(result)
            return result

    update = prepare(spec, "plain", torch.device("cpu"))
    with Count() as count:
        update()
    return count.operations, count.moved


def copy_rate(device: Any, megabytes: int) -> float:
    """Bytes per second that a large copy reads and writes, the best of several."""
    import torch

    source = torch.empty(megabytes * 2**18, device=device).normal_()
    target, times = torch.empty_like(source), []
    for _ in range(6):
        synchronise(device)
        started = time.perf_counter()
        for _ in range(10):
            target.copy_(source)
        synchronise(device)
        times.append((time.perf_counter() - started) / 10)
    return 2 * source.numel() * 4 / min(times)


def rows_of(times: Iterable[tuple[str, tuple[float, float]]]) -> list[list[Any]]:
    """A row per group, the longest first: name, ms, share in %, launches, its longest kernel."""
    groups: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for kernel, (taken, launches) in times:
        groups[group_of(kernel)].append((taken, launches, kernel))
    whole = sum(taken for parts in groups.values() for taken, _, _ in parts)
    rows = []
    for group, parts in groups.items():
        total = sum(taken for taken, _, _ in parts)
        rows.append([group, total * 1e3, 100 * total / whole, sum(n for _, n, _ in parts), max(parts)[2][:40]])
    return sorted(rows, key=lambda row: -row[1])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--methods", nargs="+", default=["sngan", "wgan_gp", "began"])
    options.add_argument("--family", default="cnn", help="network family (default %(default)s; resnet: width 128)")
    options.add_argument("--size", type=int, help="pixels (default: 28 on a GPU, 32 on a CPU and for resnet)")
    options.add_argument("--width", type=int, default=64)
    options.add_argument("--n-dis", type=int, default=1)
    options.add_argument("--precision", help="default: bf16 on a GPU, fp32 on a CPU")
    options.add_argument("--updates", type=int, default=20)
    given = options.parse_args()
    device = setup(given)
    gpu = device.type == "cuda"
    size = given.size or (28 if gpu and given.family == "cnn" else 32)
    precision = given.precision or ("bf16" if gpu else "fp32")
    methods, width, updates = given.methods, given.width, given.updates
    if given.quick:
        methods, size, width, updates = methods[:2], 16, 4, 2
    matrix = matmul_rate(device, precision, 256 if given.quick else 8192 if gpu else 2048)
    copy = copy_rate(device, 16 if given.quick else 1024 if gpu else 256)
    records, bounds = [], []
    for method in methods:
        spec = spec_of(method, size, width, precision, given.n_dis, family=given.family)
        update = prepare(spec, "ours", device)
        for _ in range(8 if gpu else 2):  # on a GPU: the capture of the graph
            update()
        synchronise(device)
        started = time.perf_counter()
        for _ in range(updates):
            update()
        synchronise(device)
        taken = (time.perf_counter() - started) / updates
        times = kernels(update, device, updates)
        operations, moved = work_of(spec_of(method, size, width, "fp32", given.n_dis, family=given.family))
        rows = rows_of(times.items())
        columns = ["operation", "ms per update", "% of kernels", "launches", "its longest kernel"]
        print_table(f"{method}, {given.family}, {size} px, width {width}, {precision}", columns, rows)
        busy = sum(seconds for seconds, _ in times.values())
        bounds.append([method, taken * 1e3, busy * 1e3, operations / matrix * 1e3, moved / copy * 1e3])
        print_table("Lower bounds of its update, ms", BOUNDS, bounds[-1:])
        sys.stdout.flush()
        records.append({"method": method, "groups": rows, "operations": operations, "bytes": moved, "seconds": taken})
    rates = {"operations_per_second": matrix, "bytes_per_second": copy}
    print_table("The machine", ["TFLOP/s of a product", "GB/s of a copy"], [[matrix / 1e12, copy / 1e9]])
    payload = {"machine": machine(device), "family": given.family, "size": size, "width": width, "precision": precision}
    save("profile", {**payload, **rates, "bounds": [BOUNDS, *bounds], "records": records}, given.out)


BOUNDS = ["method", "an update", "its kernels", "operations at the rate of a product", "bytes at the rate of a copy"]


if __name__ == "__main__":
    main()
