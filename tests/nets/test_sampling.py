import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import (
    BudgetSpec,
    DatasetSpec,
    MethodSpec,
    NetsSpec,
    OptimizerSpec,
    RunSpec,
    SnapshotsSpec,
    TrainingSpec,
)
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets import build_generator
from sngan_repro.nets import sampling as sample
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import interpolate, kept_latents, latents, training_latents
from sngan_repro.nets.sampling import (
    NonFiniteImages,
    SampleOptions,
    from_uint8,
    generate,
    generate_on_device,
    grid,
    save_grid,
    to_uint8,
)
from sngan_repro.nets.snapshot import load_generator, save_snapshot

NETS = NetsSpec(width=4, z_dim=8)


@pytest.fixture
def G():
    torch.manual_seed(0)
    net = build_generator(NETS, ImageSpec(1, 16))
    with torch.no_grad():
        for name, buffer in net.named_buffers():  # as after some training, and unlike any batch's own statistics
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)
    return net.train()


def run_spec(**changes):
    values = {
        "seed": 0,
        "data": DatasetSpec(source="digits", image_size=16),
        "method": MethodSpec(name="sngan"),
        "nets": NETS,
        "optimizer": OptimizerSpec(lr=1e-3),
        "training": TrainingSpec(),
        "budget": BudgetSpec(steps=10),
        "snapshots": SnapshotsSpec(count=1),
    }
    return RunSpec.model_validate({**values, **changes})


class TestLatents:
    @pytest.mark.parametrize("law", ["normal", "uniform", "uniform01"])
    def test_vector_does_not_depend_on_its_neighbours(self, law):
        together = latents(10, 5, law, seed=3)
        assert together.dtype == torch.float32
        assert torch.equal(latents(4, 5, law, seed=3, start=6), together[6:])
        assert torch.equal(torch.cat([latents(1, 5, law, 3, start=i) for i in range(10)]), together)

    def test_vector_is_the_stream_of_its_seed_and_index(self):
        stream = np.random.Generator(np.random.Philox(key=np.array([7, 5], dtype=np.uint64)))
        expected = stream.standard_normal(6, dtype=np.float32)
        assert np.array_equal(latents(1, 6, "normal", seed=7, start=5)[0].numpy(), expected)

    def test_seeds_and_vectors_differ(self):
        values = torch.cat([latents(3, 4, "normal", 0), latents(3, 4, "normal", 1)])
        assert len(values.unique()) == values.numel()

    def test_laws(self):
        normal, uniform = latents(2000, 20, "normal", 0), latents(2000, 20, "uniform", 0)
        assert abs(normal.mean()) < 0.02
        assert abs(normal.std() - 1) < 0.02
        assert abs(torch.corrcoef(torch.stack([normal[:-1, 0], normal[1:, 0]]))[0, 1]) < 0.08
        assert -1 <= uniform.min() < -0.99
        assert 0.99 < uniform.max() <= 1
        assert abs(uniform.std() - 1 / math.sqrt(3)) < 0.01

    def test_uniform_laws_are_one_stream(self):
        raw = np.random.Generator(np.random.Philox(key=np.array([7, 5], dtype=np.uint64))).random(6, dtype=np.float32)
        assert np.array_equal(latents(1, 6, "uniform01", seed=7, start=5)[0].numpy(), raw)
        assert np.array_equal(latents(1, 6, "uniform", seed=7, start=5)[0].numpy(), 2 * raw - 1)

    def test_training_draws_from_the_global_state(self):
        """The same calls of torch as ever: a change would change every training."""
        expected = {"normal": torch.randn, "uniform": lambda s: torch.rand(s) * 2 - 1, "uniform01": torch.rand}
        for law, draw in expected.items():
            torch.manual_seed(5)
            z = training_latents(3, 4, law, "cpu")
            torch.manual_seed(5)
            assert torch.equal(z, draw((3, 4)))
            assert z.dtype == torch.float32
        with pytest.raises(ConfigError, match="unknown law"):
            training_latents(3, 4, "cauchy", "cpu")

    def test_unknown_law(self):
        with pytest.raises(ConfigError, match=r"cauchy.*normal, uniform, uniform01"):
            latents(1, 2, "cauchy", 0)


