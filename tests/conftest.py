"""Shared fixtures: a tiny study and tiny prepared data, made on the spot."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from studies import broken, drawn, finished, written  # noqa: F401  (fixtures)

from sngan_repro.config.specs import RunSpec
from sngan_repro.core import plugins, registry
from sngan_repro.core.files import file_sha256, write_json
from sngan_repro.data.dataset import PreparedData

torch.set_num_threads(1)

TINY_RUN: dict[str, Any] = {
    "seed": 3,
    "data": {"source": "digits", "image_size": 16},
    "method": {"name": "sngan", "options": {}},
    "nets": {"width": 4, "z_dim": 8},
    "optimizer": {"lr": 0.002, "beta1": 0.5, "beta2": 0.9},
    "training": {"batch_size": 8, "log_every": 5, "spectral_every": 6},
    "budget": {"steps": 24},
    "snapshots": {"steps": [7, 24]},
}


FIRST = ("end_to_end/", "docs/", "project/", "training/", "analysis/", "report/", "evaluation/", "api/", "extend/")
"""Folders whose tests take long: they start first, so that no worker is left with a long file at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders of FIRST first; otherwise in the order of the files."""
    folder = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(folder).as_posix()
        return next((number for number, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What collection has made stays until the end. So the garbage collector no longer searches it."""
    gc.collect()
    gc.freeze()


CHECKOUT = Path(__file__).parents[1]
OF_STUDIES = (str(CHECKOUT / "results"), str(CHECKOUT / "data"))
"""What a study of this checkout writes. A test that opened it would depend on the studies that were run here."""
opened: list[str] = []
"""Files and folders below OF_STUDIES that this process has opened."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "stat"):
        return
    name = os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""
    if "results" in name or "data" in name:
        path = str(Path(name).absolute())
        # pkgutil lists the folders beside every module, and a setting asks whether these two are folders.
        listed = path in OF_STUDIES and event not in ("os.listdir", "stat")
        inside = listed or path.startswith(tuple(f"{folder}/" for folder in OF_STUDIES))
        if inside and path != str(CHECKOUT / "results/README.md"):  # a page of the documentation
            opened.append(path)


sys.addaudithook(_watch)
_stat = os.stat


def _watched_stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
    """`os.stat` with a report to :func:`_watch`, since Python has no audit event for it. Code that asks whether a file
    exists calls it, so such a test fails even where the file is missing."""
    _watch("stat", (path,))
    return _stat(path, *arguments, **options)


os.stat = _watched_stat


@pytest.fixture(autouse=True)
def _studies_of_the_checkout_are_left_alone() -> Iterator[None]:
    """Fails a test that opens a file or a folder in results/ or data/ of this checkout."""
    opened.clear()
    yield
    assert not opened, f"opened by this test: {sorted(set(opened))[:5]}"


@pytest.fixture
def own_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugins that a test chooses, and the entries that they register, are forgotten after it."""
    monkeypatch.delenv(plugins.ENVIRONMENT, raising=False)
    with registry.isolated():
        yield


@pytest.fixture(scope="session")
def tiny_run():
    """Makes a RunSpec; keyword arguments replace top-level keys, dictionaries are merged."""

    def make(**changes: Any) -> RunSpec:
        values = json.loads(json.dumps(TINY_RUN))
        replaced = ("budget", "snapshots")
        for key, value in changes.items():
            values[key] = {**values[key], **value} if isinstance(value, dict) and key not in replaced else value
        return RunSpec.model_validate(values)

    return make


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset of 50 + 20 grey images of 16 x 16 pixels: bright squares at random places."""
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    images = np.zeros((70, 16, 16, 1), dtype=np.uint8)
    for image in images:
        y, x = rng.integers(0, 10, 2)
        image[y : y + 6, x : x + 6] = rng.integers(150, 256)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.arange(70) % 2)
    record = {
        "spec": {"source": "digits", "image_size": 16},
        "spec_digest": "0" * 16,
        "source_title": "Squares",
        "num_train": 50,
        "num_test": 20,
        "image_shape": [1, 16, 16],
        "classes": ["even", "odd"],
        "sha256": file_sha256(folder / "images.npy"),
        "labels_sha256": file_sha256(folder / "labels.npy"),
        "split": "made by the test",
        "origin": {"path": None, "files": {}},
        "versions": {},
    }
    write_json(folder / "dataset.json", record)
    assert PreparedData.open(folder, verify=True).num("train") == 50
    return folder
