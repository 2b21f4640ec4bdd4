"""The evaluators: one file each, which registers its evaluator. Listing them imports neither torch nor numpy."""

from sngan_repro.evaluation.evaluators.base import EVALUATORS, Evaluator, WeightsFile, untrained

__all__ = ["EVALUATORS", "Evaluator", "WeightsFile", "untrained"]
