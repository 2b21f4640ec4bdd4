"""The layers of the networks of a study, as ``describe_networks`` wrote them, and their printed tables."""

from __future__ import annotations

from sngan_repro.analysis.load import read_file
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.config.networks_file import ListedNetwork, NetworksFile
from sngan_repro.core.text import enumeration, integer
from sngan_repro.study.layout import Layout

TITLES = {"generator": "Generator", "discriminator": "Discriminator", "evaluator": "Evaluator"}


def read_networks(layout: Layout) -> list[ListedNetwork]:
    """All different networks of the study; none if the file has not been written."""
    if not layout.networks.exists():
        return []
    return read_file(NetworksFile, layout.networks, "describe_networks").networks


def network_tables(networks: list[ListedNetwork], dataset: str, methods: int) -> list[PrintedTable]:
    """One table per network of a dataset. methods: how many methods are trained, to name all of them in short."""
    tables = []
    for number, network in enumerate((each for each in networks if each.dataset == dataset), 1):
        rows = [["input", shape_text(network.input), ""]]
        rows += [[layer.what, shape_text(layer.output), integer(layer.parameters)] for layer in network.layers]
        total = sum(layer.parameters for layer in network.layers)
        rows.append(["trained parameters", "", integer(total)])
        names = enumeration(network.labels)
        whose = "all methods" if network.network != "evaluator" and 1 < methods == len(network.labels) else names
        caption = f"{dataset}: {TITLES[network.network].lower()} of {whose}."
        if network.network == "evaluator":
            caption = f"{dataset}: network of the evaluator {names}."
        key, header = f"network-{dataset}-{number}", ["Layer", "Output", "Parameters"]
        tables.append(PrintedTable(key, caption, "lrr", header, rows, rule_before={1, len(rows) - 1}))
    return tables


def shape_text(shape: tuple[int, ...]) -> str:
    """``12 × 16 × 16``: channels, height, width; or the number of features."""
    return " × ".join(integer(size) for size in shape)
