"""Convolutions that change the size, beside the two operations that they replace: a forward and a backward pass.

Each row is a layer of the residual network for 32 pixels, as its blocks have it.
"""

from __future__ import annotations

import sys

from benchmarks.common import interleave, machine, median, parser, print_table, save, seconds, setup, speedup


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--channels", type=int, nargs="+", default=[32, 128])
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    given = options.parse_args()
    device = setup(given)
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    from sngan_repro.nets.resampling import PoolingConv2d, UpsamplingConv2d, upsample

    def up(layer: nn.Conv2d, x: Tensor) -> Tensor:
        return F.conv2d(upsample(x, "nearest"), layer.weight, layer.bias, padding=1)

    def down(layer: nn.Conv2d, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.conv2d(x, layer.weight, layer.bias, padding=1), 2)

    rows, columns = [], ["layer", "channels", "from", "to", "two operations, ms", "one, ms", "x"]
    rounds, sizes = (2, [4]) if given.quick else (15, [4, 8, 16])
    for kind, plain in ((UpsamplingConv2d, up), (PoolingConv2d, down)):
        for channels in [4] if given.quick else given.channels:
            for size in sizes:
                side = size if kind is UpsamplingConv2d else 2 * size
                x = torch.randn(given.batch_size, channels, side, side, device=device, requires_grad=True)
                x = x.to(memory_format=torch.channels_last)
                layer = kind(channels, channels).to(device).to(memory_format=torch.channels_last)

                def one(function=layer.__call__, x=x) -> None:
                    with torch.autocast(device.type, torch.bfloat16, given.precision == "bf16"):
                        output = function(x)
                    output.backward(torch.ones_like(output))

                def two(layer=layer, x=x, plain=plain, one=one) -> None:
                    one(lambda x: plain(layer, x), x)

                times = interleave({"two": seconds(two, device), "one": seconds(one, device)}, rounds, warmup=2)
                milliseconds = [1000 * median(times[name]) for name in ("two", "one")]
                sides = [side, 2 * side if kind is UpsamplingConv2d else side // 2]
                rows.append([kind.__name__, channels, *sides, *milliseconds, speedup(times, "one", "two")])
    print_table(f"Batches of {given.batch_size}, {given.precision}", columns, rows)
    payload = {"machine": machine(device), "batch_size": given.batch_size, "precision": given.precision}
    save("resampling", {**payload, "columns": columns, "rows": rows}, given.out)


if __name__ == "__main__":
    sys.exit(main())
