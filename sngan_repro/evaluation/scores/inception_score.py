"""The Inception Score (Salimans et al. 2016, arXiv:1606.03498). It equals torch-fidelity's ``isc``."""

from __future__ import annotations

from itertools import pairwise

from sngan_repro.core.lazy import np, torch
from sngan_repro.evaluation.scores.base import SCORES, Score, rng_seed


@SCORES.register("is")
class InceptionScore(Score):
    """exp E_y KL(p(c | y) || p(c)), mean over splits of the shuffled samples; the spread is the SD over the splits."""

    title = "IS"
    long_title = "Inception Score"
    higher_is_better = True
    uses_real_images = False
    needs_classes = True
    measures = "the classifier is sure of each image, and the classes vary"
    blind_to = "anything about real images; variety within a class; one image per class is enough for the top"
    report = (
        r"The **Inception Score** [@salimans2016], $\exp \mathbb{E}\,\mathrm{KL}(p(c \mid y) \,\|\, p(c))$, is high "
        "when the evaluator's classifier is sure of each generated image and the classes vary."
    )
    computed_by = "torch-fidelity [@obukhov2020]"

    @classmethod
    def compute(cls, sets):
        splits = sets.protocol.is_splits
        value, spread = inception_score(sets.fake["logits"], splits, rng_seed(sets.protocol))
        return value if splits == 1 else (value, spread, f"{splits} splits")

    @classmethod
    def infeasible(cls, protocol, num_fake, num_real):
        del num_real
        enough = num_fake >= 2 * protocol.is_splits
        return None if enough else f"{num_fake} images are too few for `is_splits` {protocol.is_splits}"

    @classmethod
    def name_part(cls, protocol):
        return "" if protocol.is_splits == 10 else f"s{protocol.is_splits}"

    @classmethod
    def label_part(cls, protocol):
        return f"{protocol.is_splits} split" + "s" * (protocol.is_splits != 1)

    @classmethod
    def sentence_part(cls, protocol):
        one = protocol.is_splits == 1
        return "IS of all samples at once" if one else f"IS averaged over {protocol.is_splits} splits"

    @classmethod
    def report_text(cls, protocols):
        splits = {protocol.is_splits for protocol in protocols}
        if max(splits) == 1:
            return cls.report
        where = " where a protocol has more than one" if 1 in splits else ""
        return (
            f"{cls.report} It is averaged over splits of the samples{where}; the spread over these splits is stored "
            "with the scores and is *not* what ± means in this report."
        )


def inception_score(logits: np.ndarray, splits: int, seed: int) -> tuple[float, float]:
    """exp of the mean KL(p(c | x) || p(c)): mean and standard deviation over the splits of the shuffled images.

    logits: (N, C), N at least ``splits``. seed: of the permutation. p(c) is the mean over the split. In float64.
    """
    order = np.random.RandomState(seed).permutation(len(logits))
    shuffled = torch.from_numpy(logits[order]).double()
    p, log_p = shuffled.softmax(dim=1), shuffled.log_softmax(dim=1)  # (N, C)
    bounds = [index * len(logits) // splits for index in range(splits + 1)]
    scores = []
    for first, last in pairwise(bounds):
        part, log_part = p[first:last], log_p[first:last]
        divergence = (part * (log_part - part.mean(dim=0, keepdim=True).log())).sum(dim=1)
        scores.append(divergence.mean().exp().item())
    return float(np.mean(scores)), float(np.std(scores))
