"""Pictures and animations of a generator, by the library and by `sngan-repro sample`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sngan_repro.api.generators import Generator, load_generator
from sngan_repro.api.pictures import frames_of_ways, frames_over_training, rows_of, snapshots_of
from sngan_repro.cli.main import main
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets import build_generator
from sngan_repro.nets.animation import save_animation
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw, interpolate
from sngan_repro.nets.snapshot import save_snapshot


@pytest.fixture
def run(tiny_run, tmp_path):
    """A run's folder with three snapshots of generators that differ."""

    def make(num_classes: int | None = None, seed: int = 3) -> RunPaths:
        spec = tiny_run(nets={"family": "cnn", "conditional": num_classes is not None}, seed=seed)
        paths, image = RunPaths(tmp_path / f"run{num_classes}-{seed}"), ImageSpec(1, 16, num_classes)
        law = LabelLaw.of(num_classes) if num_classes else None
        for steps in (10, 20, 30):
            torch.manual_seed(steps)
            save_snapshot(paths, spec, build_generator(spec.nets, image).state_dict(), steps, image, law)
        return paths

    return make


def newest(paths: RunPaths) -> Generator:
    return load_generator(paths.snapshot(30), "cpu")


def test_a_row_per_seed(run):
    generator = newest(run())
    rows = rows_of(generator, seeds=[4, 9], columns=5)
    assert rows.shape == (2, 5, 16, 16, 1)
    for row, seed in zip(rows, (4, 9), strict=True):
        assert np.array_equal(row, generator.images_of(generator.latents(5, seed)))


def test_a_row_per_class_shares_its_latents(run):
    generator = newest(run(3))
    rows = rows_of(generator, seeds=[1], labels=[2, 0], columns=4)
    z = generator.latents(4, 1)
    assert np.array_equal(rows[0], generator.images_of(z, torch.full((4,), 2)))
    assert np.array_equal(rows[1], generator.images_of(z, torch.zeros(4, dtype=torch.int64)))
    drawn = rows_of(generator, seeds=[1], columns=4)[0]
    assert np.array_equal(drawn, generator.images_of(z, generator.labels(4, 1)))


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_ways(run, way):
    """From latent 0 of a seed to latent 1; the middle of a straight way is the mean."""
    generator = newest(run())
    (row,) = rows_of(generator, [2], columns=3, way=way)
    ends = generator.latents(2, 2)
    assert np.array_equal(row[[0, 2]], generator.images_of(ends))
    middle = ends.mean(0, keepdim=True)
    assert np.array_equal(row[1:2], generator.images_of(middle)) == (way == "linear")


def test_linear_and_spherical_ways_by_hand():
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert interpolate(a, b, 3, "normal", "linear")[0, 1].tolist() == [0.5, 0.5]
    torch.testing.assert_close(interpolate(a, b, 3, "normal", "spherical")[0, 1], torch.tensor([0.5, 0.5]).sqrt())
    assert torch.equal(interpolate(a, b, 3, "normal"), interpolate(a, b, 3, "normal", "spherical"))
    with pytest.raises(ConfigError, match="a spherical way is for normal latents"):
        interpolate(a, b, 3, "uniform", "spherical")


def test_labels_are_checked(run):
    with pytest.raises(ConfigError, match="this generator is unconditional"):
        rows_of(newest(run()), labels=[0])
    with pytest.raises(ConfigError, match=r"`labels` are from 0 to 2; found \[3\]"):
        rows_of(newest(run(3)), labels=[3])


def test_frames_over_the_training_are_the_snapshots_in_order(run):
    paths = run()
    snapshots = snapshots_of(paths.root)
    assert [path.stem for path in snapshots] == ["00000010", "00000020", "00000030"]
    frames = frames_over_training(snapshots, "cpu")
    assert len(frames) == 3
    assert not np.array_equal(frames[0], frames[2])
    assert np.array_equal(frames[2], frames_over_training([paths.snapshot(30)], "cpu")[0])
    with pytest.raises(ConfigError, match="of another run"):
        frames_over_training([*snapshots, run(seed=4).snapshot(10)], "cpu")
    (empty := paths.root.parent / "empty").mkdir()
    with pytest.raises(ConfigError, match="no snapshots"):
        snapshots_of(empty)


