"""The links of a study to its runs, which are in a folder for all studies."""

from __future__ import annotations

import os
from pathlib import Path

from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


def link_runs(study: Study, layout: Layout) -> None:
    """Make a relative link to each run of the study, and remove those of an earlier form of its file.

    A study that differs from its file by changes gets a record of them beside the links.

    The runs need not exist yet. A link never points out of the results folder, so that folder can be moved.
    """
    wanted = {layout.run(run.id).root: layout.stored(run).root for run in study.runs()}
    for link in set(existing_links(layout)) - wanted.keys():
        link.unlink()
    try:
        for link, run in wanted.items():
            target = os.path.relpath(run, link.parent)
            if link.is_symlink():
                if str(link.readlink()) == target:
                    continue
                link.unlink()
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target, target_is_directory=True)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or layout.links}: no link to a run can be made ({error.strerror}); a file system with "
            "symbolic links is needed: set `results_dir` in config/config.yaml to a folder on another one"
        ) from None
    _remove_empty(layout.links)
    if study.changed:
        write_sealed_json(layout.changes, study.changed.to_dict())


def existing_links(layout: Layout) -> list[Path]:
    """The links to runs in the folder of a study."""
    return [path for path in layout.links.glob("*/*/*/seed*") if path.is_symlink()]


def earlier_runs(layout: Layout) -> list[Path]:
    """The folders of runs of an earlier version, which were in the folder of the study."""
    return sorted(path for path in layout.links.glob("*/*/*/seed*") if path.is_dir() and not path.is_symlink())


def check_migrated(layout: Layout) -> None:
    """Raise ConfigError if runs of an earlier version are in the folder of the study."""
    if found := earlier_runs(layout):
        raise ConfigError(
            f"{found[0]}: an earlier version kept the runs of a study here; now all studies share those in "
            f"{layout.store}. Move the {len(found)} runs there, without training: sngan-repro migrate"
        )


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
