"""The family ``resnet``: the residual networks of the SNGAN paper (Miyato et al. 2018, Tables 4-6)."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.families import FAMILIES, Family, FamilyOptions


class ResNetOptions(FamilyOptions):
    """Where the papers and programs that use these networks differ. Defaults: the authors' code."""

    upsample: Literal["nearest", "bilinear"] = Field("nearest", description="in G's blocks")
    pool: Literal["sum", "mean"] = Field("sum", description="over the positions of D's last maps")
    dense_bias: bool = Field(False, description="a bias in D's dense layer")
    width_g: int | None = Field(
        None, ge=1, le=1024, description="channels of G nearest to the image; default: `width`, 4 times it at 32 px"
    )
    width_d: int | None = Field(
        None, ge=1, le=1024, description="channels of D nearest to the image; default: `width`, twice it at 32 px"
    )
    init_gain: float = Field(
        math.sqrt(2), gt=0, description="factor of the initial weights of the blocks' 3x3 layers (init: xavier)"
    )


@FAMILIES.register("resnet")
class ResNet(Family):
    """Images of 32, 48, 64 and 128 pixels, grey or RGB. ``width`` 64 is the size of the paper."""

    name = "resnet"
    summary = "the residual networks of the SNGAN paper (Tables 4-6), without an autoencoder"
    conditional = True
    sizes = (32, 48, 64, 128)
    Options = ResNetOptions

    @classmethod
    def check(cls, nets, image_size):
        super().check(nets, image_size)
        if nets.init != "xavier" and "init_gain" in nets.options:
            raise ConfigError(f"nets: options: init_gain: has no effect with `init: {nets.init}`; remove it")

    @classmethod
    def generator(cls, nets, image):
        from sngan_repro.nets.resnet import PLANS, ResNetGenerator

        options = cls.options(nets)
        width = options.width_g or nets.width * PLANS[image.size].scale_g
        return ResNetGenerator(nets.z_dim, image, width, options.upsample, options.init_gain)

    @classmethod
    def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
        from sngan_repro.nets.resnet import PLANS, ResNetDiscriminator

        options = cls.options(nets)
        return ResNetDiscriminator(
            image,
            options.width_d or nets.width * PLANS[image.size].scale_d,
            norm,
            norm_first,
            num_outputs,
            condition=nets.condition_d if nets.conditional else None,
            embedding_dim=2 * nets.width,
            pool=options.pool,
            dense_bias=options.dense_bias,
            gain=options.init_gain,
        )

    @classmethod
    def initialise(cls, net, scheme):
        from sngan_repro.nets.gains import scale_initial_weights

        net = super().initialise(net, scheme)
        return scale_initial_weights(net) if scheme == "xavier" else net
