"""The program that comes with the repository."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from sngan_repro.study.load import load_study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """400 images that vary along two orthogonal patterns only, with SDs of 20 and 8, around 120."""
    rng = np.random.default_rng(0)
    patterns = np.array([[1, 1, -1, -1], [1, -1, 1, -1]]) / 2
    flat = 120 + rng.standard_normal((400, 2)) * [20, 8] @ patterns
    return flat.round().astype(np.uint8).reshape(400, 2, 2, 1)


def sample(folder: Path, images: np.ndarray, seed: int, components: int) -> np.ndarray:
    np.save(folder / "images.npy", images)
    task = {"images": folder / "images.npy", "samples": folder / "samples.npy", "status": folder / "status.json"}
    task = {name: str(path) for name, path in task.items()} | {"seed": seed, "num_samples": 4000}
    (folder / "task.json").write_text(json.dumps(task))
    arguments = ["pca_sampler.py", str(folder / "task.json"), "--components", str(components)]
    with pytest.MonkeyPatch.context() as patch:  # in this process: scikit-learn takes seconds to import
        patch.setattr(sys, "argv", arguments)
        runpy.run_path(str(ROOT / "programs/pca_sampler.py"), run_name="__main__")
    return np.load(folder / "samples.npy")


def test_mean_and_covariance_are_those_of_the_images(images: np.ndarray, tmp_path: Path):
    samples = sample(tmp_path, images, seed=0, components=40)  # more than there are pixels
    assert (samples.dtype, samples.shape) == (np.uint8, (4000, 2, 2, 1))
    found, given = (np.cov(x.reshape(len(x), 4).T.astype(float)) for x in (samples, images))
    assert samples.mean(axis=0) == pytest.approx(images.mean(axis=0), abs=1)
    assert np.linalg.eigvalsh(found)[2:] == pytest.approx(np.linalg.eigvalsh(given)[2:], rel=0.1)
    assert json.loads((tmp_path / "status.json").read_text())["images_seen"] == 400


def test_components_and_seed(images: np.ndarray, tmp_path: Path):
    one = sample(tmp_path, images, seed=0, components=1)
    assert np.linalg.eigvalsh(np.cov(one.reshape(-1, 4).T.astype(float)))[2] < 1  # rounding alone
    assert np.array_equal(one, sample(tmp_path, images, seed=0, components=1))
    assert not np.array_equal(one, sample(tmp_path, images, seed=1, components=1))


def test_the_line_of_the_quick_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    text = Path("config/studies/quick.yaml").read_text(encoding="utf-8")
    (tmp_path / "quick.yaml").write_text(text.replace("  # - pca_sampler", "  - pca_sampler"))
    before, after = load_study("quick"), load_study(str(tmp_path / "quick.yaml"))
    assert after.labels == [*before.labels, "PCA"]
    assert [run.id for run in after.runs()[36:]] == ["digits/PCA/own/seed0", "digits/PCA/own/seed1"]
    assert [run.digest() for run in after.runs()[:36]] == [run.digest() for run in before.runs()]
