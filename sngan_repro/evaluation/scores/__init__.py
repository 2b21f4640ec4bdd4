"""The scores: one small file each, registering itself. Listing them imports neither torch nor numpy."""

from sngan_repro.evaluation.scores.base import SCORES, Score, Sets, Value, in_order

__all__ = ["SCORES", "Score", "Sets", "Value", "in_order"]
