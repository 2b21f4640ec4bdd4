"""The family ``mnist_tutorial``: the small networks of the tutorial "Using PyTorch to implement SN-GAN" on MNIST."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.families import FAMILIES, Family, FamilyOptions


class MNISTTutorialOptions(FamilyOptions):
    """Where the tutorial may be read in two ways, and what its claims need. Defaults: the tutorial as it is written."""

    batch_norm_gain: Literal[0, 1] = Field(
        0, description="mean of the initial gains of batch norm in G and D (init: dcgan); the tutorial: 0, usual: 1"
    )
    d_init: Literal["written", "pytorch"] = Field(
        "written",
        description="initial weights of D. written: those of `init`; pytorch: the defaults of PyTorch's layers, which "
        "the tutorial's code has on a GPU",
    )
    norm_first: bool = Field(True, description="D's activation normaliser after the first convolution, too")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability of dropout after each leaky ReLU of D")


@FAMILIES.register("mnist_tutorial")
class MNISTTutorial(Family):
    """Images of 28 pixels, grey or RGB. ``width`` 64, ``z_dim`` 64 and ``init: dcgan`` are those of the tutorial.

    D's batch norm is an option of the method: ``norm: batch`` with ``gain: true``.
    """

    name = "mnist_tutorial"
    summary = "transposed convolutions without a dense layer, from the SN-GAN tutorial on MNIST; no autoencoder"
    sizes = (28,)
    Options = MNISTTutorialOptions

    @classmethod
    def check(cls, nets, image_size):
        super().check(nets, image_size)
        if nets.init != "dcgan" and "batch_norm_gain" in nets.options:
            raise ConfigError(f"nets: options: batch_norm_gain: has no effect with `init: {nets.init}`; remove it")

    @classmethod
    def generator(cls, nets, image):
        from sngan_repro.nets.mnist_tutorial import TutorialGenerator

        return TutorialGenerator(nets.z_dim, image, nets.width, cls.options(nets).batch_norm_gain)

    @classmethod
    def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
        from sngan_repro.nets.mnist_tutorial import TutorialDiscriminator

        options = cls.options(nets)
        return TutorialDiscriminator(
            image,
            nets.width,
            norm,
            norm_first or options.norm_first,
            num_outputs,
            options.dropout,
            options.batch_norm_gain,
            options.d_init == "pytorch",
        )

    @classmethod
    def initialise(cls, net, scheme):
        from sngan_repro.nets.mnist_tutorial import initialise_as_written, start_normalisers

        if scheme == "dcgan":
            return initialise_as_written(net)
        return start_normalisers(net) if net.pytorch_weights else super().initialise(net, scheme)
