"""Core methods with single faults of published reproductions as options, to measure what each fault does.

The faults are those of the scripts of Feng, Xu and Li (2019). Every such option says ``fault_`` in its name and is off
by default; without any, a method here is its core method bit for bit.
"""

from __future__ import annotations

from pydantic import Field

from sngan_repro import nets
from sngan_repro.core.lazy import torch
from sngan_repro.methods.base import METHODS
from sngan_repro.methods.ebgan import EBGAN
from sngan_repro.methods.sngan import SNGAN
from sngan_repro.methods.wgan_gp import WGANGP


@METHODS.register("sngan_with_faults")
class SNGANWithFaults(SNGAN):
    """SNGAN whose D may have batch norm or many outputs."""

    title = "SNGAN-with-faults"
    summary = "SNGAN with faults of published code as options: batch norm in D, many outputs of D"
    source = "miyato2018, feng2019"

    class Options(SNGAN.Options):  # type: ignore[valid-type, misc]
        fault_batch_norm: bool = Field(
            False, description="batch norm with gain after every convolution of D; it lifts the bound on D's slope"
        )
        fault_num_outputs: int = Field(
            1, ge=1, le=4096, description="outputs of D, each an independent logit; the losses are summed over them"
        )

    @classmethod
    def equations_for(cls, options):
        equations = super().equations_for(options)
        if options.fault_num_outputs > 1:
            equations += rf", \qquad f = (f_1, \ldots, f_K),\ K = {options.fault_num_outputs}:\ \text{{losses summed}}"
        return equations

    @classmethod
    def symbols_for(cls, options):
        found = super().symbols_for(options)
        return {**found, "K": "fault_num_outputs: the number of outputs"} if options.fault_num_outputs > 1 else found

    def build_discriminator(self, **changes):
        norm = {"norm": _batch_norm, "norm_first": True} if self.options.fault_batch_norm else {}
        return super().build_discriminator(num_outputs=self.options.fault_num_outputs, **norm, **changes)

    # The core losses are means over all entries of D's output (N, K): K times the mean is the sum over the outputs,
    # averaged over the batch.
    def d_loss(self, D, real, fake):
        loss, logs = super().d_loss(D, real, fake)
        return self.options.fault_num_outputs * loss, logs

    def g_loss(self, D, fake, real):
        loss, logs = super().g_loss(D, fake, real)
        return self.options.fault_num_outputs * loss, logs


@METHODS.register("wgan_gp_with_faults")
class WGANGPWithFaults(WGANGP):
    """WGAN-GP whose critic may have batch norm, which Gulrajani et al. 2017 (section 4) rule out."""

    title = "WGAN-GP-with-faults"
    summary = "WGAN-GP with a fault of published code as an option: batch norm in the critic"
    source = "gulrajani2017, feng2019"

    class Options(WGANGP.Options):  # type: ignore[valid-type, misc]
        fault_batch_norm_in_critic: bool = Field(
            False,
            description="batch norm with gain after every convolution of the critic but the first: the penalty is no "
            "longer one of each example",
        )

    def build_discriminator(self, **changes):
        if not self.options.fault_batch_norm_in_critic:
            return super().build_discriminator(**changes)
        self.batch_real_and_fake = False
        return super().build_discriminator(norm=_batch_norm, **changes)


@METHODS.register("ebgan_with_faults")
class EBGANWithFaults(EBGAN):
    """EBGAN whose pulling-away term may be without effect, and whose G may see part of the energy's gradient only."""

    title = "EBGAN-with-faults"
    summary = (
        "EBGAN with faults of published code as options: constant pulling-away term, detached target of "
        "the reconstruction"
    )
    source = "zhao2017, feng2019"

    class Options(EBGAN.Options):
        fault_constant_pulling_away: bool = Field(
            False,
            description="codes divided by the L1 norm of the whole batch instead of each by its L2 norm: the term is "
            "about -1 / (N - 1) whatever the codes",
        )
        fault_detached_target: bool = Field(
            False, description="G's loss is not differentiated through the target of the reconstruction"
        )

    @classmethod
    def equations_for(cls, options):
        equations = super().equations_for(options)
        if options.fault_constant_pulling_away:
            equations = equations.replace(
                r"\sum_{i \neq j}\cos^2(S_i, S_j)",
                r"\Bigl(\sum_{i, j}(S_i \cdot S_j)^2 / \lVert S \rVert_1^4 - N\Bigr)",
            )
        if options.fault_detached_target:
            equations += r", \qquad L_G:\ \text{the } y \text{ that } A(y) \text{ is compared with is a constant}"
        return equations

    @classmethod
    def symbols_for(cls, options):
        found = super().symbols_for(options)
        return {**found, "A": "the autoencoder $D$"} if options.fault_detached_target else found

    def pulling_away(self, codes):
        return constant_pulling_away(codes) if self.options.fault_constant_pulling_away else super().pulling_away(codes)

    def energy(self, images, reconstructions):
        # Images are constants in D's loss anyway, so this touches G's only.
        target = images.detach() if self.options.fault_detached_target else images
        return super().energy(target, reconstructions)


def constant_pulling_away(codes):
    """(sum over i, j of (S_i . S_j)^2 / |S|_1^4 - N) / (N (N - 1)) for codes S (N, d), as published.

    |S|_1 is the sum of the absolute values of all N d entries, so the products all but vanish and -1 / (N - 1) is left.
    """
    num = codes.shape[0]
    scaled = codes / codes.abs().sum()
    similarity = torch.matmul(scaled, scaled.t()).square()  # (N, N)
    return (similarity.sum() - num) / (num * (num - 1))


def _batch_norm(channels: int):
    return nets.batch_norm(channels, gain=True)
