"""The family ``dcgan``: the networks of Radford et al. 2016, for images of 32, 64 and 128 pixels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.families import FAMILIES, Family, FamilyOptions


class DCGANOptions(FamilyOptions):
    """Where programs that use these networks differ. Defaults: the paper."""

    output: Literal["tanh", "sigmoid"] = Field(
        "tanh", description="of G; sigmoid: G and D work with pixels in [0, 1] instead of [-1, 1]"
    )
    slope: float = Field(0.2, ge=0, lt=1, description="of D's leaky ReLU")
    condition_g: Literal["batch_norm", "concat"] = Field(
        "batch_norm", description="how G uses labels: gains and shifts per class, or an embedding beside the latent"
    )
    embedding_dim: int = Field(128, ge=1, le=4096, description="length of that embedding (condition_g: concat)")


@FAMILIES.register("dcgan")
class DCGAN(Family):
    """Square images whose size is a power of two from 32. ``width`` 64 and 64 pixels are the networks of the paper.

    D's batch norm is an option of the method: ``norm: batch`` with ``gain: true``, the defaults of ``dcgan``.
    """

    name = "dcgan"
    summary = "strided convolutions 4x4 without biases (DCGAN), without an autoencoder"
    conditional = True
    sizes = (32, 64, 128)
    Options = DCGANOptions

    @classmethod
    def check(cls, nets, image_size):
        super().check(nets, image_size)
        given = nets.options
        if "condition_g" in given and not nets.conditional:
            raise ConfigError("nets: options: condition_g: has no effect without `conditional: true`; remove it")
        if "embedding_dim" in given and cls.options(nets).condition_g != "concat":
            raise ConfigError("nets: options: embedding_dim: has no effect without `condition_g: concat`; remove it")

    @classmethod
    def generator(cls, nets, image):
        from sngan_repro.nets.dcgan import DCGANGenerator

        options = cls.options(nets)
        embedding_dim = options.embedding_dim if nets.conditional and options.condition_g == "concat" else 0
        return DCGANGenerator(nets.z_dim, image, nets.width, options.output, embedding_dim)

    @classmethod
    def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
        from sngan_repro.nets.dcgan import DCGANDiscriminator

        options = cls.options(nets)
        return DCGANDiscriminator(
            image,
            nets.width,
            norm,
            norm_first,
            num_outputs,
            condition=nets.condition_d if nets.conditional else None,
            label_dim=2 * nets.width,
            slope=options.slope,
            unit_range=options.output == "sigmoid",
        )

    @classmethod
    def initialise(cls, net, scheme):
        from sngan_repro.nets.dcgan import scatter_gains

        net = super().initialise(net, scheme)
        return scatter_gains(net) if scheme == "dcgan" else net
