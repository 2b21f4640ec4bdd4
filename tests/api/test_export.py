"""Exported networks against those of the run, read back without this package's classes; the model card; the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sngan_repro import nets
from sngan_repro.api.export import export_run
from sngan_repro.cli.main import main
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets import export
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.snapshot import load_generator
from sngan_repro.training.discriminator import load_discriminator
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunPaths:
    """A run of the tutorial's networks with spectral and batch norm in D, and D kept."""
    from sngan_repro.config.specs import RunSpec
    from sngan_repro.core.files import file_sha256, write_json

    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (30, 28, 28, 1), np.uint8))
    np.save(folder / "labels.npy", np.arange(30) % 2)
    record = {"num_train": 24, "num_test": 6, "image_shape": [1, 28, 28], "classes": ["a", "b"]}
    sums = {
        f"{name}sha256": file_sha256(folder / f"{file}.npy") for name, file in (("", "images"), ("labels_", "labels"))
    }
    write_json(folder / "dataset.json", record | sums)
    spec = RunSpec.model_validate(
        {
            "seed": 0,
            "data": {"source": "digits", "image_size": 28},
            "method": {"name": "gan", "options": {"weights": "spectral", "norm": "batch", "gain": True}},
            "nets": {"family": "mnist_tutorial", "width": 8, "z_dim": 5, "init": "dcgan"},
            "optimizer": {"lr": 0.002},
            "training": {"batch_size": 8, "save_d": True},
            "budget": {"steps": 12},
            "snapshots": {"count": 2},
        }
    )
    paths = RunPaths(folder / "run")
    train(spec, paths, folder, CPU, TrainOptions(tensorboard=False))
    return paths


@pytest.fixture(scope="module")
def exported(run: RunPaths, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("files")
    names = {file.name for file in export_run(run.root, out)}
    assert names == {"generator.pt2", "generator.onnx", "discriminator.pt2", "MODEL_CARD.md"}
    return out


def test_the_generator_is_that_of_the_last_snapshot(run: RunPaths, exported: Path):
    G = load_generator(run.snapshot(12)).G
    read = torch.export.load(exported / "generator.pt2").module()
    for count in (1, 7):
        z = torch.randn(count, 5)
        torch.testing.assert_close(read(z), G(z), rtol=0, atol=1e-5)


def test_onnx_gives_the_same_images(run: RunPaths, exported: Path):
    import onnxruntime

    G = load_generator(run.snapshot(12)).G
    session = onnxruntime.InferenceSession(str(exported / "generator.onnx"))
    for count in (1, 7):
        z = torch.randn(count, 5)
        (images,) = session.run(["images"], {"z": z.numpy()})
        np.testing.assert_allclose(images, G(z).detach().numpy(), rtol=0, atol=1e-5)


def test_the_discriminator_without_spectral_norm_gives_the_same_logits(run: RunPaths, exported: Path):
    D = load_discriminator(run.discriminator).D
    read = torch.export.load(exported / "discriminator.pt2").module()
    images = torch.rand(9, 1, 28, 28) * 2 - 1
    torch.testing.assert_close(read(images), D(images).logits, rtol=0, atol=1e-5)
    assert not [name for name in read.state_dict() if "parametrizations" in name or name.endswith("uv")]


@pytest.mark.parametrize("weights", ["spectral", "weight", "frobenius"])
@pytest.mark.parametrize("family", ["cnn", "resnet"])
def test_folding_changes_no_output_and_not_the_network(family: str, weights: str):
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(family=family, width=4), ImageSpec(3, 32), weights).eval()
    before = {name: value.clone() for name, value in D.state_dict().items()}
    images = torch.randn(3, 3, 32, 32)
    expected = D(images).logits
    plain = export.folded(D)
    torch.testing.assert_close(plain(images).logits, expected, rtol=0, atol=1e-5)
    assert not any("parametrizations" in name for name in plain.state_dict())
    assert {layer.layer.__class__.__name__ for layer in _layers(plain)} <= {"Conv2d", "Linear", "PoolingConv2d"}
    torch.testing.assert_close(D(images).logits, expected, rtol=0, atol=0)  # D still has its normalisers
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())


def _layers(net):
    from sngan_repro.nets.weights import weighted_layers

    return weighted_layers(net)


def test_a_wrong_file_is_refused(tmp_path: Path):
    first, second = (torch.nn.Linear(3, 1) for _ in range(2))
    with pytest.raises(ConfigError, match=r"net\.pt2: the exported network gives outputs that differ by"):
        export.write_program(first, [torch.randn(2, 3)], tmp_path / "net.pt2", expected=second)
    assert not (tmp_path / "net.pt2").exists()


def test_the_card_has_specification_files_and_use(exported: Path):
    text = (exported / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert text.startswith("# gan on digits\n")
    assert "12 generator updates, 96 real images seen" in text
    assert '"family": "mnist_tutorial"' in text
    assert "This snapshot has not been scored." in text
    code = text.split("```python\n")[1].split("```")[0]
    assert "G = torch.export.load('generator.pt2').module()   # images = G(z)" in code
    compile(code, "card", "exec")


def test_without_onnx_and_without_a_run(run: RunPaths, tmp_path: Path, capsys, monkeypatch):
    main(["export", str(run.root), "--out", str(tmp_path / "out"), "--no-onnx"])
    printed = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in printed] == ["generator.pt2", "discriminator.pt2", "MODEL_CARD.md"]
    with pytest.raises(ConfigError, match=r"no finished run \(status\.json is missing\)"):
        export_run(tmp_path, tmp_path / "out")
    monkeypatch.setattr("sngan_repro.api.export.onnx_missing", lambda: ["onnxscript"])
    with pytest.raises(ConfigError, match="onnxscript is not installed"):
        export_run(run.root, tmp_path / "out", onnx=True)
