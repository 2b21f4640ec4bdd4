"""The setting of a run: optimizer, learning rates and discriminator steps. No torch here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from sngan_repro.core.schema import Model


class OptimizerSpec(Model):
    """One hyper-parameter setting: the optimizer and the number of discriminator steps (SNGAN paper, Table 1)."""

    added = frozenset({"optimizer", "alpha"})

    optimizer: Literal["adam", "rmsprop"] = Field("adam", description="of both networks")
    lr: float | None = Field(None, gt=0, description="learning rate of both networks")
    lr_d: float | None = Field(None, gt=0, description="D's own learning rate (TTUR); default: lr")
    lr_g: float | None = Field(None, gt=0, description="G's own learning rate (TTUR); default: lr")
    beta1: float | None = Field(0.5, ge=0, lt=1, description="Adam's decay of the mean gradient")
    beta2: float | None = Field(0.999, ge=0, lt=1, description="Adam's decay of the mean squared gradient")
    alpha: float | None = Field(
        None, ge=0, lt=1, description="RMSProp's decay of the mean squared gradient; default: 0.99"
    )
    n_dis: int = Field(1, ge=1, le=100, description="discriminator steps per generator step")

    @model_validator(mode="before")
    @classmethod
    def _keys_of_the_optimizer(cls, values: Any) -> Any:
        """Keys of the other optimizer are errors; RMSProp has no betas."""
        if not isinstance(values, dict):
            return values
        rmsprop = values.get("optimizer") == "rmsprop"
        for key, owner in (("beta1", "adam"), ("beta2", "adam"), ("alpha", "rmsprop")):
            if values.get(key) is not None and rmsprop == (owner == "adam"):
                given = "rmsprop" if rmsprop else "adam"
                raise ValueError(f"`{key}` has no effect with `optimizer: {given}`; remove it")
            if not rmsprop and owner == "adam" and key in values and values[key] is None:
                raise ValueError(f"`{key}` must be a number with `optimizer: adam`")
        if rmsprop:
            return {
                **values,
                "alpha": 0.99 if values.get("alpha") is None else values["alpha"],
                "beta1": None,
                "beta2": None,
            }
        return values

    @model_validator(mode="after")
    def _rates_complete(self) -> OptimizerSpec:
        if self.lr is None and (self.lr_d is None or self.lr_g is None):
            raise ValueError("give `lr`, or both `lr_d` and `lr_g`")
        if self.lr is not None and self.lr_d is not None and self.lr_g is not None:
            raise ValueError("`lr` has no effect when both `lr_d` and `lr_g` are given; remove it")
        return self

    @property
    def decays(self) -> str:
        """The optimizer's own constants in words: ``betas 0.5 and 0.999``, or ``RMSProp, alpha 0.99``."""
        if self.optimizer == "rmsprop":
            return f"RMSProp, alpha {self.alpha:g}"
        return f"betas {self.beta1:g} and {self.beta2:g}"

    @property
    def rates(self) -> tuple[float, float]:
        """(learning rate of D, learning rate of G)."""
        lr_d, lr_g = self.lr_d or self.lr, self.lr_g or self.lr
        assert lr_d is not None
        assert lr_g is not None
        return lr_d, lr_g
