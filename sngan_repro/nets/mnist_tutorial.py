"""The networks of the SN-GAN tutorial on MNIST, for images of 28 pixels (see the family ``mnist_tutorial``)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.precision import full_precision
from sngan_repro.nets.weights import normalisers_of, original_weight, weighted_layers

SLOPE = 0.2  # of D's leaky ReLU
INIT_SD = 0.02


class TutorialGenerator(nn.Module):
    """Three transposed convolutions with batch norm and ReLU, and a last one with tanh: maps of 1, 3, 6, 13, 28 pixels.

    For ``width`` 64 the channels are those of the tutorial: 256, 128, 64. initial_gain: of batch norm, for
    :func:`initialise_as_written`.
    """

    def __init__(self, z_dim: int, image: ImageSpec, width: int, initial_gain: float = 0.0) -> None:
        super().__init__()
        self.initial_gain, self.pytorch_weights = initial_gain, False
        shapes = [(4 * width, 3, 2), (2 * width, 4, 1), (width, 3, 2)]  # channels, kernel, stride
        stages: list[nn.Module] = []
        previous = z_dim
        for channels, kernel, stride in shapes:
            stages += [nn.ConvTranspose2d(previous, channels, kernel, stride), nn.BatchNorm2d(channels), nn.ReLU()]
            previous = channels
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.ConvTranspose2d(previous, image.channels, 4, 2)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, 28, 28) in (-1, 1) of latents (N, z_dim). The family has no class labels."""
        x = z[:, :, None, None]  # (N, z_dim, 1, 1)
        x = self.stages(x)  # (N, width, 13, 13)
        return full_precision(self.to_image(x)).tanh()  # (N, C, 28, 28), float32


class TutorialDiscriminator(nn.Module):
    """Two convolutions with normaliser and leaky ReLU, and a last one to one number: maps of 28, 13, 5, 1 pixels.

    The last convolution, 4x4 with stride 2 on 5x5 maps, does not use their last row and column. For ``width`` 64 the
    channels are those of the tutorial: 16 and 32. norm: makes an activation normaliser for a number of channels, or
    None. norm_first: after the first convolution, too. dropout: probability after each leaky ReLU. initial_gain: as in
    G. pytorch_weights: True to keep PyTorch's initial weights.
    """

    def __init__(
        self,
        image: ImageSpec,
        width: int,
        norm: Callable[[int], nn.Module] | None = None,
        norm_first: bool = True,
        num_outputs: int = 1,
        dropout: float = 0.0,
        initial_gain: float = 0.0,
        pytorch_weights: bool = False,
    ) -> None:
        super().__init__()
        self.initial_gain, self.pytorch_weights = initial_gain, pytorch_weights
        layers: list[nn.Module] = []
        previous = image.channels
        for index, channels in enumerate((max(1, width // 4), max(1, width // 2))):
            normaliser = [norm(channels)] if norm and (index or norm_first) else []
            layers += [nn.Conv2d(previous, channels, 4, 2), *normaliser, nn.LeakyReLU(SLOPE)]
            layers += [nn.Dropout(dropout)] if dropout else []
            previous = channels
        self.features = nn.Sequential(*layers)
        self.to_logit = nn.Conv2d(previous, num_outputs, 4, 2)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        """Logits (N,), or (N, num_outputs), of images (N, C, 28, 28); float32 also under autocast."""
        x = self.features(images)  # (N, width / 2, 5, 5)
        logits = full_precision(self.to_logit(x).flatten(1).squeeze(1))  # (N,) or (N, num_outputs)
        return DOutput(logits, (x,))


@torch.no_grad()
def initialise_as_written(net: TutorialGenerator | TutorialDiscriminator) -> nn.Module:
    """The initial values of the tutorial, in place; returns ``net``.

    Weights of convolutions: N(0, 0.02), with PyTorch's initial biases. Trained gains of batch norm: N(initial_gain,
    0.02), shifts 0. With ``pytorch_weights`` the weights stay as PyTorch made them; the gains do not.
    """
    if not net.pytorch_weights:
        for _, layer in weighted_layers(net):
            nn.init.normal_(original_weight(layer), 0.0, INIT_SD)
    start_normalisers(net)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.weight.requires_grad:
            nn.init.normal_(module.weight, net.initial_gain, INIT_SD)
    return net


def start_normalisers(net: nn.Module) -> nn.Module:
    """Start the weight normalisers of a network from its present weights; returns ``net``."""
    for _, layer in weighted_layers(net):
        for normaliser in normalisers_of(layer):
            if isinstance(normaliser, WeightNormaliser):
                normaliser.reset(original_weight(layer))
    return net
