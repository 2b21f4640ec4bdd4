"""Files that cannot be written: each command ends with one message that names the folder, and none with a traceback."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from small_study import STUDY, Finished

from sngan_repro.cli.main import main

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    torch.set_num_threads(1)
    return Finished(tmp_path_factory.mktemp("finished"))


def commands(finished: Finished, new: Path) -> dict[str, list[str]]:
    """Every command that writes results, as the workflow calls it; those of data and runs into a new folder."""
    study = finished.layout.data_dir.parent / "tiny.yaml"
    study.write_text(yaml.safe_dump({key: value for key, value in STUDY.items() if key != "name"}))
    folders = ["--results-dir", str(finished.layout.results_dir), "--data-dir", str(finished.layout.data_dir)]
    of_study = ["--study", str(study), *folders]
    dataset, spec = ["--dataset", str(finished.dataset)], finished.spec
    protocols = ["--protocols", json.dumps([protocol.to_dict() for protocol in finished.study.scores])]
    evaluators = ["--evaluators", json.dumps({name: str(path) for name, path in finished.evaluators.items()})]
    run, cpu = ["--run", str(finished.run.root)], ["--device", "cpu", "--threads", "1"]
    gallery = finished.study.gallery
    assert gallery is not None
    options = ["--name", "classifier", "--options", finished.study.classifier.to_json()]
    real = ["--study-name", "tiny", "--dataset-name", "digits", "--num-draws", "5", "--out", str(new / "real.json")]
    shown = ["--gallery", gallery.to_json(), "--protocol", finished.study.scores[0].to_json()]
    return {
        "prepare": ["prepare", "--spec", spec.data.to_json(), "--downloads", str(new), "--out", str(new / "data")],
        "evaluator": ["evaluator", *options, *dataset, "--out", str(new / "evaluator"), *cpu],
        "train": ["train", "--spec", spec.to_json(), "--run", str(new / "run"), *dataset, *cpu],
        "score": ["score", *run, "--digest", "new", *protocols, *dataset, *evaluators, *cpu],
        "score-real": ["score-real", *protocols, *dataset, *evaluators, *real, *cpu],
        "gallery": ["gallery", *run, "--digest", "new", *shown, *dataset, *evaluators, *cpu],
        "aggregate": ["aggregate", *of_study],
        "tables": ["tables", *of_study],
        "figures": ["figures", *of_study],
    }


@contextlib.contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process may become larger, as on a full disk: the libraries fail in their own ways."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


NAMES = ["prepare", "evaluator", "train", "score", "score-real", "gallery", "aggregate", "tables", "figures"]


class Printed:
    """Standard error in memory: a file of the test could not be written either."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def one_message(command: list[str]) -> str:
    printed = Printed()
    with contextlib.redirect_stderr(printed), pytest.raises(SystemExit) as stopped:  # type: ignore[type-var]
        main(command)
    assert stopped.value.code == 2
    assert "Traceback" not in printed.text
    message = printed.text[printed.text.index("error: ") :]
    assert len(message) < 2000
    return message


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_becomes_too_large(name: str, finished: Finished, tmp_path: Path):
    command = commands(finished, tmp_path)[name]
    with limited(100):
        message = one_message(command)
    assert "no space left" in message
    assert str(tmp_path) in message or str(finished.layout.data_dir.parent) in message
    assert "make room" in message


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_cannot_be_written(name: str, code: int, finished: Finished, tmp_path: Path, monkeypatch):
    command = commands(finished, tmp_path)[name]

    def refused(dir: str | Path, **_: object) -> None:
        raise OSError(code, os.strerror(code), str(dir))

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", refused)
        message = one_message(command)
    assert str(tmp_path) in message or str(finished.layout.data_dir.parent) in message
    assert "no space left" in message or "check the permissions" in message
