"""Losses and penalties: pure functions of tensors. Each is imported at its first use, so listing needs no torch.

from sngan_repro.methods import losses

losses.hinge_d(real, fake)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from sngan_repro.methods.losses.adversarial import ADVERSARIAL as ADVERSARIAL
    from sngan_repro.methods.losses.adversarial import hinge_d as hinge_d
    from sngan_repro.methods.losses.adversarial import hinge_g as hinge_g
    from sngan_repro.methods.losses.adversarial import reconstruction_l1 as reconstruction_l1
    from sngan_repro.methods.losses.adversarial import reconstruction_l2 as reconstruction_l2
    from sngan_repro.methods.losses.adversarial import reconstruction_mse as reconstruction_mse
    from sngan_repro.methods.losses.adversarial import standard_d as standard_d
    from sngan_repro.methods.losses.adversarial import standard_g as standard_g
    from sngan_repro.methods.losses.adversarial import wasserstein_d as wasserstein_d
    from sngan_repro.methods.losses.adversarial import wasserstein_g as wasserstein_g
    from sngan_repro.methods.losses.penalties import gradient_penalty as gradient_penalty
    from sngan_repro.methods.losses.penalties import pulling_away as pulling_away

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adversarial": [
            "ADVERSARIAL",
            "hinge_d",
            "hinge_g",
            "reconstruction_l1",
            "reconstruction_l2",
            "reconstruction_mse",
            "standard_d",
            "standard_g",
            "wasserstein_d",
            "wasserstein_g",
        ],
        "penalties": ["gradient_penalty", "pulling_away"],
    },
)
