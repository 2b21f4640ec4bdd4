"""The output that a program may write, and the message for each mistake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sngan_repro.cli.main import main
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.arrays import doubtful
from sngan_repro.training.program.contract import check_output, check_samples

SHAPE = (3, 16, 20)
"""Channels, height, width: three different numbers, so that no mistake of order goes unseen."""


def images(num: int = 12, shape: tuple[int, ...] = (16, 20, 3)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, *shape), dtype=np.uint8)


def write(out: Path, steps: int, array: np.ndarray) -> Path:
    path = out / "samples" / f"{steps:08d}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


def problem(out: Path, steps: tuple[int, ...] = (40,)) -> str:
    with pytest.raises(ConfigError) as caught:
        check_output(out, list(steps), SHAPE, 10)
    return str(caught.value)


def test_what_is_needed_and_no_more_is_enough(tmp_path: Path):
    write(tmp_path, 20, images())
    write(tmp_path, 40, images(10))
    status, steps = check_output(tmp_path, [20, 40], SHAPE, 10)
    assert (status.state, steps) == ("ok", [20, 40])


NEED = "needed: uint8 (at least 10, 16, 20, 3), images x height x width x channels"
ARRAYS = {
    "floats in [0, 1]": (images() / 255, ["found float64 (12, 16, 20, 3)", NEED, "scale to 0..255 and round"]),
    "another integer type": (images().astype(np.int64), ["found int64", NEED, "clip to 0..255 and cast"]),
    "channels first": (images(shape=(3, 16, 20)), ["found uint8 (12, 3, 16, 20)", NEED, "transpose(0, 2, 3, 1)"]),
    "flat images": (images(shape=(960,)), ["found uint8 (12, 960)", "reshape(-1, 16, 20, 3)"]),
    "images last": (images().transpose(1, 2, 3, 0), ["found uint8 (16, 20, 3, 12)", "move the last axis to the front"]),
    "another size": (images(shape=(20, 16, 3)), ["found uint8 (12, 20, 16, 3)", NEED]),
    "too few": (images(9), ["found uint8 (9, 16, 20, 3)", NEED, "largest `num_fake` of the study's `scores`"]),
    "[0, 1] cast to uint8": (images() // 128, ["all values are 0, 1: images in [0, 1] that were not scaled to 0..255"]),
    "[-1, 1] cast to uint8": (
        (images() // 86).astype(np.int8).__sub__(1).astype(np.uint8),
        ["all values are 0, 1, 255: images in [-1, 1] that were cast and not scaled; (x + 1) * 127.5"],
    ),
    "one flat colour": (
        np.full((12, 16, 20, 3), 127, np.uint8),
        ["each of the images is one flat colour (values 127); nothing was drawn into them"],
    ),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_that_are_refused(what: str, tmp_path: Path):
    array, words = ARRAYS[what]
    path = write(tmp_path, 40, array)
    text = problem(tmp_path)
    assert text.startswith(f"{path}: ")
    for word in words:
        assert word in text


def test_grey_images_without_their_last_axis(tmp_path: Path):
    path = write(tmp_path, 40, images(shape=(16, 20)))
    assert check_samples(path, (1, 16, 20), 10)[0].endswith("grey images have a last axis of length 1")


def test_a_pickle_is_never_opened(tmp_path: Path):
    path = write(tmp_path, 40, np.array([images(), None], dtype=object))
    assert f"{path}: not a readable .npy file" in problem(tmp_path)


@pytest.mark.parametrize("share", [0, 0.05, 0.9])
def test_a_file_that_is_cut_off(share: float, tmp_path: Path):
    path = write(tmp_path, 40, images())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert f"{path}: not a readable .npy file" in problem(tmp_path)
    assert NEED in problem(tmp_path)


def test_missing_and_unexpected_files_are_all_named(tmp_path: Path):
    write(tmp_path, 40, images())
    write(tmp_path, 50, images())
    lines = problem(tmp_path, (20, 40, 60)).splitlines()
    folder = tmp_path / "samples"
    assert lines[0] == f"{folder / '00000020.npy'}: missing; the program must write it (samples after 20 updates)"
    assert lines[1] == f"{folder / '00000060.npy'}: missing; the program must write it (samples after 60 updates)"
    assert lines[2].startswith(f"{folder}: 00000050.npy: not expected; expected: 00000020.npy, 00000040.npy, 000")
    assert len(lines) == 3


def test_nothing_at_all(tmp_path: Path):
    assert "00000040.npy: missing; the program must write it" in problem(tmp_path)


class TestStatus:
    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        write(tmp_path, 40, images())
        return tmp_path

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ("{", "status.json: not JSON ("),
            ("[]", "status.json: (top level): a mapping of keys to values is needed; found []"),
            ({"state": "done"}, "status.json: state: Input should be 'ok' or 'diverged'; found 'done'"),
            ({"stat": "ok"}, "status.json: stat: unknown key; did you mean 'state'? (allowed here: state, reason, "),
            ({"state": "diverged"}, "a diverged program gives `reason` and `diverged_at`, the updates after which"),
            ({"reason": "NaN"}, "`reason` is given, but the state is ok; set `state` to diverged, or remove it"),
            (
                {"state": "diverged", "reason": "NaN", "diverged_at": 41},
                "status.json: `diverged_at` is 41, beyond the budget of 40",
            ),
            (
                {"state": "diverged", "reason": "NaN", "diverged_at": 39},
                "samples: no samples up to update 39; a diverged program leaves its last sound ones, 00000039.npy or",
            ),
        ],
    )
    def test_refused(self, out: Path, values, words: str):
        (out / "status.json").write_text(values if isinstance(values, str) else json.dumps(values))
        assert words in problem(out)

    def test_a_divergence_keeps_the_samples_before_it(self, tmp_path: Path):
        write(tmp_path, 20, images())
        write(tmp_path, 33, images())
        (tmp_path / "status.json").write_text('{"state": "diverged", "reason": "NaN", "diverged_at": 35}')
        status, steps = check_output(tmp_path, [20, 40], SHAPE, 10)
        assert (status.diverged_at, steps) == (35, [20, 33])

    def test_a_divergence_with_samples_after_it(self, tmp_path: Path):
        write(tmp_path, 20, images())
        write(tmp_path, 40, images())
        (tmp_path / "status.json").write_text('{"state": "diverged", "reason": "NaN", "diverged_at": 35}')
        assert "00000040.npy: not expected; expected: 00000020.npy" in problem(tmp_path, (20, 40))


def test_what_real_images_may_look_like_is_no_doubt():
    black_and_white = np.where(images() > 200, 255, 0).astype(np.uint8)
    dark = images() // 80
    assert set(np.unique(dark)) == {0, 1, 2, 3}
    collapsed = np.repeat(images(1), 12, axis=0)  # a mode collapse is a result
    for samples in (images(), black_and_white, dark, collapsed):
        assert doubtful(samples) == ""


def test_columns_first_is_accepted(tmp_path: Path):
    write(tmp_path, 40, np.asfortranarray(images()))
    assert check_output(tmp_path, [40], SHAPE, 10)[1] == [40]


def test_check_samples_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good, bad = write(tmp_path, 1, images(shape=(16, 16, 3))), write(tmp_path, 2, images(shape=(3, 16, 16)))
    main(["check-samples", str(good), "--size", "16", "--channels", "3", "--count", "12"])
    assert "no problem found" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["check-samples", str(good), str(bad), "--size", "16", "--channels", "3", "--count", "13"])
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"error: {good}: found uint8 (12, 16, 16, 3); needed: uint8 (at least 13, 16, 16, 3)")
    assert lines[1].endswith("the channels come last: transpose(0, 2, 3, 1)")
