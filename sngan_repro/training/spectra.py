"""The singular values of D's weights at the end of a training (Miyato et al. 2018, Figure 3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from sngan_repro.nets.weights import weight_matrix, weighted_layers
from sngan_repro.training.log import write_parquet


@torch.no_grad()
def squared_singular_values(net: nn.Module) -> dict[str, np.ndarray]:
    """Layer -> all squared singular values of the weight that it computes with, decreasing, float64.

    The weight of a convolution is the matrix (d_out, d_in * h * w), so there are min(d_out, d_in * h * w) of them.
    """
    return {
        name: torch.linalg.svdvals(weight_matrix(layer)).square().cpu().numpy() for name, layer in weighted_layers(net)
    }


def effective_rank(squared: np.ndarray) -> float:
    """exp(entropy) of the squared singular values divided by their sum: from 1 to their number; NaN if all are 0."""
    total = squared.sum()
    if not total > 0:
        return float("nan")
    shares = squared[squared > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def write_spectra(net: nn.Module, path: Path) -> None:
    """Write the spectra of all layers as Parquet, atomically.

    One row per singular value: layer, number (from 1), squared, effective_rank (of the layer).
    """
    spectra = squared_singular_values(net)
    counts = [len(squared) for squared in spectra.values()]
    columns = {
        "layer": np.repeat(np.array(list(spectra), dtype=object), counts),
        "number": np.concatenate([np.arange(1, count + 1) for count in counts]),
        "squared": np.concatenate(list(spectra.values())),
        "effective_rank": np.repeat([effective_rank(squared) for squared in spectra.values()], counts),
    }
    write_parquet(path, columns)
