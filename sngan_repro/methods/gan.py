"""GAN: loss x weight normaliser x activation normaliser x penalty x clipping of D, each an option.

SNGAN, BN, LN and WGAN-GP are presets of it: other defaults, and a title and source of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sngan_repro import nets
from sngan_repro.core import lazy
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods.base import METHODS, Logs, Method
from sngan_repro.methods.gan_options import WEIGHT_EQUATIONS, WEIGHT_SYMBOLS, GANOptions, without_effect
from sngan_repro.methods.losses import (
    FEATURE_LOSSES,
    FEATURE_SYMBOLS,
    LOSSES,
    PENALTIES,
    smoothed_d,
    smoothed_equation,
    smoothed_g,
)
from sngan_repro.nets.interface import Batch, DOutput
from sngan_repro.nets.precision import full_precision

if TYPE_CHECKING:
    from torch import Tensor, nn


@METHODS.register("gan")
class GAN(Method):
    """Goodfellow et al. 2014, with the changes of D that the options name."""

    title = "GAN"
    summary = "any loss, targets, feature matching, and normalisers, penalty and clipping of D, by options"
    source = "goodfellow2014"
    Options = GANOptions

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # Batch norm would read the mixing ratio, and spectral normalisation would make one power iteration less.
        self.batch_real_and_fake = self.options.norm != "batch" and self.options.weights != "spectral"
        penalty = PENALTIES.get(self.options.penalty)
        self.torch_compile = penalty is None or not penalty.second_derivatives
        if self.options.clip_singular_values is not None:
            self.cuda_graph = False  # an SVD synchronises with the host
            self.state["d_steps"] = lazy.torch.zeros((), dtype=lazy.torch.int64)

    @classmethod
    def check(cls, options: Any, optimizer: Any) -> None:
        for key, needed in without_effect(options).items():
            if getattr(options, key) != GANOptions.model_fields[key].default:
                raise ConfigError(f"`{key}` has no effect without `{needed}`; remove it")

    @classmethod
    def source_for(cls, options: Any) -> str:
        penalty = PENALTIES.get(options.penalty)
        added = [penalty.source] if penalty else []
        if (options.real_target, options.fake_target, options.g_target, options.feature_loss) != (1, 0, 1, None):
            added.append("salimans2016")
        return ", ".join([cls.source, *(key for key in added if key not in cls.source)])

    @classmethod
    def options_in_effect(cls, options: Any) -> dict[str, Any]:
        # A preset's own value of an option added later is not in its JSON; the report shows it all the same.
        added = {key: getattr(options, key) for key in sorted(options.added)}
        changed = {key: value for key, value in added.items() if value != GANOptions.model_fields[key].default}
        shown = {**super().options_in_effect(options), **changed}
        return {key: value for key, value in shown.items() if key not in without_effect(options)}

    @classmethod
    def equations_for(cls, options: Any) -> str:
        penalty = PENALTIES.get(options.penalty)
        term = rf" + \lambda\,{penalty.equation}" if penalty else ""
        d_equation, g_equation = cls.adversarial_equations(options)
        if options.feature_loss:
            g_equation = FEATURE_LOSSES[options.feature_loss].equation
        if options.d_loss_factor != 1:
            d_equation = rf"{options.d_loss_factor:g}\,\bigl({d_equation}\bigr)"
        parts = [f"L_D = {d_equation}{term}", f"L_G = {g_equation}"]
        parts += [penalty.where] if penalty and penalty.where else []
        if options.weights:
            gain = r"\gamma\," if options.weights_gain else ""
            parts.append(WEIGHT_EQUATIONS[options.weights].replace("= ", f"= {gain}"))
        if options.clip:
            parts.append(rf"W \leftarrow \mathrm{{clip}}(W, -{options.clip:g}, {options.clip:g})")
        if options.clip_singular_values:
            parts.append(r"\sigma_i(W) \leftarrow \min(\sigma_i(W), 1)")
        return r", \qquad ".join(parts)

    @classmethod
    def symbols_for(cls, options: Any) -> dict[str, str]:
        penalty = PENALTIES.get(options.penalty)
        found = {r"\lambda": "penalty_weight: the weight of the penalty", **penalty.symbols} if penalty else {}
        found |= FEATURE_SYMBOLS if options.feature_loss else {}
        found |= WEIGHT_SYMBOLS.get(options.weights, {})
        found |= {r"\gamma": "a gain that is learned"} if options.weights and options.weights_gain else {}
        found |= {"W": "the weight of a layer of $D$"} if options.clip and "W" not in found else {}
        if options.clip_singular_values:
            found |= {"W": "the weight of a layer of $D$ as a matrix", r"\sigma_i": "its singular values"}
        return {**cls.symbols, **found}

    @classmethod
    def adversarial_equations(cls, options: Any) -> tuple[str, str]:
        """The losses of D and G without penalty and feature matching, in LaTeX."""
        d_equation, g_equation = LOSSES[options.loss].d_equation, LOSSES[options.loss].g_equation
        if (options.real_target, options.fake_target) != (1, 0):
            targets = (("x", options.real_target), ("y", options.fake_target))
            d_equation = " + ".join(smoothed_equation(*target) for target in targets)
        return d_equation, g_equation if options.g_target == 1 else smoothed_equation("y", options.g_target)

    def build(self) -> tuple[nn.Module, nn.Module]:
        G = nets.build_generator(self.nets, self.image)
        return G, self.build_discriminator()

    def build_discriminator(self, **changes: Any) -> nn.Module:
        """D under the options. changes: other values of norm, norm_first, num_outputs of Family.discriminator."""
        options = self.options
        spectral = {"num_iterations": options.power_iterations, "target": options.spectral_target}
        gain = {"gain": options.weights_gain} if options.weights else {}
        norm = functools.partial(nets.NORMS[options.norm], gain=options.gain) if options.norm else None
        D = nets.build_discriminator(
            self.nets,
            self.image,
            options.weights,
            {**(spectral if options.weights == "spectral" else {}), **gain},
            **{"norm": norm, **changes},
        )
        if options.d_init == "orthogonal":
            nets.initialise_orthogonal(D)
        penalty = PENALTIES.get(options.penalty)
        if penalty and penalty.prepare:
            penalty.prepare(D)
        return D

    def d_loss(self, D: Callable[..., Any], real: Batch, fake: Batch) -> tuple[Tensor, Logs]:
        of_real, of_fake = self.both(D, real, fake)
        loss = self.discriminator_loss(of_real, of_fake, real)
        if self.options.d_loss_factor != 1:
            loss = self.options.d_loss_factor * loss
        logs = {"d_real": of_real.logits.detach().mean(), "d_fake": of_fake.logits.detach().mean()}
        if self.options.penalty is None:
            return loss, logs
        penalty = PENALTIES[self.options.penalty].function(D, real, fake)
        return loss + self.options.penalty_weight * penalty, {**logs, "penalty": penalty.detach()}

    def discriminator_loss(self, of_real: DOutput, of_fake: DOutput, real: Batch) -> Tensor:
        """The loss of D without a penalty, a scalar, for its outputs on real and on generated images."""
        del real  # its labels are for subclasses
        options, logits = self.options, (of_real.logits, of_fake.logits)
        if (options.real_target, options.fake_target) == (1, 0):
            return LOSSES[options.loss].d(*logits)
        return smoothed_d(*logits, options.real_target, options.fake_target)  # minimax has the D of standard

    def g_loss(self, D: Callable[..., Any], fake: Batch, real: Batch) -> tuple[Tensor, Logs]:
        of_fake = D(*fake)
        if self.options.feature_loss is None:
            return self.generator_loss(of_fake, fake), {}
        with lazy.torch.no_grad():  # once more: D has made a step since its own loss
            of_real = D(*real)
        compared = (full_precision(output.features[-1]) for output in (of_real, of_fake))
        return FEATURE_LOSSES[self.options.feature_loss].function(*compared), {}

    def generator_loss(self, of_fake: DOutput, fake: Batch) -> Tensor:
        """The loss of G without feature matching, a scalar, for D's output on generated images."""
        del fake  # its labels are for subclasses
        if self.options.g_target != 1:
            return smoothed_g(of_fake.logits, self.options.g_target)
        return LOSSES[self.options.loss].g(of_fake.logits)

    def after_d_step(self, D: nn.Module) -> None:
        if self.options.clip is not None:
            nets.clip_weights(D, self.options.clip, only_convolutions=self.options.clip_what == "conv")
        if (every := self.options.clip_singular_values) is not None:
            steps = self.state["d_steps"]
            steps += 1
            if int(steps) % every == 0:
                nets.clip_singular_values(D)
