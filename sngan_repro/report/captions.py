"""Captions of the figures, made from the plan and the study."""

from __future__ import annotations

from sngan_repro.analysis.naming import metric_label, metric_short, primary_metric
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.published import differences
from sngan_repro.analysis.tables.printed import markdown_escape
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import enumeration
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


def figure_caption(study: Study, plan: FigurePlan) -> str:
    """What one figure shows, in Markdown. Says which setting and seed stand for a method wherever one does."""
    labels = "; ".join(metric_label(study, metric) for metric in plan.metrics)
    best = f"the best setting by {metric_short(study, primary_metric(study))}"
    run = f"at {best}, first seed that finished"
    seeds = enumeration(map(str, study.seeds))
    several = len(study.seeds) > 1
    spread = f", the band reaches from the lowest to the highest of seeds {seeds}" if several else ""
    bars = (
        "Bars are means over training seeds, points single seeds, vertical lines 95 % bootstrap intervals of the mean"
        if several
        else "Bars are the scores of one seed"
    )
    texts = {
        "bars": f"scores at the end of training by method and setting. {bars}; the dashed line is real images, a cross "
        f"marks each diverged run. On a logarithmic axis the ends of the bars count, not their lengths. {labels}.",
        "training": f"{labels} against training, one panel per setting. Lines are means over finished seeds{spread}; "
        "a thin line that ends in a cross is a run that diverged. The dashed line is real images.",
        "training_best": f"scores against training, each method at its best setting by the metric shown. Lines are "
        f"means over finished seeds{spread}; the dashed line is real images. {labels}.",
        "losses": "losses of D (solid) and G (dashed) during training, seeds faint, their mean strong. Each curve is "
        "a running mean over 1/40 of the training. The scale differs from method to method, since the losses do; a "
        "dotted line with a cross marks a divergence.",
        "samples": f"real training images, and final samples of each method {run}. Not selected: latents in the order "
        "of their seeds.",
        "progress": f"samples from the same latents over training, each method {run}.",
        "spectral": f"largest singular value of the weight of each layer of D over training, from light (first layer) "
        f"to dark (last layer); each method {run}. The dotted line is 1.",
        "variety": f"precision (how many generated images look real) against recall (how much of the real variety is "
        f"generated). Small markers are seeds, faint ones at other settings; large markers are means at {best}. "
        f"{labels}.",
        "divergence": "how many runs diverged, by method and setting.",
        "ranks": "agreement between the rankings at every two snapshots, Kendall's tau-b (1: the same ranking, −1: the "
        f"reverse). Ranked are the combinations of method and setting by their means over finished seeds. {labels}.",
        "cost": "cost. Left: training time per 1000 generator updates, all runs of a method together (bar and number) "
        "and single runs (points). Right: time of all runs.",
    }
    if set(plan.methods) & set(study.programs):
        texts["samples"] += " Of a program, the first images it wrote."
        if any(study.settings_of(label) == [OWN_SETTING] for label in plan.methods):
            texts["training"] += " What has no settings stands in every panel."
    if study.published:
        texts |= _published_texts(study, study.published, plan)
    part = f" Part {plan.part} of {plan.parts}." if plan.parts > 1 else ""
    text = markdown_escape(f"{plan.dataset}: {texts[plan.kind]}")
    return text + part


def _published_texts(study: Study, reference: Reference, plan: FigurePlan) -> dict[str, str]:
    """The captions of figures that set the study beside published values."""
    labels = "; ".join(metric_label(study, metric) for metric in plan.metrics)
    topics = enumeration(difference.topic for difference in differences(study, reference))
    apart = f"The axes are apart, since the protocols differ in {topics}"
    spread = " (band: lowest to highest seed)" if len(study.seeds) > 1 else ""
    setting, texts = enumeration(plan.settings), {}
    if reference.bar_values:
        texts["published_bars"] = (
            f"scores at the end of training by method and setting, left here, right {reference.bar_values.where} of "
            f"{reference.label} drawn anew with the error of reading it. {apart}. Here: {labels}."
        )
    if curves := reference.curve_values:
        texts["published_curves"] = (
            f"scores against training at setting {setting}, left here{spread}, right {curves.where} of "
            f"{reference.label} drawn anew (band: error of reading). {apart}. Here: {labels}."
        )
        if curves.setting in study.settings:
            texts["ranks"] = (
                "agreement between the rankings at every two snapshots, Kendall's tau-b (1: the same ranking, −1: the "
                "reverse). Top: the combinations of method and setting, by their means over finished seeds; middle: "
                f"the methods at setting {curves.setting}; bottom: those of {reference.label}. {labels}."
            )
    if losses := reference.loss_readings:
        texts["figure1"] = (
            f"{losses.method} at setting {setting}, first seed that finished, laid out like {losses.where} of "
            f"{reference.label}. Top left: losses, running mean over 1/40 of the training within the range of its "
            f"window. Bottom left: what {losses.where} shows of them, read {losses.how}; the scales differ, since loss "
            "and networks do. Right: real training images, and final samples that are not selected."
        )
    return texts
