"""The interface of an evaluator: from images to features and logits, the source of its weights, its names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sngan_repro.config.machine import MachineConfig
from sngan_repro.core.registry import Registry, require_complete
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    import torch

    from sngan_repro.config.specs import EvaluatorSpec
    from sngan_repro.data.dataset import PreparedData
    from sngan_repro.evaluation.features import Extractor


class WeightsFile(NamedTuple):
    """Published weights: downloaded once and checked, or put by hand under ``data/weights/``."""

    name: str
    """The name of the file."""
    url: str
    sha256: str
    """Its SHA-256, or the first digits of it."""
    key: str | None = None
    """The key of config/config.yaml that may name another file, if there is such a key."""


class Evaluator:
    """Computes features and logits of images. Subclass it, set the attributes below, implement ``load``, and register
    the class with ``@EVALUATORS.register("name")``. The name is used in ``evaluator`` of study files. Column names end
    with it.

    There are three kinds: a published network (``weights``), a network that the workflow trains on each dataset
    (``trained``; implement ``train``, too), and a fixed function of the pixels (neither).
    """

    summary: ClassVar[str]
    """One line for listings: its kind and its use."""
    preprocessing: ClassVar[str]
    """From uint8 pixels to the input of the network, and the layers used. It is part of the evaluator's digest: it
    must contain everything that changes the features."""
    features: ClassVar[str]
    """The network of its features, with article, for sentences of the report."""
    batch_size: ClassVar[int] = 64
    """Images per pass. It changes the speed only."""
    threads: ClassVar[int] = 8
    """CPU threads of its job. A trained evaluator is trained with this number wherever it is built."""
    trained: ClassVar[bool] = False
    """True if it is trained on the dataset's train split, with the options of the study's key ``classifier``. It then
    needs labels, and its logits are for the dataset's classes."""
    weights: ClassVar[WeightsFile | None] = None
    """The published weights that it needs."""
    has_classes: ClassVar[bool] = True
    """True if the logits are class scores. Otherwise scores that need classes are refused."""
    published_as: ClassVar[str | None] = None
    """The value of ``features`` in files of published values that can be compared with its scores; None: none can."""

    @classmethod
    def load(cls, weights: Path | None, device: torch.device | str = "cpu") -> Extractor:
        """A function from uint8 images (N, 3, H, W), grey ones repeated over the channels, to features (N, D) and
        logits (N, C).

        weights: the file of the published or trained weights; None if there are none. Raises ConfigError if it cannot
        be used.
        """
        raise NotImplementedError

    @classmethod
    def train(cls, data: PreparedData, options: EvaluatorSpec, path: Path, device: torch.device | str) -> None:
        """Train on the train split and write the weights to ``path``. Each image has a label, of two or more classes.

        Equal data and options should give equal bytes on one machine, since the weights are part of the evaluator's
        digest.
        """
        raise NotImplementedError

    @classmethod
    def weights_given(cls, machine: MachineConfig) -> str | None:
        """The path of the published weights in config/config.yaml, or None if it gives none."""
        return getattr(machine, cls.weights.key) if cls.weights and cls.weights.key else None


def _check(name: str, evaluator: type[Evaluator]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):  # a folder is called classifier-<digest>
        raise ConfigError(f"evaluator '{name}': a name has small letters, digits and _ only, and begins with a letter")
    functions = ("load", "train") if evaluator.trained else ("load",)
    texts = ("summary", "preprocessing", "features")
    require_complete(f"evaluator '{name}'", evaluator, Evaluator, texts, functions)
    if evaluator.trained and evaluator.weights:
        raise ConfigError(f"evaluator '{name}': it is `trained` or has published `weights`, not both")


EVALUATORS: Registry[type[Evaluator]] = Registry("evaluator", "sngan_repro.evaluation.evaluators", _check)


def untrained() -> str:
    """The evaluators that need no labels, as in study files: ```evaluator: inception```."""
    return " or ".join(f"`evaluator: {name}`" for name in EVALUATORS.names() if not EVALUATORS.get(name).trained)


def trained_options(name: str, options: Any) -> dict[str, Any]:
    """The options that an evaluator depends on: those of the study for a trained one, else none."""
    return options.to_dict() if EVALUATORS.get(name).trained else {}
