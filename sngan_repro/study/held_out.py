"""Checks of ``training.critic_loss_images``, which needs held-out images. No torch here."""

from __future__ import annotations

from pathlib import Path

from sngan_repro.core.schema import ConfigError
from sngan_repro.data.record import read_prepared
from sngan_repro.study.study import Study


def check_held_out(study: Study, dataset: str, num_test: int | None) -> None:
    """Raise ConfigError if the critic loss is asked for, and nothing is trained or a dataset has no held-out images.

    num_test: held-out images of the dataset; None if the number is not known yet.
    """
    asked = study.training.critic_loss_images
    if asked is None:
        return
    key = f"training: critic_loss_images: {asked}"
    if not study.trained_labels:
        raise ConfigError(f"{key}: has no effect, since all methods are programs; remove it")
    if num_test == 0:
        raise ConfigError(
            f"{key}: needs held-out images, and the dataset '{dataset}' has none; give it a `test_fraction`, or remove "
            "the key"
        )


def check_prepared_held_out(study: Study, dataset: str, folder: Path) -> None:
    """:func:`check_held_out` for images that are prepared already; nothing is checked before they are."""
    if (found := read_prepared(folder)) is not None:
        check_held_out(study, dataset, found["num_test"])
