"""The tricks of the DCGAN tutorial in the loop: against a training written as plainly as there, and resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sngan_repro.config.specs import TrainingSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.data.dataset import PreparedData
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")
SMOOTH = {"real_target": 0.9, "fake_target": 0.1, "g_target": 0.9}
TRICKS = {
    "as it is": {},
    "smooth": SMOOTH,
    "matched": {"feature_loss": "mean_l2"},
    "spectral": {"weights": "spectral"},
    "spectral alone": {"weights": "spectral", "norm": None, "gain": False},
    "minimax": {"loss": "minimax"},
}


@pytest.fixture
def double():
    """Everything in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def spec_of(tiny_run, options: dict, reuse: bool = True, **training):
    return tiny_run(
        method={"name": "dcgan", "options": options},
        optimizer={"n_dis": 2, "lr": 2e-4, "beta2": 0.999},
        nets={"width": 8, "z_dim": 16, "init": "dcgan"},
        training={"batch_size": 16, **({"reuse_fake": True} if reuse else {}), **training},
    )


def as_in_the_tutorial(trainer: Trainer, order: list, options: dict, reuse: bool, updates: int) -> list[tuple]:
    """Binary cross entropy of probabilities, two backward passes, one Adam step; D(G(z)) of the same images for G."""
    spec, G, D = trainer.spec, trainer.G, trainer.D
    pixels = torch.from_numpy(PreparedData.open(order[1]).images("train").copy()).permute(0, 3, 1, 2)
    images = pixels.to(torch.get_default_dtype()) / 127.5 - 1
    adams = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), foreach=False) for net in (D, G)]

    def bce(output, target):
        return F.binary_cross_entropy(output.logits.sigmoid(), torch.full_like(output.logits, target))

    found = []
    with trainer.context.random():
        for _ in range(updates):
            for _ in range(2):
                real = images[order[0].pop(0)]
                fake = G(torch.randn(16, 16))
                adams[0].zero_grad()
                of_real = bce(D(real), options.get("real_target", 1.0))
                of_fake = bce(D(fake.detach()), options.get("fake_target", 0.0))
                (of_real + of_fake).backward()
                adams[0].step()
            if not reuse:
                fake = G(torch.randn(16, 16))
            output = D(fake)
            adams[1].zero_grad()
            if "feature_loss" in options:
                with torch.no_grad():
                    maps = D(real).features[-1]
                loss = sum(
                    (a.mean() - b.mean()) ** 2
                    for a, b in zip(maps.flatten(1).unbind(1), output.features[-1].flatten(1).unbind(1), strict=True)
                )
            elif options.get("loss") == "minimax":
                loss = torch.log(1 - output.logits.sigmoid()).mean()
            else:
                loss = bce(output, options.get("g_target", 1.0))
            loss.backward()
            adams[1].step()
            found.append(((of_real + of_fake).item(), loss.item()))
    assert spec.optimizer.n_dis == 2
    return found


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("trick", ["as it is", "smooth", "matched", "minimax"])
def test_same_losses_as_the_tutorials_loop(trick, reuse, tiny_run, tiny_images: Path, double):
    """Four updates in float64 with two steps of D each, with and without one batch of fakes for both steps."""
    spec = spec_of(tiny_run, TRICKS[trick], reuse)
    images, updates = PreparedData.open(tiny_images).images("train"), 4
    mine, start = Trainer(spec, images, CPU), Trainer(spec, images, CPU)
    order = [start.batches.indices_from(16 * number).clone() for number in range(2 * updates)]
    found = [[logs[key].item() for key in ("d_loss", "g_loss")] for logs in (mine.step() for _ in range(updates))]
    wanted = as_in_the_tutorial(start, [order, tiny_images], TRICKS[trick], reuse, updates)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert abs(found[-1][0] - found[0][0]) > 1e-4