def test_frames_along_a_way_go_there_and_back():
    rows = np.arange(4, dtype=np.uint8).reshape(1, 4, 1, 1, 1).repeat(48, 2).repeat(48, 3)
    values = [int(frame[10, 10, 0]) for frame in frames_of_ways(rows)]
    assert values == [0, 1, 2, 3, 2, 1]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_animations_are_read_back(tmp_path, suffix, channels):
    frames = [np.full((20, 31, channels), level, np.uint8) for level in (0, 120, 250)]
    save_animation(tmp_path / f"a{suffix}", frames, 4)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (31, 20), 0)
        for number, frame in enumerate(frames):
            image.seek(number)
            image.load()
            assert image.info["duration"] == 250
            assert np.array_equal(np.asarray(image.convert("RGB")), frame.repeat(3 // channels, 2))


def test_mp4_by_ffmpeg(tmp_path, monkeypatch):
    """A stand-in for ffmpeg that keeps what it is given; its frames have an even number of pixels per side."""
    program = tmp_path / "bin/ffmpeg"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/arguments"\nfor last; do :; done\ncat > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    frames = [np.full((5, 7, 1), level, np.uint8) for level in (1, 2)]
    save_animation(tmp_path / "a.mp4", frames, 10)
    data = np.frombuffer((tmp_path / "a.mp4").read_bytes(), np.uint8).reshape(2, 6, 8, 3)
    assert (data[0] == 1).all()
    assert (data[1] == 2).all()
    assert "-s 8x6 -r 10" in (tmp_path / "bin/arguments").read_text()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_mp4_of_the_real_ffmpeg(tmp_path):
    save_animation(tmp_path / "a.mp4", [np.full((33, 47, 3), level, np.uint8) for level in (0, 100, 200)], 8)
    found = subprocess.run(["ffmpeg", "-i", str(tmp_path / "a.mp4"), "-f", "null", "-"], capture_output=True, text=True)
    assert "48x34" in found.stderr


def test_mp4_without_ffmpeg_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"needs the program ffmpeg, and it is not found; give \.gif or \.webp"):
        save_animation(tmp_path / "a.mp4", [np.zeros((4, 4, 3), np.uint8)])


def command(*options: str) -> None:
    main(["sample", "--device", "cpu", *options])


def test_the_command(run, tmp_path):
    paths = run(3)
    file, generator = str(paths.snapshot(30)), newest(paths)
    out = tmp_path / "rows.npy"
    command("--snapshot", file, "--seeds", "4", "5", "--labels", "1", "2", "--out", str(out))
    expected = rows_of(generator, [4, 5], [1, 2])
    assert np.array_equal(np.load(out), expected.reshape(-1, 16, 16, 1))
    command("--snapshot", file, "--interpolate", "linear", "--steps", "6", "--out", str(out))
    assert np.array_equal(np.load(out), rows_of(generator, [0], columns=6, way="linear")[0])
    command("--snapshot", str(paths.root), "--out", str(out))  # the run: its last snapshot
    assert np.array_equal(np.load(out), generator.sample(64))


@pytest.mark.parametrize(
    ("options", "num_frames"),
    [([], 3), (["--labels", "0", "2"], 3), (["--interpolate", "spherical", "--steps", "5"], 8)],
)
def test_animations_by_the_command(run, tmp_path, options, num_frames):
    out = tmp_path / "a.gif"
    command("--snapshot", str(run(3).root), "--animate", *options, "--out", str(out))
    with Image.open(out) as image:
        assert image.n_frames == num_frames


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.gif"], "'.gif' is not a known format; .*; an animation needs --animate"),
        (["--out", "x.png", "--animate"], "'.png' is no animation; give a file that ends in .gif, .webp, .mp4"),
        (["--out", "x.png", "--seeds", "1", "--seed", "2"], "--seed has no effect with --seeds"),
        (["--out", "x.png", "--seeds", "1", "--count", "2"], "--count has no effect with --seeds"),
        (["--out", "x.png", "--steps", "4"], "--steps has no effect without --interpolate or --across"),
        (["--out", "x.png", "--across", "--interpolate", "linear"], "give one of them"),
        (["--out", "x.png", "--across"], "this generator is unconditional"),
        (["--out", "x.png", "--interpolate", "linear", "--steps", "1"], "--steps: at least 2"),
        (
            ["--out", "x.gif", "--animate"],
            "needs the folder of a run with several snapshots, or --interpolate or --across",
        ),
    ],
)
def test_options_that_do_not_go_together(run, options, message, capsys):
    file = str(run().snapshot(30))
    with pytest.raises(SystemExit):
        command("--snapshot", file, *options)
    assert re.search(message, capsys.readouterr().err)
    assert not Path("x.png").exists()
