"""The files that a training writes on its way: log, snapshots, grids, TensorBoard events, heartbeats, saved states."""

from __future__ import annotations

from typing import Any, Literal, TextIO

import torch
from torch import Tensor

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_text
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw
from sngan_repro.nets.sampling import save_grid
from sngan_repro.nets.snapshot import save_snapshot
from sngan_repro.training.checkpoint import save_state
from sngan_repro.training.log import Progress, Rows, TensorBoard, TrainLog
from sngan_repro.training.progress import Heartbeat
from sngan_repro.training.writer import HostCopy, Writer

PROGRESS_IMAGES = 16  # of the fixed samples, kept for every snapshot


class TrainingFiles:
    """Writes the files of a run in a thread, in the order of the calls, while the training goes on.

    Each call copies what it needs and returns. Since the order is kept, a saved state refers only to rows of the log
    and to snapshots that are on the disk. An error of the thread, a full disk for example, is raised by the next call,
    and nothing is written after it. Call :meth:`wait` before reading a file or an attribute.

    out: where progress is printed.
    """

    def __init__(self, run: RunPaths, spec: RunSpec, device: torch.device, total_steps: int, out: TextIO) -> None:
        self.run, self.spec = run, spec
        self.log = TrainLog(run, device)
        self.progress = Progress(total_steps, out=out)
        self.heartbeat = Heartbeat(run, spec, total_steps)
        self.board: TensorBoard | None = None  # the session sets it once the training has started
        # Parts of the saved state that belong to the thread:
        self.snapshots: list[dict[str, Any]] = []
        self.images: list[Tensor] = []
        """Fixed samples, uint8 (N, H, W, C): of the last snapshot all, of earlier ones PROGRESS_IMAGES."""
        self._writer = Writer()

    def wait(self) -> None:
        """Wait until everything is on the disk. Raises the error of the thread, such as DiskError."""
        self._writer.wait()

    def close(self) -> None:
        """Write what was given so far, and end the thread, without raising an error."""
        self._writer.close()
        self.progress.close()
        if self.board:
            self.board.close()
            self.board = None

    def write_log(self, rows: Rows, rate: float, images_per_second: float, shown: dict[str, float]) -> None:
        """Write rows of the log and show their means, and ``shown``, as progress. rate: updates per second."""

        def write() -> None:
            table = self.log.write(rows, images_per_second)
            means = dict(zip(self.log.columns[1:], table[:, 1:].mean(axis=0).tolist(), strict=True))
            losses = {name: means[name] for name in ("d_loss", "g_loss")}
            steps = int(table[-1, 0])
            self.progress.show(steps, rate, losses | shown)
            self._plot(steps, means)

        self._writer.submit(write, rows.values.num_bytes)

    def write_measured(self, steps: int, measured: dict[str, float]) -> None:
        """Plot what was measured."""
        if self.board:
            self._writer.submit(lambda: self._plot(steps, measured))

    def _plot(self, steps: int, values: dict[str, float]) -> None:
        if self.board:
            self.board.add(steps, values)

    def write_snapshot(
        self,
        entry: dict[str, int],
        weights: dict[str, Tensor],
        samples: Tensor,
        image: ImageSpec,
        law: LabelLaw | None,
        last_finite: bool = False,
    ) -> None:
        """Write G's weights, and its fixed samples as a grid. samples: uint8 (N, H, W, C).

        entry: steps and images_seen. It is added to ``snapshots``, with the checksum of the file and ``last_finite``.
        """
        copied = HostCopy((weights, samples))

        def write() -> None:
            steps = entry["steps"]
            weights, images = copied.get()
            sha256 = save_snapshot(self.run, self.spec, weights, steps, image, law)
            self.snapshots.append({**entry, "sha256": sha256, "last_finite": last_finite})
            file = self.run.samples / f"{steps:08d}.png"
            size = save_grid(file, images, columns=8)
            if self.board:
                self.board.add_image(steps, "fixed latents", file, size)
            # The state is saved often, so of earlier snapshots only the first few images are kept.
            self.images = [*(progress_images(kept, law).clone() for kept in self.images), images]

        self._writer.submit(write, copied.num_bytes)

    def write_state(self, identity: dict[str, Any], steps: int, trainer: dict[str, Any], kept: dict[str, Any]) -> None:
        """Save the state after ``steps`` updates. kept: what the session keeps beside the trainer's state."""
        copied = HostCopy((trainer, kept))

        def write() -> None:
            trainer, kept = copied.get()
            kept |= {"snapshots": self.snapshots, "images": self.images}
            state = {"steps": steps, "trainer": trainer, "kept": kept, "log": self.log.state()}
            save_state(self.run, identity, state)

        self._writer.submit(write, copied.num_bytes)

    def write_trained(self) -> None:
        """Mark the state as the last one."""
        self._writer.submit(lambda: write_text(self.run.trained, self.spec.digest()))

    def beat(self, steps: int, state: Literal["running", "interrupted"] = "running") -> None:
        """Write a heartbeat, if one is due."""
        if (progress := self.heartbeat.beat(steps, state)) is not None:
            self._writer.submit(lambda: self.heartbeat.put(progress))


def progress_images(images: Tensor, law: LabelLaw | None) -> Tensor:
    """PROGRESS_IMAGES of the fixed samples: the first, or of a grid with a row per class, some of every class."""
    step = max(1, len(images) // PROGRESS_IMAGES) if law else 1
    return images[::step][:PROGRESS_IMAGES]