def test_g_gets_the_images_of_ds_last_step(tiny_run, tiny_images: Path):
    """G makes a batch per step of D, and no other; its gradient is that of the images that D saw."""
    images = PreparedData.open(tiny_images).images("train")
    given: dict[bool, list[torch.Tensor]] = {}
    for reuse in (True, False):
        trainer, seen = Trainer(spec_of(tiny_run, {}, reuse), images, CPU), []
        trainer.D.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].detach().clone()))
        before = [p.clone() for p in trainer.g_parameters]
        trainer.step()
        assert any(not torch.equal(a, b) for a, b in zip(before, trainer.g_parameters, strict=True))
        given[reuse] = seen
    # D's passes: real and fake in each of two steps, then the fakes of G's step.
    assert torch.equal(given[True][3], given[True][4])
    assert not torch.equal(given[False][3], given[False][4])
    assert torch.equal(given[True][1], given[False][1])


@pytest.mark.parametrize(("trick", "reuse"), [*((trick, True) for trick in TRICKS), ("as it is", False)])
def test_resume_gives_the_same_bits(trick, reuse, tiny_run, tiny_images: Path):
    spec = spec_of(tiny_run, TRICKS[trick], reuse, ema=0.9)
    images = PreparedData.open(tiny_images).images("train")
    whole, first, second = (Trainer(spec, images, CPU) for _ in range(3))
    for _ in range(4):
        logs = whole.step()
    for _ in range(2):
        first.step()
    second.load(first.state())
    for _ in range(2):
        again = second.step()
    assert all(torch.equal(logs[key], again[key]) for key in logs)
    for name in ("G", "D", "G_ema"):
        pairs = zip(getattr(whole, name).state_dict().items(), getattr(second, name).state_dict().values(), strict=True)
        for (key, a), b in pairs:
            assert torch.equal(a, b), f"{name}: {key}"


def test_average_of_a_spectrally_normalised_g(tiny_run, tiny_images: Path):
    """The singular vectors of the average are G's own: a mean of vectors would not have length 1."""
    spec = spec_of(tiny_run, {}, ema=0.9)
    spec = spec.model_copy(update={"nets": spec.nets.model_copy(update={"spectral_g": True})})
    trainer = Trainer(spec, PreparedData.open(tiny_images).images("train"), CPU)
    for _ in range(6):
        trainer.step()
    own, mean = trainer.G.state_dict(), trainer.G_ema.state_dict()
    vectors = [name for name in own if name.endswith(".uv")]
    assert len(vectors) == 4
    assert all(torch.equal(own[name], mean[name]) for name in vectors)
    weights = [name for name in own if name.endswith("original")]
    assert all(not torch.equal(own[name], mean[name]) for name in weights)


def test_reuse_and_a_batch_size_of_g_exclude_each_other():
    with pytest.raises(ConfigError, match="`batch_size_g` has no effect with `reuse_fake`"):
        parse(TrainingSpec, {"batch_size_g": 128, "reuse_fake": True}, "training")


def test_without_the_key_the_specification_is_as_before():
    assert "reuse_fake" not in TrainingSpec().to_json()


@pytest.mark.parametrize("reuse", [True, False])
def test_d_alone_before_the_first_update(reuse, tiny_run, tiny_images: Path):
    """Three updates of D alone: two steps each on new batches; G keeps its weights, and a resumed run makes no more."""
    images = PreparedData.open(tiny_images).images("train")
    spec = spec_of(tiny_run, {}, reuse, pretrain_d=3)
    plain, mine, again = Trainer(spec_of(tiny_run, {}, reuse), images, CPU), Trainer(spec, images, CPU), None
    mine.D.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[0]))
    seen: list[int] = []
    plain.step()
    logs = mine.step()
    assert len(seen) == 2 * 2 * 3 + 2 * 2 + 1  # D on real and on fake in each step, then D in G's step
    assert (plain.batches.position, mine.batches.position) == (2 * 16, 2 * 16 * 4)
    assert [opt.step_counts[0].item() for opt in (mine.opt_d, mine.opt_g)] == [2 * 4, 1]
    torch.manual_seed(1)  # another run of the process has drawn numbers
    other = Trainer(spec, images, CPU)
    torch.manual_seed(2)
    assert all(torch.equal(logs[key], value) for key, value in other.step().items())
    again = Trainer(spec, images, CPU)
    again.load(mine.state())
    logs, resumed = mine.step(), again.step()
    assert again.batches.position == mine.batches.position == 2 * 16 * 5
    assert all(torch.equal(logs[key], resumed[key]) for key in logs)
