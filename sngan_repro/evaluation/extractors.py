"""The evaluators as torch-fidelity's feature extractors, under names of our own.

Importing this module imports torch-fidelity (seconds) and registers both, so that its own entry points can be used:

    import sngan_repro.evaluation.extractors
    torch_fidelity.calculate_metrics(
        input1=fake, input2=real, feature_extractor="sngan-repro-classifier",
        feature_extractor_weights_path="<evaluator folder>/weights.safetensors", isc=True, fid=True, cache=False,
    )

Always with ``cache=False``: torch-fidelity's cache knows inputs by name only and returns values of other data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_fidelity import FeatureExtractorBase, FeatureExtractorInceptionV3, register_feature_extractor
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

from sngan_repro.evaluation.classifier import load_classifier


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
        outputs = dict(zip(self.LAYERS, self.net(input), strict=True))
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


class InceptionExtractor(FeatureExtractorInceptionV3):
    """``inception-v3-compat`` with its convolutions in channels-last order: the same values to 3e-7, 1.5x faster."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.to(memory_format=torch.channels_last)


for _name, _extractor in (
    ("sngan-repro-classifier", ClassifierExtractor),
    ("sngan-repro-inception", InceptionExtractor),
):
    if _name not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor(_name, _extractor)
