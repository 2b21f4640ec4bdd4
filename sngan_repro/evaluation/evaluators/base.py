"""What an evaluator declares: how images become features and logits, where its weights come from, what it is called."""

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
    """Published weights: fetched once and checked, or staged by hand below ``data/weights/``."""

    name: str
    """The name of the file."""
    url: str
    sha256: str
    """Its SHA-256, or the first digits of it."""
    key: str | None = None
    """The key of config/config.yaml that may name another place, if there is one."""


class Evaluator:
    """Turns images into features and logits. Subclass it, set what follows, implement ``load``, register with
    ``@EVALUATORS.register("name")``; the name is that of ``evaluator`` in study files, and ends the names of columns.

    There are three kinds: a fixed function of pixels (neither of the next two), a published network (``weights``), and
    one that the workflow trains on each dataset (``trained``, and ``train`` too).
    """

    summary: ClassVar[str]
    """One line for listings: what it is, and when to use it."""
    preprocessing: ClassVar[str]
    """From uint8 pixels to the input of the network, and what is taken from it. Part of the evaluator's digest: say
    everything that changes features, and change it with them."""
    features: ClassVar[str]
    """What its scores rest on, with article, for sentences of the report."""
    batch_size: ClassVar[int] = 64
    """Images per pass. Speed only."""
    threads: ClassVar[int] = 8
    """CPU threads that its job asks for."""
    trained: ClassVar[bool] = False
    """True when it is trained on the dataset's train split, with the options of the study's key ``classifier``; then it
    needs labels, and its logits are the dataset's classes."""
    weights: ClassVar[WeightsFile | None] = None
    """Published weights that it needs."""
    has_classes: ClassVar[bool] = True
    """Whether the logits are class scores; without, scores of classes are refused."""
    published_as: ClassVar[str | None] = None
    """The value of ``features`` in files of published values whose scores have the units of this one's; None: none."""

    @classmethod
    def load(cls, weights: Path | None, device: torch.device | str = "cpu") -> Extractor:
        """The function from uint8 images (N, 3, H, W), grey ones repeated over the channels, to features (N, D) and
        logits (N, C).

        weights: the file of the published or trained weights; None where there are none. Raises ConfigError when it
        cannot be used.
        """
        raise NotImplementedError

    @classmethod
    def train(cls, data: PreparedData, options: EvaluatorSpec, path: Path, device: torch.device | str) -> None:
        """Train on the train split, of at least two classes and labelled throughout, and write the weights to ``path``.

        Equal data and options should give equal bytes on one machine: the digest of the weights is the evaluator's.
        """
        raise NotImplementedError

    @classmethod
    def weights_given(cls, machine: MachineConfig) -> str | None:
        """Where config/config.yaml says that the published weights are, if it does."""
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
    """The evaluators that need no labels, as a study file names them: ```evaluator: inception```."""
    return " or ".join(f"`evaluator: {name}`" for name in EVALUATORS.names() if not EVALUATORS.get(name).trained)


def trained_options(name: str, options: Any) -> dict[str, Any]:
    """The options that are part of an evaluator: those of the study for a trained one, else none."""
    return options.to_dict() if EVALUATORS.get(name).trained else {}
