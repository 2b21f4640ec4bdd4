"""The package as a library: what docs/library.md shows, and that values are those of the workflow."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from api_support import STUDY
from PIL import Image

import sngan_repro as sr
from sngan_repro.cli.main import main
from sngan_repro.core.files import read_json
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.training.trainer import Trainer

PAGE = Path(__file__).parents[2] / "docs/library.md"


def noise(count: int) -> np.ndarray:
    """Grey images of random pixels."""
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 1), np.uint8)


@pytest.fixture(autouse=True)
def _there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.fixture
def results():
    return sr.read_results("quick")


@pytest.fixture
def generator(results):
    return sr.load_generator(results.snapshots("digits", "SNGAN", "C", seed=0)[6], "cpu")


def scores_of(results, run_id: str, updates: int) -> dict[str, float]:
    """The records of a snapshot in scores.json of the workflow."""
    records = read_json(results.layout.run(run_id).scores)["records"]
    return {r["metric"]: r["value"] for r in records if r["steps"] == updates and r["selection"] is None}


@pytest.mark.slow
def test_snippets_of_the_page():
    """docs/library.md, from top to bottom; then what it says."""
    page: dict[str, Any] = {"__name__": "docs_library"}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        exec(compile(code, PAGE.name, "exec"), page)
    assert page["table"].shape == (4, 6)
    assert page["images"].shape == (600, 16, 16, 1)
    assert list(page["d_loss"].index) == ["A", "C"]
    assert Image.open("way.png").mode == "L"
    assert list(page["scores"]["metric"]) == [
        "is300@classifier",
        "fid300_train@classifier",
        "duplicates300_train@classifier",
    ]
    assert page["run"].status["state"] == "ok"


@pytest.mark.slow
class TestScoring:
    def test_same_values_as_the_workflow(self, results, generator):
        """Both protocols: the second with another seed and a stretch, of which the generated floats know more."""
        study = results.study
        expected = scores_of(results, "digits/SNGAN/C/seed0", 6)
        images = generator.sample(600, seed=0)
        found = sr.score_images(images, study.datasets["digits"], study.scores[0], study.classifier, device="cpu")
        names = list(metric_names(study.scores[0]).values())
        assert list(found["metric"]) == names
        assert list(found["value"]) == pytest.approx([expected[name] for name in names], rel=1e-5)
        assert list(found["higher_is_better"]) == [True, False, False, True, True]
        assert set(found["num_fake"]) == {600}
        assert set(found["num_real"]) == {1197}

    def test_array_file_and_folder_agree(self, results, generator, tmp_path):
        images = generator.sample(60, seed=3)
        np.save(tmp_path / "images.npy", images)
        (tmp_path / "folder").mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image[..., 0]).save(tmp_path / "folder" / f"{index:03d}.png")
        protocol = {"evaluator": "classifier", "metrics": ["fid", "confidence"]}
        dataset, options = results.study.datasets["digits"], results.study.classifier
        values = [
            list(sr.score_images(given, dataset, protocol, options, device="cpu")["value"])
            for given in (images, tmp_path / "images.npy", str(tmp_path / "folder"))
        ]
        assert values[0] == values[1] == values[2]

    def test_of_more_images_an_even_draw_is_scored(self, results, generator):
        images = generator.sample(60, seed=3)
        protocol = {"evaluator": "classifier", "metrics": ["fid"], "num_fake": 40, "seed": 5}
        dataset, options = results.study.datasets["digits"], results.study.classifier
        drawn = images[np.random.Generator(np.random.PCG64(5)).permutation(60)[:40]]
        more, exact = (
            sr.score_images(given, dataset, protocol, options, device="cpu")["value"][0] for given in (images, drawn)
        )
        assert more == exact

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            (np.zeros((20, 16, 16, 1), np.float32), r"found float32 .*needed: uint8 \(N, 16, 16, 1\).*not guessed"),
            (np.zeros((20, 1, 16, 16), np.uint8), "the channels come last"),
            (np.zeros((20, 16, 16), np.uint8), r"found uint8 \(20, 16, 16\)"),
            (np.zeros((20, 28, 28, 1), np.uint8), r"found uint8 \(20, 28, 28, 1\)"),
            (noise(20), "fid60_train@classifier: 60 images are needed, 20 are given"),
            ("nowhere", "nowhere: no such file or folder"),
            ("config/studies/quick.yaml", "neither a folder of images nor a .npy file"),
        ],
    )
    def test_images_that_do_not_fit(self, images, message):
        protocol = {"evaluator": "classifier", "metrics": ["fid"], "num_fake": 60}
        with pytest.raises(sr.ConfigError, match=message):
            sr.score_images(images, STUDY["datasets"]["digits"], protocol, STUDY["classifier"], device="cpu")

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (Image.new("L", (17, 16)), r"0\.png: 17 x 16 pixels, L; the dataset has 16 x 16, L\. Nothing is resized"),
            (Image.new("RGB", (16, 16)), "16 x 16 pixels, RGB; the dataset has 16 x 16, L"),
            (Image.new("LA", (16, 16)), "16 x 16 pixels, LA"),
            (Image.new("I;16", (16, 16)), "more than 8 bits"),
        ],
    )
    def test_image_files_are_not_changed_silently(self, image, message, tmp_path):
        image.save(tmp_path / "0.png")
        with pytest.raises(sr.ConfigError, match=message):
            sr.read_images(tmp_path, (1, 16, 16))

    def test_protocols_that_do_not_fit(self):
        images, dataset = noise(20), STUDY["datasets"]["digits"]
        for protocol, message in (
            ({"evaluator": "clasifier"}, "unknown evaluator 'clasifier'; did you mean 'classifier'"),
            (
                {"evaluator": "classifier", "metrics": ["fid"], "batch_norm": "batch"},
                "concerns sampling from a generator",
            ),
            ({"evaluator": "classifier", "metrics": ["fid"], "num_real": 5000}, "`num_real` is 5000"),
            ([], "no protocol"),
        ):
            with pytest.raises(sr.ConfigError, match=message):
                sr.score_images(images, dataset, protocol, STUDY["classifier"], device="cpu")
        with pytest.raises(sr.ConfigError, match="unknown data source 'digitz'; did you mean 'digits'"):
            sr.score_images(images, {"source": "digitz", "image_size": 16}, [], device="cpu")

    def test_command(self, results, generator, tmp_path, capsys):
        np.save(tmp_path / "images.npy", generator.sample(600, seed=0))
        out = tmp_path / "scores.csv"
        given = ["score-images", "--study", "quick", "--images", str(tmp_path / "images.npy"), "--device", "cpu"]
        main([*given, "--out", str(out)])
        found = pd.read_csv(out).set_index("metric")["value"]
        expected = scores_of(results, "digits/SNGAN/C/seed0", 6)
        for name in metric_names(results.study.scores[0]).values():
            assert found[name] == pytest.approx(expected[name], rel=1e-5), name
        main([*given, "--num-fake", "100", "--evaluator", "classifier"])
        assert re.search(r"fid100_train@classifier +\d", capsys.readouterr().out)
        for more, message in (
            (["--dataset", "digitz"], "unknown dataset 'digitz'; did you mean 'digits'"),
            (["--evaluator", "inception"], "unknown evaluator 'inception' (known: classifier)"),
            (["--num-fake", "601"], "601 images are needed, 600 are given"),
        ):
            with pytest.raises(SystemExit):
                main([*given, *more])
            assert message in capsys.readouterr().err


class TestGenerators:
    def test_samples_are_those_of_the_latents(self, generator):
        images = generator.sample(70, seed=5)
        assert (images.shape, images.dtype) == ((70, 16, 16, 1), np.uint8)
        by_hand = ((generator.network(generator.latents(70, seed=5)) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
        assert np.abs(by_hand.numpy().astype(int) - images).max() <= 1  # other batches round otherwise
        assert np.array_equal(generator.sample(10, seed=5), images[:10])
        assert generator.images_of(generator.latents(3, seed=5)).shape == (3, 16, 16, 1)
        assert generator.spec.method.name == "sngan"

    def test_mistakes(self, generator):
        with pytest.raises(sr.ConfigError, match=r"latents \(N, 8\) are needed; found \(2, 9\)"):
            generator.images_of(torch.zeros(2, 9))
        with pytest.raises(sr.ConfigError, match="`count` must be at least 1"):
            generator.sample(0)
        with pytest.raises(sr.ConfigError, match="no such snapshot"):
            sr.load_generator("nothing.safetensors", "cpu")


class TestTraining:
    SPEC: dict[str, Any] = {
        "method": "bn",
        "data": {"source": "digits", "image_size": 16},
        "setting": {"lr": 0.001},
        "budget": {"steps": 4},
        "nets": {"width": 4, "z_dim": 8},
        "snapshots": {"count": 2},
    }

    def test_a_run(self, tmp_path):
        spec = sr.run_spec(**self.SPEC, seed=7)
        assert (spec.method.name, spec.seed, spec.nets.width, spec.label) == ("bn", 7, 4, "BN")
        run = sr.train_run(spec, tmp_path / "run", device="cpu")
        assert run.status["state"] == "ok"
        assert [path.name for path in run.snapshots] == ["00000002.safetensors", "00000004.safetensors"]
        assert list(run.log["step"]) == [1, 2, 3, 4]
        assert run.generator("cpu").sample(3).shape == (3, 16, 16, 1)
        written = run.snapshots[-1].stat().st_mtime_ns
        again = sr.train_run(spec, tmp_path / "run", device="cpu")
        assert again.status == run.status
        assert run.snapshots[-1].stat().st_mtime_ns == written
        with pytest.raises(sr.ConfigError, match="holds a run of another specification"):
            sr.train_run(sr.run_spec(**self.SPEC, seed=8), tmp_path / "run", device="cpu")

    def test_a_folder_with_something_else_is_left_alone(self, tmp_path):
        (tmp_path / "samples").mkdir()
        with pytest.raises(sr.ConfigError, match="holds files that are no run"):
            sr.train_run(sr.run_spec(**self.SPEC), tmp_path, device="cpu")
        assert (tmp_path / "samples").is_dir()

    def test_the_stop_button_and_the_same_call_again(self, tmp_path, monkeypatch):
        spec, step = sr.run_spec(**self.SPEC), Trainer.advance

        def stopped(trainer):
            if trainer.steps == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return step(trainer)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "advance", stopped)
            with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
                sr.train_run(spec, tmp_path / "run", device="cpu")
        again = sr.train_run(spec, tmp_path / "run", device="cpu")
        whole = sr.train_run(spec, tmp_path / "whole", device="cpu")
        assert (again.status["resumed"], whole.status["resumed"]) == (1, 0)
        assert again.snapshots[-1].read_bytes() == whole.snapshots[-1].read_bytes()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"method": "sgnan"}, "unknown method 'sgnan'; did you mean 'sngan'"),
            ({"setting": {"lr": -1}}, "run_spec: settings.A.lr: Input should be greater than 0"),
            ({"net": {"width": 4}}, r"unknown keys: net \(allowed here: nets, training, snapshots\)"),
            ({"data": {"source": "digits", "image_size": 30}}, "run_spec: datasets.digits.image_size"),
        ],
    )
    def test_mistakes(self, changes, message):
        with pytest.raises(sr.ConfigError, match=message):
            sr.run_spec(**{**self.SPEC, **changes})


class TestResults:
    def test_frames(self, results):
        assert len(results.runs) == 8
        assert set(results.runs["state"]) == {"ok"}
        assert results.claims is None
        cell = results.scores.query(
            "label == 'BEGAN' and setting == 'A' and last and metric == 'fid600_train@classifier'"
        )
        row = results.summary.query("label == 'BEGAN' and setting == 'A' and metric == 'fid600_train@classifier'")
        assert row["mean"].iloc[0] == pytest.approx(cell["value"].mean())
        assert row["n"].iloc[0] == 2

    def test_logs(self, results):
        log = results.logs(label="BEGAN", setting="A")
        assert len(log) == 2 * 6
        assert set(log["seed"]) == {0, 1}
        assert log["k"].notna().all()
        assert len(results.logs()) == 8 * 6
        assert results.logs(label="nothing").empty

    def test_snapshots(self, results):
        assert sorted(results.snapshots("digits", "SNGAN", "A", 1)) == [3, 6]
        with pytest.raises(sr.ConfigError, match="no such run"):
            results.snapshots("digits", "SNGAN", "B", 1)

    def test_a_study_that_was_not_run(self):
        with pytest.raises(sr.ConfigError, match=r"scores\.csv: no such file; aggregate writes it"):
            sr.read_results("quick", results_dir="elsewhere")

    def test_every_column_is_explained(self, results):
        page = PAGE.read_text()
        common = set(re.findall(r"`(\w+)`", page[page.index("All frames name a run") :].split("\n\n")[0]))
        for name in ("runs", "scores", "summary", "comparisons", "cost"):
            table = page[page.index(f"| `results.{name}` | |") :].split("\n\n")[0]
            first = "".join(line.split("|")[1] for line in table.splitlines()[2:])
            explained = set(re.findall(r"`(\w+)`", first))
            columns = set(getattr(results, name).columns)
            assert columns - common - explained == set(), name
            assert explained - columns == set(), name
        scores = page[page.index("| Column | What it is |") :].split("\n\n")[0]
        protocol = {"evaluator": "classifier", "metrics": ["fid"]}
        images = noise(20)
        frame = sr.score_images(images, STUDY["datasets"]["digits"], protocol, STUDY["classifier"], device="cpu")
        explained = {name for line in scores.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
        assert explained == set(frame.columns)


def test_importing_the_package_stays_light():
    heavy = "[m for m in ('torch', 'numpy', 'pandas', 'pydantic') if m in sys.modules]"
    command = [sys.executable, "-c", f"import sys, sngan_repro as sr; dir(sr); print({heavy})"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PAGE.parent.parent)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists():
    listed = set(re.findall(r"^\| `sr\.(\w+)\(", PAGE.read_text(), re.MULTILINE)) | {"ConfigError", "__version__"}
    assert listed == set(sr.__all__)
    for name in sr.__all__:
        assert getattr(sr, name).__doc__
    with pytest.raises(AttributeError, match="No sngan_repro attribute score_image"):
        sr.score_image  # noqa: B018
