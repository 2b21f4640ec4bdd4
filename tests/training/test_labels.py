"""The way of the labels: from the prepared data to D and G, into snapshots, samples and grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conditional import conditional_family

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.data.dataset import PreparedData
from sngan_repro.nets.families import FAMILIES, Family
from sngan_repro.nets.latents import LabelLaw, class_labels, training_labels
from sngan_repro.nets.sampling import SampleOptions, generate
from sngan_repro.nets.snapshot import load_generator
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")
NETS = {"family": "conditional", "conditional": True}


@pytest.fixture(autouse=True)
def family():
    with conditional_family():
        yield


def trainer_of(spec, folder: Path, **options) -> Trainer:
    data = PreparedData.open(folder)
    return Trainer(spec, data.images("train"), CPU, labels=data.labels("train"), **options)


def test_d_gets_the_labels_of_the_real_images_and_those_that_g_got(tiny_run, tiny_images: Path):
    spec = tiny_run(nets=NETS, optimizer={"n_dis": 2}, method={"name": "gan", "options": {}})
    trainer = trainer_of(spec, tiny_images)
    expected = PreparedData.open(tiny_images).labels("train")
    given: list[torch.Tensor] = []
    trainer.G.register_forward_pre_hook(lambda module, inputs: given.append(inputs[1].clone()))
    order = trainer_of(spec, tiny_images).batches
    trainer.D.seen.clear()
    trainer.step()
    real = [expected[order.indices_from(step * spec.training.batch_size).numpy()] for step in range(2)]
    assert len(given) == 3  # two steps of D, one of G
    assert any(len(set(labels.tolist())) > 1 for labels in given)
    # Real and fake images are one batch of D's step, since `gan` has no normaliser.
    for step in range(2):
        assert trainer.D.seen[step].tolist() == [*real[step].tolist(), *given[step].tolist()]
    assert torch.equal(trainer.D.seen[2], given[2])


def test_a_conditional_run_learns_its_classes(tiny_run, tiny_images: Path):
    """The gradient of D's loss reaches the embedding of each class, and so does that of G's."""
    trainer = trainer_of(tiny_run(nets=NETS, method={"name": "gan", "options": {}}), tiny_images)
    before = [net.weight.detach().clone() for net in (trainer.D.classes, trainer.G.images)]
    for _ in range(3):
        trainer.step()
    for old, net in zip(before, (trainer.D.classes, trainer.G.images), strict=True):
        assert all(not torch.equal(a, b) for a, b in zip(old, net.weight.detach(), strict=True))


def test_an_unconditional_run_sees_no_labels(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    trainer = Trainer(tiny_run(), data.images("train"), CPU, labels=data.labels("train"))
    assert trainer.image.num_classes is None
    trainer.batches.load()
    assert trainer.batches.batch().labels is None
    assert trainer.label_law is None


def test_snapshot_samples_and_grid(tiny_run, tiny_images: Path, tmp_path: Path):
    run = RunPaths(tmp_path)
    spec = tiny_run(nets=NETS, budget={"steps": 3}, snapshots={"count": 1})
    train(spec, run, tiny_images, CPU, TrainOptions(tensorboard=False))
    G, stored, law = load_generator(run.snapshot(3))
    assert stored == spec
    assert law == LabelLaw((0.5, 0.5))
    options = SampleOptions(label_law=law, batch_size=16)
    images = generate(G, spec.nets, 40, 1, CPU, options)
    assert np.array_equal(images[8:], generate(G, spec.nets, 32, 1, CPU, SampleOptions(label_law=law, start=8)))
    labels = class_labels(40, law, 1)
    with torch.no_grad():
        G.images.weight.copy_(torch.tensor([[-9.0], [9.0]]).expand(2, 256))
    bright = generate(G, spec.nets, 40, 1, CPU, options).reshape(40, -1).mean(1) > 128
    assert bright.tolist() == labels.bool().tolist()
    grid = np.load(run.samples / "final.npy")
    assert grid.shape == (16, 16, 16, 1)  # a row of eight images for each of two classes
    # The progress figure shows images of every class: 16 of the grid, evenly spaced.
    final, progress = np.load(run.samples / "final.npy"), np.load(run.samples / "progress.npy")
    assert np.array_equal(progress[-1], final[:: len(final) // 16][:16])
    assert len({index * (len(final) // 16) // 8 for index in range(16)}) == len(final) // 8  # every row of the grid


def test_resume_gives_the_same_bits(tiny_run, tiny_images: Path):
    spec = tiny_run(nets=NETS)
    whole, first = trainer_of(spec, tiny_images), trainer_of(spec, tiny_images)
    for _ in range(4):
        whole.step()
    for _ in range(2):
        first.step()
    second = trainer_of(spec, tiny_images)
    second.load(first.state())
    for _ in range(2):
        second.step()
    for a, b in zip(whole.G.parameters(), second.G.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_dataset_without_classes_is_refused(tiny_run, tiny_images: Path):
    images = PreparedData.open(tiny_images).images("train")
    for labels in (None, np.full(len(images), -1)):
        with pytest.raises(ConfigError, match="needs a class for every training image"):
            Trainer(tiny_run(nets=NETS), images, CPU, labels=labels)


def test_a_family_without_labels_is_refused(tiny_run, tiny_images: Path):
    @FAMILIES.register("plain")
    class Plain(Family):
        name = "plain"
        summary = "networks without labels"

        @classmethod
        def generator(cls, nets, image):
            raise AssertionError("the check comes first")

    with pytest.raises(ConfigError, match="the network family 'plain' has no class-conditional networks"):
        trainer_of(tiny_run(nets={"family": "plain", "conditional": True}), tiny_images)
    with pytest.raises(ConfigError, match="`label_law` has no effect without `conditional: true`"):
        parse(NetsSpec, {"label_law": "data"}, "nets")


def test_label_laws():
    law = LabelLaw.of(3, np.array([0, 0, 0, 2]))
    assert law.shares == (0.75, 0.0, 0.25)
    assert LabelLaw.of(4).shares == (0.25,) * 4
    drawn = class_labels(4000, law, 5)
    assert np.bincount(drawn, minlength=3) / 4000 == pytest.approx([0.75, 0, 0.25], abs=0.03)
    assert torch.equal(class_labels(10, law, 5, start=90), drawn[90:100])
    assert not torch.equal(class_labels(4000, law, 6), drawn)
    torch.manual_seed(0)
    trained = training_labels(4000, law.edges("cpu"))
    assert trained.dtype == torch.int64
    assert np.bincount(trained, minlength=3) / 4000 == pytest.approx([0.75, 0, 0.25], abs=0.03)


def test_shares_of_the_data(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    labels = np.where(np.arange(len(data.labels("train"))) < 10, 1, 0)
    spec = tiny_run(nets={**NETS, "label_law": "data"})
    assert Trainer(spec, data.images("train"), CPU, labels=labels).label_law == LabelLaw((0.8, 0.2))


WAYS = {
    "projection": ({"name": "sngan", "options": {}}, {}),
    "concat_hidden": ({"name": "sngan", "options": {}}, {"condition_d": "concat_hidden"}),
    "concat_input": ({"name": "gan", "options": {"penalty": "gradient"}}, {"condition_d": "concat_input"}),
    "ac": ({"name": "acgan", "options": {}}, {"condition_d": "ac"}),
    "k_plus_1": ({"name": "k_plus_1", "options": {}}, {"condition_d": "k_plus_1"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_resume_of_the_packages_networks_gives_the_same_bits(tiny_run, tiny_images: Path, way: str):
    method, nets = WAYS[way]
    own = {"family": "cnn", "width": 4, "z_dim": 8, "conditional": True, **nets}
    spec = tiny_run(nets=own, method=method, optimizer={"n_dis": 2})
    whole, first, second = (trainer_of(spec, tiny_images) for _ in range(3))
    start = {name: value.clone() for name, value in whole.D.state_dict().items()}
    for _ in range(4):
        logs = whole.step()
    for _ in range(2):
        first.step()
    second.load(first.state())
    for _ in range(2):
        second.step()
    for name in ("G", "D"):
        pairs = zip(getattr(whole, name).state_dict().items(), getattr(second, name).state_dict().values(), strict=True)
        for (key, a), b in pairs:
            assert torch.equal(a, b), f"{name}: {key}"
    assert all(value.isfinite() for value in logs.values())
    assert ("class_loss_d" in logs) == (way == "ac")
    labelled = [key for key in start if "embedding" in key or key.startswith("classes")]
    assert bool(labelled) == (way != "concat_input")
    assert all(not torch.equal(start[key], whole.D.state_dict()[key]) for key in labelled)


def test_g_has_its_own_batch_size(tiny_run, tiny_images: Path):
    """D's steps have `batch_size` fakes each, G's step `batch_size_g`; without the key both have `batch_size`."""

    def sizes(**training) -> list[int]:
        spec = tiny_run(nets=NETS, optimizer={"n_dis": 2}, training={"batch_size": 8, **training})
        trainer, found = trainer_of(spec, tiny_images), []
        trainer.G.register_forward_pre_hook(lambda module, inputs: found.append((len(inputs[0]), len(inputs[1]))))
        trainer.step()
        assert all(a == b for a, b in found)
        return [a for a, _ in found]

    assert sizes() == [8, 8, 8]
    assert sizes(batch_size_g=24) == [8, 8, 24]


def test_g_learns_from_its_own_batch(tiny_run, tiny_images: Path):
    """The first step of G differs, and that of D is the same to the bit."""
    found = {}
    for size in (None, 24):
        spec = tiny_run(training={"batch_size": 8, "batch_size_g": size})
        trainer = trainer_of(spec, tiny_images)
        trainer.step()
        found[size] = trainer
    for a, b in zip(found[None].d_parameters, found[24].d_parameters, strict=True):
        assert torch.equal(a, b)
    assert any(not torch.equal(a, b) for a, b in zip(found[None].g_parameters, found[24].g_parameters, strict=True))
