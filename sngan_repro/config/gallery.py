"""The gallery of a study: look-alikes and interpolations of each run's final generator. No torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro.core.schema import Model


class GallerySpec(Model):
    """Samples beside the nearest real images, a measure of memorisation, and images between two latents.

    Features are those of the evaluator of the study's first protocol.
    """

    look_alikes: int = Field(8, ge=1, le=16, description="samples to show beside the nearest training images")
    neighbours: int = Field(3, ge=1, le=5, description="training images beside each, by pixels and by features each")
    num_fake: int = Field(1000, ge=10, le=100_000, description="samples for the measure of memorisation")
    pixels: int = Field(
        32, ge=4, le=128, description="size at which pixels are compared; images are averaged down to it"
    )
    rows: int = Field(4, ge=1, le=16, description="interpolations, each between two latents")
    columns: int = Field(8, ge=3, le=12, description="images of each interpolation, both ends included")
    fine_steps: int = Field(64, ge=8, le=1024, description="steps of each interpolation whose lengths are measured")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the latents")


Way = Literal["linear", "spherical"]
"""A way between two latents: straight, or along the sphere."""