class TestQuantisation:
    def test_values_by_hand(self):
        x = torch.tensor([-1.0, 1.0, 0.0, -3.0, 3.0, 0.5, 1 / 127.5 - 1, math.nan, math.inf, -math.inf])
        levels = to_uint8(x.view(1, 1, 2, 5)).flatten().tolist()
        # 0 -> 127.5 -> 128 (half to even), 0.5 -> 191.25 -> 191
        assert levels == [0, 255, 128, 0, 255, 191, 1, 128, 255, 0]

    def test_every_level_survives_a_round_trip(self):
        levels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1)
        x = from_uint8(levels)
        assert x.dtype == torch.float32
        assert (x.min(), x.max()) == (-1, 1)
        assert torch.equal(to_uint8(x), levels)

    def test_axes(self):
        images = torch.zeros(2, 3, 4, 5)
        images[1, 2, 3, 4] = 1.0
        levels = to_uint8(images)
        assert levels.shape == (2, 4, 5, 3)
        assert levels[1, 3, 4, 2] == 255
        assert torch.equal(from_uint8(levels)[1, 2, 3, 4], torch.tensor(1.0))


class TestGenerate:
    @pytest.mark.parametrize("batch_norm", ["running", "batch"])
    def test_image_does_not_depend_on_count_and_start(self, G, batch_norm):
        images = generate(G, NETS, 150, seed=1, options=SampleOptions(batch_norm=batch_norm))
        assert images.shape == (150, 16, 16, 1)
        assert images.dtype == np.uint8
        assert np.array_equal(generate(G, NETS, 7, seed=1, options=SampleOptions(batch_norm=batch_norm)), images[:7])
        assert np.array_equal(
            generate(G, NETS, 50, seed=1, options=SampleOptions(batch_norm=batch_norm, start=100)), images[100:]
        )

    def test_batch_size_moves_rounding_only(self, G):
        first = generate(G, NETS, 100, seed=1, options=SampleOptions(batch_size=100)).astype(int)
        second = generate(G, NETS, 100, seed=1, options=SampleOptions(batch_size=7)).astype(int)
        assert abs(first - second).max() <= 1
        assert (first != second).mean() < 0.001

    def test_batch_size_has_no_say_in_batch_statistics(self, G):
        first = generate(G, NETS, 100, seed=1, options=SampleOptions(batch_size=5, batch_norm="batch"))
        assert np.array_equal(
            first, generate(G, NETS, 100, seed=1, options=SampleOptions(batch_size=100, batch_norm="batch"))
        )

    def test_running_mode_is_evaluation_mode(self, G):
        with torch.no_grad():
            expected = to_uint8(G.eval()(latents(64, 8, "normal", 1))).numpy()
        G.train()
        assert np.array_equal(generate(G, NETS, 64, seed=1, options=SampleOptions(batch_size=64)), expected)

    def test_batch_mode_is_training_mode_of_the_second_chunk(self, G):
        found = generate(G, NETS, 64, seed=1, options=SampleOptions(batch_norm="batch", start=64))
        with torch.no_grad():
            expected = to_uint8(G.train()(latents(64, 8, "normal", 1, start=64))).numpy()
        assert np.array_equal(found, expected)
        assert not np.array_equal(found, generate(G, NETS, 64, seed=1, options=SampleOptions(start=64)))

    @pytest.mark.parametrize("batch_norm", ["running", "batch"])
    @pytest.mark.parametrize("broken", [False, True])
    def test_generator_is_left_as_it_was(self, G, batch_norm, broken):
        if broken:
            nn.init.constant_(G.dense.bias, math.nan)
        G.stages[1].eval()  # modes may differ from module to module
        modes = [module.training for module in G.modules()]
        state = {name: value.clone() for name, value in G.state_dict().items()}
        if broken:
            with pytest.raises(NonFiniteImages, match="images 0 to"):
                generate(G, NETS, 70, seed=1, options=SampleOptions(batch_norm=batch_norm))
        else:
            generate(G, NETS, 70, seed=1, options=SampleOptions(batch_norm=batch_norm))
        assert [module.training for module in G.modules()] == modes
        for name, value in G.state_dict().items():
            assert torch.equal(value, state[name]) or "dense.bias" in name


class TestLoadGenerator:
    @pytest.fixture
    def snapshot(self, tmp_path, G):
        run = RunPaths(tmp_path)
        save_snapshot(run, run_spec(), G.state_dict(), 10, ImageSpec(1, 16))
        return run.snapshot(10)

    def test_round_trip(self, snapshot, G):
        before = torch.get_rng_state()
        loaded, spec, _ = load_generator(snapshot)
        assert torch.equal(torch.get_rng_state(), before)
        assert spec == run_spec()
        assert not loaded.training
        for name, value in G.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value)

    def test_missing(self, tmp_path):
        with pytest.raises(ConfigError, match="no such snapshot"):
            load_generator(tmp_path / "none.safetensors")

    def test_cut_short(self, snapshot):
        snapshot.write_bytes(snapshot.read_bytes()[:-100])
        with pytest.raises(ConfigError, match="not a readable safetensors"):
            load_generator(snapshot)

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [
            ({"sngan-repro": '{"format": "else"}'}, "found 'else'"),
            ({"format": "pt"}, "found 'None'"),
            ({"sngan-repro": "{"}, "not a readable safetensors"),
        ],
    )
    def test_other_format(self, tmp_path, metadata, message):
        path = tmp_path / "x.safetensors"
        save_file({"a": torch.zeros(1)}, path, metadata)
        with pytest.raises(ConfigError, match=message):
            load_generator(path)

    def test_weights_of_another_network(self, tmp_path, G):
        run = RunPaths(tmp_path)
        save_snapshot(run, run_spec(nets=NetsSpec(width=8, z_dim=8)), G.state_dict(), 10, ImageSpec(1, 16))
        with pytest.raises(ConfigError, match="do not fit"):
            load_generator(run.snapshot(10))


