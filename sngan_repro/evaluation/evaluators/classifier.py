"""The evaluator ``classifier``; its network and training are in :mod:`sngan_repro.evaluation.classifier`."""

from __future__ import annotations

from sngan_repro.core.lazy import torch
from sngan_repro.evaluation.evaluators.base import EVALUATORS, Evaluator


@EVALUATORS.register("classifier")
class ClassifierEvaluator(Evaluator):
    """A small network trained on the study's dataset: more reliable than Inception for small grey images."""

    summary = "a small network trained by the workflow on the study's own dataset; works offline"
    preprocessing = "uint8 RGB; mean over channels for grey datasets; x / 127.5 - 1"
    features = "a classifier trained in this study"
    batch_size = 256  # larger ones gain nothing on a CPU and little on a GPU
    threads = 1
    trained = True

    @classmethod
    def load(cls, weights, device="cpu"):
        from sngan_repro.evaluation.classifier import load_classifier

        return load_classifier(weights, device)

    @classmethod
    def train(cls, data, options, path, device):
        from sngan_repro.evaluation.classifier import save_classifier, train_classifier

        images, labels = (torch.tensor(array("train")) for array in (data.images, data.labels))
        num_classes = max(int(labels.max()) + 1, len(data.classes or ()))
        save_classifier(train_classifier(images, labels, num_classes, options, device), path)
