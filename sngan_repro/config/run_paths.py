"""The files of one run. The only place that knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """The files of one run, below ``results/<study>/runs/<dataset>/<label>/<setting>/seed<k>/``."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "spec.json"

    @property
    def status(self) -> Path:
        """ok | diverged, seconds, versions, the list of snapshots. Written last: it exists when a run is complete."""
        return self.root / "status.json"

    @property
    def log(self) -> Path:
        """One row per generator update."""
        return self.root / "train.parquet"

    @property
    def scores(self) -> Path:
        return self.root / "scores.json"

    @property
    def samples(self) -> Path:
        """Grids of the same latents over the training, <updates>.png."""
        return self.root / "samples"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    @property
    def code(self) -> Path:
        """A copy of the file of a method of the user's own, as it was for this run."""
        return self.root / "code"

    @property
    def resume(self) -> Path:
        """Resume state, lock and partial log of an unfinished run. Never a Snakemake output: those are deleted."""
        return self.root / "resume"

    @property
    def trained(self) -> Path:
        """Beside a resume state at the end of the training: the digest of its specification."""
        return self.resume / "trained"

    @property
    def together_log(self) -> Path:
        """What the training printed when another run's job did it."""
        return self.resume / "together.log"

    @property
    def progress(self) -> Path:
        """The heartbeat of the training: updates made, rate, host and process of the last or present job."""
        return self.resume / "progress.json"

    @property
    def program(self) -> Path:
        """What a program works with while its job runs; removed when the run is complete."""
        return self.root / "program"

    def snapshot(self, steps: int) -> Path:
        """G after so many updates."""
        return self.root / "snapshots" / f"{steps:08d}.safetensors"

    def external_samples(self, steps: int) -> Path:
        """Samples of a program that is not trained here: uint8, (N, H, W, C)."""
        return self.root / "samples" / f"{steps:08d}.npy"