class TestGrid:
    def test_small_tiles_are_enlarged_and_set_apart(self):
        images = np.zeros((3, 2, 2, 1), dtype=np.uint8)
        images[0, 0, 0] = 10
        images[2, 1, 1] = 30
        canvas = grid(images, columns=2, pad=1, min_tile=5)  # factor 3: tiles of 6 pixels
        assert canvas.shape == (2 * 6 + 3, 2 * 6 + 3, 1)
        plane = canvas[..., 0]
        assert np.array_equal(plane[1:4, 1:4], np.full((3, 3), 10))
        assert plane[1, 4] == 0
        assert np.array_equal(plane[11:14, 4:7], np.full((3, 3), 30))
        assert np.all(plane[[0, 7, 14]] == 128)  # padding rows
        assert np.all(plane[:, [0, 7, 14]] == 128)
        assert np.all(plane[8:14, 8:14] == 128)  # no fourth image

    @pytest.mark.parametrize(("size", "tile"), [(16, 48), (28, 56), (48, 48), (64, 64)])
    def test_default_enlargement(self, size, tile):
        assert grid(np.zeros((1, size, size, 3), dtype=np.uint8), 1).shape == (tile + 4, tile + 4, 3)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_png(self, tmp_path, channels):
        images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, channels)).astype(np.uint8)
        save_grid(tmp_path / "new" / "grid.png", torch.from_numpy(images), columns=3, pad=4)
        with Image.open(tmp_path / "new" / "grid.png") as picture:
            assert picture.mode == ("L" if channels == 1 else "RGB")
            found = np.asarray(picture).reshape(*picture.size[::-1], channels)
        assert np.array_equal(found, grid(images, 3, pad=4))
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["grid.png"]

    def test_floats_are_refused(self):
        with pytest.raises(ValueError, match="uint8"):
            grid(np.zeros((1, 4, 4, 1)), 1)


class TestInterpolate:
    def test_spherical_by_hand(self):
        way = interpolate(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 3, "normal")
        half = math.sqrt(0.5)
        assert torch.allclose(way, torch.tensor([[[1.0, 0.0], [half, half], [0.0, 1.0]]]))

    def test_spherical_keeps_the_length(self):
        a, b = latents(4, 50, "normal", 0), latents(4, 50, "normal", 1)
        a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
        way = interpolate(a, b, 9, "normal")
        assert way.shape == (4, 9, 50)
        assert torch.allclose(way.norm(dim=2), torch.ones(4, 9))
        assert torch.allclose(way[:, 0], a)
        assert torch.allclose(way[:, -1], b)

    @pytest.mark.parametrize("law", ["uniform", "uniform01"])
    def test_linear_for_the_uniform_laws(self, law):
        way = interpolate(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 5, law)
        assert torch.allclose(way[0, 1], torch.tensor([0.75, 0.25]))

    def test_parallel_vectors(self):
        way = interpolate(torch.tensor([[1.0, 1.0]]), torch.tensor([[2.0, 2.0]]), 3, "normal")
        assert torch.allclose(way[0], torch.tensor([[1.0, 1.0], [1.5, 1.5], [2.0, 2.0]]))


def test_kept_latents_are_those_of_their_arguments():
    first = kept_latents(3, 5, "normal", 7, 2)
    assert torch.equal(first, latents(3, 5, "normal", 7, 2))
    assert kept_latents(3, 5, "normal", 7, 2) is first
    for given in ((3, 5, "normal", 8, 2), (3, 5, "uniform", 7, 2), (3, 5, "normal", 7, 3), (4, 5, "normal", 7, 2)):
        assert torch.equal(kept_latents(*given), latents(*given))


def test_chunk_size_is_the_documented_one():
    assert sample.BATCH_NORM_CHUNK == 64
    assert "64" in (generate_on_device.__doc__ or "")
