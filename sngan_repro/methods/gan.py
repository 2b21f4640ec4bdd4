"""GAN: loss x weight normaliser x activation normaliser x penalty x clipping of D, each an option.

SNGAN, BN, LN and WGAN-GP are presets of it: other defaults, and a title and source of their own.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model, model_validator

from sngan_repro import nets
from sngan_repro.core import lazy
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods.base import METHODS, Logs, Method, MethodOptions
from sngan_repro.methods.losses import LOSSES, PENALTIES
from sngan_repro.nets.interface import Batch

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHT_EQUATIONS = {
    "spectral": r"\bar{W} = W / \sigma_1(W)",
    "weight": r"\bar{W}_i = W_i / \lVert W_i\rVert_2",
    "frobenius": r"\bar{W} = W / \lVert W\rVert_F",
}
"""Weight normalisers of :mod:`sngan_repro.nets.weights` -> their equation."""
NORMS = ("batch", "layer")
"""Activation normalisers of :mod:`sngan_repro.nets.activations`."""


class GANOptions(MethodOptions):
    """Parts of the training of D and G. A key without effect under the others is an error."""

    added = frozenset({"weights_gain", "d_init", "clip_singular_values", "d_loss_factor"})

    loss: Literal[tuple(LOSSES)] = Field("standard", description="of D and G; standard: non-saturating")  # type: ignore[valid-type]
    weights: Literal[tuple(WEIGHT_EQUATIONS)] | None = Field(None, description="normaliser of D's weights")  # type: ignore[valid-type]
    power_iterations: int = Field(1, ge=1, le=100, description="of spectral normalisation, in each forward")
    spectral_target: float = Field(1.0, gt=0, description="spectral norm that spectral normalisation gives each layer")
    weights_gain: bool = Field(False, description="learn a gain per layer (weight: per row) in that normaliser")
    norm: Literal[NORMS] | None = Field(None, description="normaliser of D's activations")  # type: ignore[valid-type]
    gain: bool = Field(False, description="learn a gain per channel in the normaliser of D's activations")
    penalty: Literal[tuple(PENALTIES)] | None = Field(None, description="term added to D's loss")  # type: ignore[valid-type]
    penalty_weight: float | None = Field(
        None, ge=0, description=f"lambda; default: {', '.join(f'{n} {p.weight:g}' for n, p in PENALTIES.items())}"
    )
    d_loss_factor: float = Field(
        1.0, gt=0, description="factor of D's loss without its penalty; 0.5: the mean over real and generated images"
    )
    d_init: Literal["orthogonal"] | None = Field(
        None, description="initial weights of D: orthonormal; default: as `nets: init` says"
    )
    clip_singular_values: int | None = Field(
        None, ge=1, description="after every so many steps of D, set singular values of its weights above 1 to 1"
    )
    clip: float | None = Field(None, gt=0, description="clip D's weights to [-clip, clip] after each of its steps")
    clip_what: Literal["all", "conv"] = Field("all", description="all parameters, or weights of convolutions only")

    @model_validator(mode="before")
    @classmethod
    def _usual_weight(cls, values: Any) -> Any:
        """A penalty without a weight gets its usual one, so that the specification of a run says it."""
        if not isinstance(values, dict):
            return values
        penalty = values.get("penalty", cls.model_fields["penalty"].default)
        if penalty in PENALTIES and values.get("penalty_weight") is None:
            return {**values, "penalty_weight": PENALTIES[penalty].weight}
        return values

    @classmethod
    def preset(cls, **defaults: Any) -> type[GANOptions]:
        """A class of options with other defaults: keys -> values."""
        fields = {}
        for name, value in defaults.items():
            field = copy.copy(cls.model_fields[name])
            field.default = value
            fields[name] = (field.annotation, field)
        options: type[GANOptions] = create_model("Options", __base__=cls, **fields)  # type: ignore[call-overload]
        options.added = cls.added - defaults.keys()  # what makes the preset is always in the specification of a run
        return options


def _without_effect(options: GANOptions) -> dict[str, str]:
    """Options that change nothing under the values of the others -> the option that would give them an effect."""
    found = (
        {}
        if options.weights == "spectral"
        else dict.fromkeys(("power_iterations", "spectral_target"), "weights: spectral")
    )
    if options.weights_gain:
        found["spectral_target"] = "weights_gain: false"
    for key, needed in (
        ("weights_gain", "weights"),
        ("gain", "norm"),
        ("penalty_weight", "penalty"),
        ("clip_what", "clip"),
    ):
        if getattr(options, needed) is None:
            found[key] = needed
    return found


@METHODS.register("gan")
class GAN(Method):
    """Goodfellow et al. 2014, with the changes of D that the options name."""

    title = "GAN"
    summary = "any loss, weight normaliser, activation normaliser, penalty and clipping of D, by options"
    source = "goodfellow2014"
    Options = GANOptions

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # Batch norm would read the mixing ratio, and spectral normalisation would make one power iteration less.
        self.batch_real_and_fake = self.options.norm != "batch" and self.options.weights != "spectral"
        if self.options.clip_singular_values is not None:
            self.cuda_graph = False  # an SVD synchronises with the host
            self.state["d_steps"] = lazy.torch.zeros((), dtype=lazy.torch.int64)

    @classmethod
    def check(cls, options: Any, optimizer: Any) -> None:
        for key, needed in _without_effect(options).items():
            if getattr(options, key) != GANOptions.model_fields[key].default:
                raise ConfigError(f"`{key}` has no effect without `{needed}`; remove it")

    @classmethod
    def source_for(cls, options: Any) -> str:
        penalty = PENALTIES.get(options.penalty)
        return cls.source if penalty is None or penalty.source in cls.source else f"{cls.source}, {penalty.source}"

    @classmethod
    def options_in_effect(cls, options: Any) -> dict[str, Any]:
        # A preset's own value of an option added later is not in its JSON; the report shows it all the same.
        added = {key: getattr(options, key) for key in sorted(options.added)}
        changed = {key: value for key, value in added.items() if value != GANOptions.model_fields[key].default}
        shown = {**super().options_in_effect(options), **changed}
        return {key: value for key, value in shown.items() if key not in _without_effect(options)}

    @classmethod
    def equations_for(cls, options: Any) -> str:
        loss, penalty = LOSSES[options.loss], PENALTIES.get(options.penalty)
        term = rf" + \lambda\,{penalty.equation}" if penalty else ""
        d_equation = loss.d_equation
        if options.d_loss_factor != 1:
            d_equation = rf"{options.d_loss_factor:g}\,\bigl({d_equation}\bigr)"
        parts = [f"L_D = {d_equation}{term}", f"L_G = {loss.g_equation}"]
        parts += [penalty.where] if penalty and penalty.where else []
        if options.weights:
            gain = r"\gamma\," if options.weights_gain else ""
            parts.append(WEIGHT_EQUATIONS[options.weights].replace("= ", f"= {gain}"))
        if options.clip:
            parts.append(rf"W \leftarrow \mathrm{{clip}}(W, -{options.clip:g}, {options.clip:g})")
        if options.clip_singular_values:
            parts.append(r"\sigma_i(W) \leftarrow \min(\sigma_i(W), 1)")
        return r", \qquad ".join(parts)

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
        f_real, f_fake = (output.logits for output in self.both(D, real, fake))
        loss = LOSSES[self.options.loss].d(f_real, f_fake)
        if self.options.d_loss_factor != 1:
            loss = self.options.d_loss_factor * loss
        logs = {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}
        if self.options.penalty is None:
            return loss, logs
        penalty = PENALTIES[self.options.penalty].function(D, real, fake)
        return loss + self.options.penalty_weight * penalty, {**logs, "penalty": penalty.detach()}

    def g_loss(self, D: Callable[..., Any], fake: Batch, real: Batch) -> tuple[Tensor, Logs]:
        return LOSSES[self.options.loss].g(D(*fake).logits), {}

    def after_d_step(self, D: nn.Module) -> None:
        if self.options.clip is not None:
            nets.clip_weights(D, self.options.clip, only_convolutions=self.options.clip_what == "conv")
        if (every := self.options.clip_singular_values) is not None:
            steps = self.state["d_steps"]
            steps += 1
            if int(steps) % every == 0:
                nets.clip_singular_values(D)
