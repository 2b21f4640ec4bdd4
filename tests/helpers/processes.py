"""A training for a process of its own, which imports this module."""

from __future__ import annotations

from pathlib import Path

import torch

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions


def train_in_process(spec_json: str, folder: str, images: str) -> None:
    """Trains on one thread of the CPU. The state is saved all the time, so that a kill always finds one."""
    torch.set_num_threads(1)
    options = TrainOptions(checkpoint_seconds=1e-3)
    train(RunSpec.model_validate_json(spec_json), RunPaths(Path(folder)), Path(images), torch.device("cpu"), options)
