"""How one process trains. No result depends on these options, apart from rounding. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CompileMode = Literal["auto", "always", "never"]
"""When G and D are compiled. auto: on a GPU, if a C compiler is found and the run is long enough to gain from it."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of :func:`sngan_repro.training.job.train`."""

    checkpoint_seconds: float = 60.0
    """Seconds between two saved states: the most training that a kill costs."""
    tensorboard: bool = True
    """Write TensorBoard events."""
    cuda_graph: bool = True
    """On a GPU, run updates as a CUDA graph where the method allows it."""
    compile: CompileMode = "auto"
    """Compile G and D with ``torch.compile``. Losses then differ by rounding."""
    stream_images: bool | None = None
    """Read images batch by batch from the prepared file; False keeps all on the device; None decides by their size."""
    state_only: bool = False
    """Stop at the trained state. A second call then writes the results at once."""
    keep_state: bool = False
    """Keep the trained state beside the results."""
    wait: bool = False
    """If another process trains the run, wait until it ends instead of raising ConfigError."""


DEFAULT_OPTIONS = TrainOptions()
