"""The evaluator ``inception``: torch-fidelity's InceptionV3, the TensorFlow graph of 2015 used in the literature."""

from __future__ import annotations

from sngan_repro.evaluation.evaluators.base import EVALUATORS, Evaluator, WeightsFile


@EVALUATORS.register("inception")
class InceptionEvaluator(Evaluator):
    """Loaded by :func:`sngan_repro.evaluation.inception.load_inception`."""

    summary = "InceptionV3 of torch-fidelity (inception-v3-compat), comparable with the literature"
    preprocessing = (
        "uint8 RGB, grey repeated; bilinear to 299 as TensorFlow 1; (x - 128) / 128; layers 2048, logits_unbiased"
    )
    features = "torch-fidelity's port of the TensorFlow Inception graph"
    batch_size = 16  # larger ones gain nothing on a CPU and little on a GPU
    published_as = "inception"
    weights = WeightsFile(
        name="weights-inception-2015-12-05-6726825d.pth",
        url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        sha256="6726825d",  # the first digits: the publisher's check, carried in the file's name
        key="inception_weights",
    )

    @classmethod
    def load(cls, weights, device="cpu"):
        from sngan_repro.evaluation.inception import load_inception

        return load_inception(weights, device)
