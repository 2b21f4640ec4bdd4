"""Trained networks as files that other programs read: ``torch.export`` and ONNX; D without its weight normalisers."""

from __future__ import annotations

import copy
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.weights import effective_weight, normalisers_of, spectral_norms_of, weighted_layers

ONNX_PACKAGES = ("onnx", "onnxscript")
"""What torch's exporter to ONNX needs; the extra ``onnx`` of this package installs them."""
TOLERANCE = 1e-5
"""The largest difference between the outputs of a network and of what is read back from its file."""


def folded(net: nn.Module) -> nn.Module:
    """A copy of a network in evaluation mode whose layers hold the normalised weights themselves.

    Its outputs are those of ``net`` in evaluation mode. PyTorch's ``remove_parametrizations`` would change the class of
    the layers, which a copy shares with ``net``, so the layers of the copy get their original class here.
    """
    found = copy.deepcopy(net).eval()
    if together := spectral_norms_of(found):
        together.remove()
    for _, layer in weighted_layers(found):
        if not normalisers_of(layer):
            continue
        weight, original = effective_weight(layer).clone(), parametrize.type_before_parametrizations(layer)
        del layer.parametrizations
        layer.__class__ = original
        layer.register_parameter("weight", nn.Parameter(weight))
    return found


class ImagesOfLatents(nn.Module):
    """G(z), or G(z, labels) of a class-conditional generator: images (N, C, H, W), float32 in (-1, 1)."""

    def __init__(self, G: nn.Module) -> None:
        super().__init__()
        self.G = G

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.G(z, labels)  # (N, C, H, W)


class LogitsOfImages(nn.Module):
    """D(images), or D(images, labels): logits (N,), float32."""

    def __init__(self, D: nn.Module) -> None:
        super().__init__()
        self.D = D

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.D(images, labels).logits  # (N,)


def write_program(net: nn.Module, inputs: Sequence[Tensor], path: Path, expected: nn.Module | None = None) -> float:
    """Write a network by ``torch.export``, for any batch size; returns the largest difference of what is read back.

    inputs: an example, each tensor with the batch first. expected: the network whose outputs the file should give;
    default: ``net``. ``torch.export.load(path).module()`` reads the file without this package. Raises ConfigError if
    outputs differ by more than TOLERANCE.
    """
    expected = net.eval() if expected is None else expected.eval()
    net = _plain(net)
    with torch.no_grad(), _quiet():
        program = torch.export.export(net, tuple(inputs), dynamic_shapes=_batches(inputs))
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            torch.export.save(program, stream)
        found = torch.export.load(path).module()
        other = [_repeated(tensor) for tensor in inputs]
        return _difference(found(*other), expected(*other), path)


def onnx_missing() -> list[str]:
    """The packages that an export to ONNX needs and that are not installed."""
    return [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]


def write_onnx(net: nn.Module, inputs: Sequence[Tensor], names: Sequence[str], output: str, path: Path) -> float | None:
    """Write a network as ONNX by torch's exporter, for any batch size.

    Returns the largest difference between its outputs and those of ``net``, computed by ONNX Runtime; None if that is
    not installed. names: of the inputs; output: name of the output. Raises ConfigError as :func:`write_program` does.
    """
    net = _plain(net)
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            net,
            tuple(inputs),
            dynamo=True,
            dynamic_shapes=_batches(inputs),
            input_names=list(names),
            output_names=[output],
            verbose=False,
        )
        assert program is not None
        with atomic_path(path) as temporary:
            program.save(temporary, external_data=False)
        if importlib.util.find_spec("onnxruntime") is None:
            return None
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        other = [_repeated(tensor) for tensor in inputs]
        values = {name: tensor.numpy() for name, tensor in zip(names, other, strict=True)}
        (found,) = session.run([output], values)
        return _difference(torch.from_numpy(found), net(*other), path)


def _plain(net: nn.Module) -> nn.Module:
    """A copy in evaluation mode, on the CPU and with PyTorch's usual memory format."""
    return copy.deepcopy(net).eval().cpu().to(memory_format=torch.contiguous_format)


def _batches(inputs: Sequence[Tensor]) -> Any:
    """The first dimension of each input is the batch, of any size."""
    size = torch.export.Dim("batch", min=1)
    return tuple({0: size} for _ in inputs)


def _repeated(tensor: Tensor) -> Tensor:
    """A batch of another size than the example's."""
    return torch.cat([tensor, tensor, tensor[:1]])


def _difference(found: Tensor, expected: Tensor, path: Path) -> float:
    difference = float((found - expected).abs().max())
    if not difference <= TOLERANCE:
        path.unlink()
        raise ConfigError(
            f"{path.name}: the exported network gives outputs that differ by {difference:.1e}, more than {TOLERANCE}"
        )
    return difference


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own messages about its progress."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
