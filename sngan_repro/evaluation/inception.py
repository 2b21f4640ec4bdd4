"""The evaluators as torch-fidelity's feature extractors, under names of this package.

Importing this module imports torch-fidelity (seconds) and registers both, so that its own functions can be used:

    import sngan_repro.evaluation.inception
    torch_fidelity.calculate_metrics(
        input1=fake, input2=real, feature_extractor="sngan-repro-classifier",
        feature_extractor_weights_path="<evaluator folder>/weights.safetensors", isc=True, fid=True, cache=False,
    )

Always use ``cache=False``: torch-fidelity's cache identifies inputs by name only and may return values of other data.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch_fidelity import FeatureExtractorBase, FeatureExtractorInceptionV3, register_feature_extractor
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.classifier import load_classifier

LAYERS = ["2048", "logits_unbiased"]


class InceptionExtractor(FeatureExtractorInceptionV3):
    """``inception-v3-compat`` with convolutions in channels-last order: equal values to 3e-7, 1.5 times as fast."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.to(memory_format=torch.channels_last)


class ClassifierExtractor(FeatureExtractorBase):
    """The classifier of one dataset; layers "features" (FID, KID, precision, recall) and "logits" (IS).

    feature_extractor_weights_path: the evaluator's weights.safetensors, required.
    """

    LAYERS: ClassVar = ("features", "logits")

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **_: Any
    ) -> None:
        super().__init__(name, features_list)
        if feature_extractor_weights_path is None:
            raise ValueError(f"{name}: feature_extractor_weights_path must name the evaluator's weights.safetensors")
        self.net = load_classifier(Path(feature_extractor_weights_path))

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        outputs = dict(zip(self.LAYERS, self.net(input), strict=True))  # features (N, D), logits (N, C)
        return tuple(outputs[layer] for layer in self.features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ClassifierExtractor.LAYERS

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "logits" if metric == "isc" else "features"

    @staticmethod
    def can_be_compiled() -> bool:
        return False


for _name, _extractor in (
    ("sngan-repro-classifier", ClassifierExtractor),
    ("sngan-repro-inception", InceptionExtractor),
):
    if _name not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor(_name, _extractor)


def load_inception(weights: Path, device: torch.device | str = "cpu") -> nn.Module:
    """uint8 (N, 3, H, W) -> (features (N, 2048), logits without bias (N, 1008)), in evaluation mode.

    The weights are read as plain tensors: a file that carries code is refused, not run. Raises ConfigError.
    """
    key = "see `inception_weights` in config/config.yaml"
    if not weights.exists():
        raise ConfigError(f"{weights}: no such file; {key}")
    try:
        # torch-fidelity reads the file with weights_only=False. A strict reading before it shows that there is no code.
        torch.load(weights, map_location="cpu", weights_only=True)
        net = InceptionExtractor("sngan-repro-inception", LAYERS, feature_extractor_weights_path=str(weights))
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"{weights}: not a state dict of torch-fidelity's InceptionV3 ({reason}); {key}") from None
    return net.to(device)
