"""The files of one run. No other module knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """The files of one run.

    They are in ``results/runs/<name>/``, shared by all studies. A study has links to its runs, below
    ``results/<study>/runs/<dataset>/<label>/<setting>/seed<k>/``.

    scoring, gallery: digests of the protocols and of the options of the gallery, since studies that share a run may
    score it in other ways. Empty: for a run outside of studies.
    """

    root: Path
    scoring: str = ""
    gallery_options: str = ""

    @property
    def spec(self) -> Path:
        return self.root / "spec.json"

    @property
    def status(self) -> Path:
        """State (ok | diverged), seconds, versions, snapshots. Written last: it exists if the run is complete."""
        return self.root / "status.json"

    @property
    def remedy(self) -> str:
        """For messages: what to do if a file of the training is damaged or missing."""
        return f"delete {self.status} and run the workflow again: the run is trained anew"

    @property
    def log(self) -> Path:
        """One row per generator update."""
        return self.root / "train.parquet"

    @property
    def spectra(self) -> Path:
        """The singular values of D's weights at the end of the training; a diverged run has none."""
        return self.root / "d_spectra.parquet"

    @property
    def discriminator(self) -> Path:
        """D at the end of the training, if ``training: {save_d: true}``; a diverged run has none."""
        return self.root / "discriminator.safetensors"

    @property
    def scores(self) -> Path:
        return self.root / _file("scores", self.scoring, "json")

    @property
    def gallery(self) -> Path:
        """Memorisation and interpolation of the final generator, if the study has a ``gallery``."""
        return self.root / _file("gallery", self.gallery_options, "json")

    @property
    def gallery_images(self) -> Path:
        """The images of the gallery."""
        return self.root / _file("gallery", self.gallery_options, "npz")

    @property
    def evaluated(self) -> list[Path]:
        """The scores and galleries of all studies that there are."""
        return sorted(file for kind in ("scores", "gallery") for file in self.root.glob(f"{kind}*.*"))

    @property
    def samples(self) -> Path:
        """Grids of the same latents over the training, <updates>.png."""
        return self.root / "samples"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    @property
    def code(self) -> Path:
        """Copies of the files of the user's own method, as used for this run."""
        return self.root / "code"

    @property
    def resume(self) -> Path:
        """Resume state, lock and partial log of an unfinished run. Never a Snakemake output: those are deleted."""
        return self.root / "resume"

    @property
    def trained(self) -> Path:
        """The digest of the run's specification, beside a resume state at the end of the training."""
        return self.resume / "trained"

    @property
    def together_log(self) -> Path:
        """The log of a training that another run's job made."""
        return self.resume / "together.log"

    @property
    def progress(self) -> Path:
        """The heartbeat of the training: updates made, rate, host and process of the last or present job."""
        return self.resume / "progress.json"

    @property
    def program(self) -> Path:
        """The files of a program while its job runs; removed when the run is complete."""
        return self.root / "program"

    def snapshot(self, steps: int) -> Path:
        """The snapshot of G after ``steps`` updates."""
        return self.root / "snapshots" / f"{steps:08d}.safetensors"

    def external_samples(self, steps: int) -> Path:
        """Samples of a program after ``steps`` updates: uint8 (N, H, W, C)."""
        return self.root / "samples" / f"{steps:08d}.npy"


def _file(kind: str, digest: str, suffix: str) -> str:
    return f"{kind}-{digest}.{suffix}" if digest else f"{kind}.{suffix}"
