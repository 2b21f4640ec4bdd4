"""The file ``networks.json`` of a study: the layers of its networks."""

from __future__ import annotations

from typing import Literal

from sngan_repro.config.records import FileModel


class ListedLayer(FileModel):
    """A layer, or several that are on one line of a table."""

    what: str
    output: tuple[int, ...]
    parameters: int


class ListedNetwork(FileModel):
    """A network that one or several methods have."""

    dataset: str
    network: Literal["generator", "discriminator", "evaluator"]
    labels: list[str]
    input: tuple[int, ...]
    init: str
    layers: list[ListedLayer]


class NetworksFile(FileModel):
    """``networks.json``."""

    networks: list[ListedNetwork]
