"""The options that the declaration of a program has. No torch here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from sngan_repro.core.schema import Model

OptionValue = StrictBool | StrictInt | StrictFloat | StrictStr | None


class OptionSpec(Model):
    """One option: its default alone (``n_components: 40``), or a mapping with limits and a description.

    A value has the type of the default. If the default is null, any boolean, number or text is allowed.
    """

    default: OptionValue = Field(description="its value unless a study replaces it; other values are of the same type")
    description: str = Field("", description="its meaning, for listings")
    min: float | None = Field(None, description="smallest number allowed")
    max: float | None = Field(None, description="largest number allowed")
    choices: tuple[OptionValue, ...] | None = Field(None, min_length=1, description="the only values allowed")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"default": value}

    @model_validator(mode="after")
    def _limits_of_a_number(self) -> OptionSpec:
        if (self.min is not None or self.max is not None) and type(self.default) not in (int, float):
            raise ValueError("`min` and `max` are for options whose default is a number")
        if type(self.default) is int and not all(limit is None or limit.is_integer() for limit in (self.min, self.max)):
            raise ValueError("the default is a whole number, so `min` and `max` are whole numbers")
        return self

    def field(self) -> tuple[Any, Any]:
        """(annotation, field) of this option in the model of all options."""
        annotation: Any = bool | int | float | str | None if self.default is None else type(self.default)
        if self.choices:
            annotation = Literal[self.choices]
        return annotation, Field(self.default, ge=self.min, le=self.max, description=self.description or None)


class ProgramOptions(Model):
    """The options of a program. A text is no number, and a number is no text."""

    model_config = ConfigDict(strict=True)
