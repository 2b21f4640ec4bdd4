"""The published figures alone, drawn by the functions that draw the study's own."""

from __future__ import annotations

from pathlib import Path

from sngan_repro.analysis.figures.curves import curve_figure
from sngan_repro.analysis.figures.panels import published_curves, published_scores
from sngan_repro.analysis.figures.scores import score_figure
from sngan_repro.analysis.figures.style import house_style, method_styles, save_as
from sngan_repro.analysis.tables.published import file_stem
from sngan_repro.study.reference import Reference


def draw_published(reference: Reference, folder: Path) -> list[Path]:
    """Write the bars and the curves of a publication as .svg and .png, named after its figures; what it lacks is left
    out."""
    styles = method_styles(reference.methods)
    kinds = list(reference.best_values.values)
    files: list[Path] = []
    with house_style():
        if (barred := [kind for kind in kinds if reference.bars(kind)]) and (bars := reference.bar_values):
            panels = [[published_scores(reference, kind, reference.methods)] for kind in barred]
            files += _save(score_figure(panels, styles), folder / file_stem(bars.where))
        if (curved := [kind for kind in kinds if reference.curves(kind)]) and (curves := reference.curve_values):
            rows = [[published_curves(reference, kind, reference.methods)] for kind in curved]
            files += _save(curve_figure(rows, curved, styles, reference.methods), folder / file_stem(curves.where))
    return files


def _save(fig, stem: Path) -> list[Path]:
    files = [stem.with_suffix(f".{suffix}") for suffix in ("svg", "png")]
    save_as(fig, *files)
    return files
