"""The network of the evaluator ``inception``. Nothing heavy is imported until it is built."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import nn

LAYERS = ["2048", "logits_unbiased"]


def load_inception(weights: Path, device: torch.device | str = "cpu") -> nn.Module:
    """uint8 (N, 3, H, W) -> (features (N, 2048), logits without bias (N, 1008)), in evaluation mode.

    The weights are read as plain tensors: a file that carries code is refused, not run. Raises ConfigError.
    """
    import torch

    from sngan_repro.evaluation.extractors import InceptionExtractor

    key = "see `inception_weights` in config/config.yaml"
    if not weights.exists():
        raise ConfigError(f"{weights}: no such file; {key}")
    try:
        # torch-fidelity reads the file with weights_only=False; reading it strictly before shows that it is harmless
        torch.load(weights, map_location="cpu", weights_only=True)
        net = InceptionExtractor("sngan-repro-inception", LAYERS, feature_extractor_weights_path=str(weights))
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"{weights}: not a state dict of torch-fidelity's InceptionV3 ({reason}); {key}") from None
    return net.to(device)
