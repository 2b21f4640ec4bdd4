"""Runs and prepared data that no study uses."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sngan_repro.config.machine import MachineConfig
from sngan_repro.core.files import LockedError, file_lock
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.layout import RUNS, Layout
from sngan_repro.study.load import STUDIES_DIR, load_study, study_path
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Unused:
    """Files that no study uses."""

    paths: tuple[Path, ...]
    lock: Path | None = None
    """Held by a process that is using them, if there is any."""

    @property
    def size(self) -> int:
        """Bytes."""
        files = [file for path in self.paths for file in (path.rglob("*") if path.is_dir() else (path,))]
        return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def unused(machine: MachineConfig) -> tuple[list[Unused], list[str]]:
    """(the runs and the prepared data that no study file and no link of a study uses, study files that cannot be read).

    Study files are those of config/studies, and ``study`` of the configuration. A link is in the folder of a study. It
    keeps the runs of the last report of a study, also if its file is elsewhere or cannot be read.
    """
    studies, unread = _studies(machine)
    layout = Layout.of(machine, "")
    runs = {run.name for study in studies for run in study.runs()} | _linked(layout)
    found = [
        Unused((folder,), folder / "resume" / "lock")
        for folder in sorted(layout.store.glob("*"))
        if folder.is_dir() and folder.name not in runs
    ]
    data = {spec.id for study in studies for spec in study.datasets.values()}
    prepared = [record.parent for record in sorted((layout.data_dir / "prepared").glob("*/dataset.json"))]
    for folder in prepared:
        if folder.name in data or any(f"-{folder.name}-seed" in run for run in runs):
            continue
        marks = (folder.with_name(f"{folder.name}{suffix}") for suffix in (".checked", ".stamp"))
        paths = (folder, layout.data_dir / "evaluators" / folder.name, *marks)
        found.append(Unused(tuple(path for path in paths if path.exists())))
    return found, unread


def remove(item: Unused) -> bool:
    """Remove unused files; False if a process is using them."""
    if item.lock is None or not item.lock.exists():
        _remove(item.paths)
        return True
    try:
        with file_lock(item.lock, wait=False):
            _remove(item.paths)
    except LockedError:
        return False
    return True


def _remove(paths: tuple[Path, ...]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _studies(machine: MachineConfig) -> tuple[list[Study], list[str]]:
    studies, unread = list[Study](), list[str]()
    files = {file.resolve(): str(file) for file in sorted(STUDIES_DIR.glob("*.yaml"))}
    chosen = study_path(machine.study)
    if chosen.exists():
        files.setdefault(chosen.resolve(), str(chosen))
    for file in files.values():
        try:
            studies.append(load_study(file))
        except ConfigError:  # `sngan-repro studies` says why
            unread.append(file)
    return studies, unread


def _linked(layout: Layout) -> set[str]:
    """The names of the runs that studies have links to."""
    links = layout.results_dir.glob(f"*/{RUNS}/*/*/*/seed*")
    return {link.readlink().name for link in links if link.is_symlink()}
