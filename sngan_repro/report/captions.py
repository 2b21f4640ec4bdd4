"""The captions of the figures: the words that the macros of captions.md.j2 need."""

from __future__ import annotations

from typing import Any

from sngan_repro.analysis.naming import metric_label, metric_short, primary_metric
from sngan_repro.analysis.outputs import FigurePlan, curve_of
from sngan_repro.analysis.published import differences
from sngan_repro.analysis.tables.printed import markdown_escape
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import enumeration, integer
from sngan_repro.report.templates import Templates
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


def figure_caption(templates: Templates, study: Study, plan: FigurePlan) -> str:
    """The caption of one figure, in Markdown. It names the setting and the seed if one represents a method."""
    text = templates.say(plan.kind, caption_words(study, plan), file="captions")
    part = f" Part {plan.part} of {plan.parts}." if plan.parts > 1 else ""
    start = f"{plan.dataset}: {text}" if plan.dataset else text[:1].upper() + text[1:]
    return markdown_escape(start) + part


def caption_words(study: Study, plan: FigurePlan) -> dict[str, Any]:
    """The words and numbers of one caption. curves: the published ones at a setting of the study, or None."""
    choice = len(study.settings) > 1
    words = {
        "metrics": "; ".join(metric_label(study, metric) for metric in plan.metrics),
        "choice": choice,
        "setting_by": f"best setting by {metric_short(study, primary_metric(study))}" if choice else "only setting",
        "seeds": enumeration(map(str, study.seeds)),
        "several": len(study.seeds) > 1,
        "settings": enumeration(plan.settings),
        "method": enumeration(plan.methods),
        "programs": bool(set(plan.methods) & set(study.programs)),
        "own_setting": any(study.settings_of(label) == [OWN_SETTING] for label in plan.methods),
        "critic_images": integer(study.training.critic_loss_images or 0),
        "key": curve_of(study, plan).key if plan.kind == "against" else "",
        "timed": study.benchmark,
        "gallery": study.gallery,
        "curves": None,
    }
    return words | (_published_words(study, study.published) if study.published else {})


def _published_words(study: Study, reference: Reference) -> dict[str, Any]:
    bars, curves = reference.bar_values, reference.curve_values
    return {
        "reference": reference.label,
        "topics": enumeration(difference.topic for difference in differences(study, reference)),
        "bars_where": bars.where if bars else "",
        "curves_where": curves.where if curves else "",
        "curves": curves if curves and curves.setting in study.settings else None,
        "losses": reference.loss_readings,
    }
