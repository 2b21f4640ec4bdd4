"""The options of the method ``gan``, and which of them have an effect under the others. No torch here."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pydantic import Field, create_model, model_validator

from sngan_repro.methods.base import MethodOptions
from sngan_repro.methods.losses import FEATURE_LOSSES, LOSSES, PENALTIES

WEIGHT_EQUATIONS = {
    "spectral": r"\bar{W} = W / \sigma_1(W)",
    "weight": r"\bar{W}_i = W_i / \lVert W_i\rVert_2",
    "frobenius": r"\bar{W} = W / \lVert W\rVert_F",
}
"""Weight normalisers of :mod:`sngan_repro.nets.weights` -> their equation."""
WEIGHT_SYMBOLS = {
    "spectral": {
        "W": "the weight of a layer of $D$ as a matrix",
        r"\bar{W}": "the weight that the layer computes with",
        r"\sigma_1(W)": "the largest singular value, estimated by power iteration",
    },
    "weight": {"W_i": "row $i$ of the weight of a layer of $D$", r"\bar{W}_i": "the row that the layer computes with"},
    "frobenius": {
        "W": "the weight of a layer of $D$ as a matrix",
        r"\lVert\cdot\rVert_F": "the Frobenius norm",
        r"\bar{W}": "the weight that the layer computes with",
    },
}
"""Their symbols, as in ``Method.symbols``."""
NORMS = ("batch", "layer")
"""Activation normalisers of :mod:`sngan_repro.nets.activations`."""


class GANOptions(MethodOptions):
    """Parts of the training of D and G. A key without effect under the others is an error."""

    added = frozenset(
        [
            "weights_gain",
            "d_init",
            "clip_singular_values",
            "d_loss_factor",
            "real_target",
            "fake_target",
            "g_target",
            "feature_loss",
        ]
    )

    loss: Literal[tuple(LOSSES)] = Field("standard", description="of D and G; standard: non-saturating")  # type: ignore[valid-type]
    real_target: float = Field(1.0, gt=0.5, le=1, description="of D for real images; one-sided label smoothing: 0.9")
    fake_target: float = Field(0.0, ge=0, lt=0.5, description="of D for generated images; two-sided smoothing: 0.1")
    g_target: float = Field(1.0, gt=0.5, le=1, description="of G, what D should give to generated images")
    feature_loss: Literal[tuple(FEATURE_LOSSES)] | None = Field(  # type: ignore[valid-type]
        None, description="feature matching: G's loss compares D's last maps of real and of generated images instead"
    )
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
        if isinstance(penalty, str) and penalty in PENALTIES and values.get("penalty_weight") is None:
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


def without_effect(options: GANOptions) -> dict[str, str]:
    """Options that change nothing under the values of the others -> the option that would give them an effect."""
    found = (
        {}
        if options.weights == "spectral"
        else dict.fromkeys(("power_iterations", "spectral_target"), "weights: spectral")
    )
    if options.weights_gain:
        found["spectral_target"] = "weights_gain: false"
    if options.loss not in ("standard", "minimax"):
        found |= dict.fromkeys(("real_target", "fake_target"), "loss: standard")
    if options.loss != "standard":
        found["g_target"] = "loss: standard"
    if options.feature_loss:
        found["g_target"] = "feature_loss: null"
    for key, needed in (
        ("weights_gain", "weights"),
        ("gain", "norm"),
        ("penalty_weight", "penalty"),
        ("clip_what", "clip"),
    ):
        if getattr(options, needed) is None:
            found[key] = needed
    return found
