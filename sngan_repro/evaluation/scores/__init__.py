"""The scores: one file each, which registers its score. Listing them imports neither torch nor numpy."""

from sngan_repro.evaluation.scores.base import SCORES, Score, Sets, Value, in_order, rng_seed

__all__ = ["SCORES", "Score", "Sets", "Value", "in_order", "rng_seed"]
