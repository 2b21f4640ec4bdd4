"""The family ``cnn``: the standard CNN of the SNGAN paper (Miyato et al. 2018, Table 3), and its autoencoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro.nets.families import FAMILIES, Family, FamilyOptions


class CNNOptions(FamilyOptions):
    """Where the paper and the public code of the same group (chainer-gan-lib) differ. Defaults: the paper."""

    widen_at: Literal["conv", "stride"] = Field(
        "conv", description="layers of D that double the channels: 3x3 (the paper), or 4x4 with stride 2 (its code)"
    )
    slope: float = Field(0.1, ge=0, lt=1, description="of D's leaky ReLU; the code: 0.2")
    dense_norm: bool = Field(False, description="batch norm and ReLU after G's dense layer, as in the code")
    last_width: float = Field(
        1.0, gt=0, le=16, description="factor of the input and output channels of D's last convolution (Figure 4)"
    )
    pool: Literal["flatten", "sum"] | None = Field(
        None, description="what D's dense layer gets of the last maps; default: flatten, or sum in a conditional D"
    )


@FAMILIES.register("cnn")
class CNN(Family):
    """Images from 16 to 128 pixels, grey or RGB."""

    name = "cnn"
    summary = "the standard CNN of the SNGAN paper (Table 3), and a convolutional autoencoder of the same widths"
    conditional = True
    Options = CNNOptions
    not_of_autoencoder = frozenset({"widen_at", "slope", "last_width", "pool"})

    @classmethod
    def generator(cls, nets, image):
        from sngan_repro.nets.cnn import ConvGenerator

        return ConvGenerator(nets.z_dim, image, nets.width, cls.options(nets).dense_norm)

    @classmethod
    def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
        from sngan_repro.nets.cnn import ConvDiscriminator

        options = cls.options(nets)
        return ConvDiscriminator(
            image,
            nets.width,
            norm,
            norm_first,
            num_outputs,
            condition=nets.condition_d if nets.conditional else None,
            embedding_dim=2 * nets.width,
            widen_at=options.widen_at,
            slope=options.slope,
            last_width=options.last_width,
            pool=options.pool or ("sum" if nets.conditional else "flatten"),
        )

    @classmethod
    def autoencoder_discriminator(cls, nets, image, code_dim):
        from sngan_repro.nets.autoencoder import AutoencoderDiscriminator

        return AutoencoderDiscriminator(image, nets.width, code_dim)
