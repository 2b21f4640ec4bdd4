"""Forward time of D with spectral normalisation and with it folded into the weights, as `sngan-repro export` writes D.

Both are in evaluation mode, where spectral normalisation divides each weight by u^T W v and makes no power iteration.
The gain depends on the size of a batch, since that division is made once per forward. The tutorial's claim is a ratio
below 1 (claim 49 of the ledger `mnist_tutorial`); samples come from G, whose time this does not change.
"""

from __future__ import annotations

from benchmarks.common import interleave, machine, median, parser, print_table, save, seconds, setup

NETWORKS = {
    "mnist_tutorial, 28 px": ({"family": "mnist_tutorial", "width": 64, "init": "dcgan"}, (1, 28), True),
    "cnn, 32 px": ({"family": "cnn", "width": 64}, (3, 32), False),
}
"""Name -> (keys of `nets`, channels and size of the images, batch norm in D)"""


def main() -> None:
    options = parser(__doc__).parse_args()
    device = setup(options)
    rows, all_times = [], {}
    for name in NETWORKS:
        for batch in (1, 128):
            times, difference = measure(name, batch, device, 3 if options.quick else 31)
            with_sn, folded = (median(times[key]) for key in ("with", "folded"))
            rows.append([f"{name}, batch {batch}", 1e3 * with_sn, 1e3 * folded, folded / with_sn, difference])
            all_times[f"{name}, batch {batch}"] = times
    columns = ["D", "ms with SN", "ms folded", "ratio", "largest difference"]
    print_table("Forward of D", columns, rows)
    save("export", {"machine": machine(device), "columns": columns, "rows": rows, "times": all_times}, options.out)


def measure(name: str, batch: int, device, rounds: int):
    """(seconds of forwards with and without spectral normalisation, the largest difference of the logits)."""
    import torch

    from sngan_repro import nets
    from sngan_repro.config.specs import NetsSpec
    from sngan_repro.nets.export import folded
    from sngan_repro.nets.interface import ImageSpec

    keys, (channels, size), batch_norm = NETWORKS[name]
    torch.manual_seed(0)
    norm = (lambda count: nets.batch_norm(count, gain=True)) if batch_norm else None
    D = nets.build_discriminator(NetsSpec(**keys), ImageSpec(channels, size), "spectral", norm=norm)
    D.to(device).eval()
    plain, images = folded(D), torch.randn(batch, channels, size, size, device=device)
    with torch.no_grad():
        difference = float((plain(images).logits - D(images).logits).abs().max())

        def forward(net):
            return lambda: net(images)

        variants = {"with": seconds(forward(D), device), "folded": seconds(forward(plain), device)}
        return interleave(variants, rounds), difference


if __name__ == "__main__":
    main()
