"""The figures of a study. ``figure_plans`` lists them; each kind has one drawing function."""

from __future__ import annotations

from collections.abc import Callable

from sngan_repro.analysis.figures.against import draw_against
from sngan_repro.analysis.figures.curves import draw_published_curves, draw_training, draw_training_best
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.discriminator import draw_critic_loss, draw_d_outputs, draw_spectra
from sngan_repro.analysis.figures.first import draw_figure1
from sngan_repro.analysis.figures.gallery import draw_interpolation, draw_look_alikes
from sngan_repro.analysis.figures.grids import draw_progress, draw_progress_all, draw_samples
from sngan_repro.analysis.figures.logs import draw_losses, draw_spectral
from sngan_repro.analysis.figures.maps import draw_cost, draw_divergence, draw_variety
from sngan_repro.analysis.figures.ranks import draw_ranks
from sngan_repro.analysis.figures.scores import draw_published_scores, draw_scores
from sngan_repro.analysis.figures.style import house_style, save
from sngan_repro.analysis.figures.times import draw_times
from sngan_repro.analysis.outputs import FigureKind, FigurePlan, figure_files, figure_plans
from sngan_repro.core.sealed import write_record
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

DRAW: dict[FigureKind, Callable] = {
    "scores": draw_scores,
    "training": draw_training,
    "training_best": draw_training_best,
    "losses": draw_losses,
    "samples": draw_samples,
    "progress": draw_progress,
    "progress_all": draw_progress_all,
    "interpolation": draw_interpolation,
    "look_alikes": draw_look_alikes,
    "spectral": draw_spectral,
    "spectra": draw_spectra,
    "d_outputs": draw_d_outputs,
    "critic_loss": draw_critic_loss,
    "against": draw_against,
    "times": draw_times,
    "variety": draw_variety,
    "divergence": draw_divergence,
    "cost": draw_cost,
    "ranks": draw_ranks,
    "published_scores": draw_published_scores,
    "published_curves": draw_published_curves,
    "figure1": draw_figure1,
}
"""kind -> function(FigureData, FigurePlan) -> matplotlib Figure."""


def make_figures(study: Study, layout: Layout) -> None:
    """Write figures/*.svg and a .png of each: exactly ``outputs.figure_files(study, layout)``.

    Other .svg and .png files in that folder are removed: they are figures of an earlier form of the study.
    Reads what ``aggregate`` wrote, the training logs and the sample arrays.
    Raises ConfigError naming a missing or unreadable file.
    """
    data = FigureData.read(study, layout)
    with house_style():
        for plan in figure_plans(study):
            save(draw(data, plan), plan, layout)
    current = set(figure_files(study, layout))
    for file in layout.figures.iterdir():
        if file.suffix in (".svg", ".png") and file not in current:
            file.unlink()
    write_record(layout.figures / "figures", current)


def draw(data: FigureData, plan: FigurePlan):
    """The matplotlib figure of one plan; call inside ``house_style()``."""
    return DRAW[plan.kind](data, plan)
