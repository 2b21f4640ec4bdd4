"""The evaluator ``inception``: torch-fidelity's InceptionV3, the TensorFlow graph of 2015-12-05 used in the literature.

Weights by path, or fetched once and checked. Nothing heavy is imported until the network is built.
"""

from __future__ import annotations

import http.client
import pickle
import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config import ConfigError
from sngan_repro.files import atomic_path, file_sha256

if TYPE_CHECKING:
    import torch
    from torch import nn

WEIGHTS_NAME = "weights-inception-2015-12-05-6726825d.pth"
WEIGHTS_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS_NAME}"
WEIGHTS_SHA256 = "6726825d"  # the first digits: the publisher's check, carried in the file's name
TIMEOUT_SECONDS = 60

LAYERS = ["2048", "logits_unbiased"]
PREPROCESSING = (
    "uint8 RGB, grey repeated; bilinear to 299 as TensorFlow 1; (x - 128) / 128; layers 2048, logits_unbiased"
)


def fetch_weights(
    weights_dir: Path, download: bool, url: str = WEIGHTS_URL, sha256_prefix: str = WEIGHTS_SHA256
) -> Path:
    """The path of the published weights below ``weights_dir``, downloaded when missing and ``download`` allows it.

    The file is checked against its checksum whether it was just fetched or was there already; a download that is cut
    short or altered is not left behind. Raises ConfigError saying where the file may come from and where to put it.
    """
    path = weights_dir / WEIGHTS_NAME
    by_hand = (
        f"Fetch {url} by hand and put it at {path}, or name its place as `inception_weights` in config/config.yaml."
    )
    if path.exists():
        found = file_sha256(path)
        if not found.startswith(sha256_prefix):
            raise ConfigError(
                f"{path}: this is not the published file: its SHA-256 begins with {found[:8]}, expected "
                f"{sha256_prefix}; remove it. {by_hand}"
            )
        return path
    if not download:
        raise ConfigError(f"{path}: Inception weights are missing and `download` is false. {by_hand}")
    try:
        with atomic_path(path) as temporary:
            request = urllib.request.Request(url, headers={"User-Agent": "sngan-repro"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
            found = file_sha256(temporary)
            if not found.startswith(sha256_prefix):
                raise ConfigError(
                    f"{url}: the download is damaged: {temporary.stat().st_size} bytes, SHA-256 begins with "
                    f"{found[:8]}, expected {sha256_prefix}. {by_hand}"
                )
    except (OSError, http.client.HTTPException) as error:
        raise ConfigError(f"{url}: the download failed ({error}). {by_hand}") from None
    return path


def load_inception(weights: Path, device: torch.device | str = "cpu") -> nn.Module:
    """uint8 (N, 3, H, W) -> (features (N, 2048), logits without bias (N, 1008)), in evaluation mode.

    The weights are read as plain tensors: a file that carries code is refused, not run. Raises ConfigError.
    """
    import torch

    from sngan_repro.evaluate.extractors import InceptionExtractor

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
