"""The Fréchet Inception Distance (Heusel et al. 2017, arXiv:1706.08500), computed here.

torch-fidelity's way is slower, and less exact for singular covariances.
"""

from __future__ import annotations

from sngan_repro.evaluation.scores.base import SCORES, Score


@SCORES.register("fid")
class FrechetDistance(Score):
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of the features' means and covariances; no spread."""

    title = "FID"
    long_title = "Fréchet Inception Distance"
    higher_is_better = False
    log_scale = True
    measures = "mean and covariance of the features agree with those of real images"
    blind_to = "anything beyond mean and covariance; it is biased upward, the more the fewer images"
    report = (
        "The **Fréchet Inception Distance** [@heusel2017] compares mean and covariance of features of generated and "
        r"real images, $\lVert m_1 - m_2 \rVert^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})$. Lower is better. It "
        "is biased: it is positive for equal laws and falls with the number of images."
    )
    remark = (
        "The FID is computed by this package in double precision, by a form that is symmetric in the two sets; from "
        "the same features it agrees with the value of torch-fidelity to a relative $10^{-6}$ wherever the covariances "
        "have full rank [@obukhov2020]."
    )

    @classmethod
    def compute(cls, sets):
        from sngan_repro.evaluation.frechet import frechet_distance, gaussian

        real = sets.real_gaussian if sets.real_gaussian is not None else gaussian(sets.real["features"])
        return frechet_distance(gaussian(sets.fake["features"]), real)
