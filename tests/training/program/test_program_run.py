"""A program for one run: its input, the status that is completed for it, and its failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sngan_repro.config.records import Status, read_json_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import file_sha256, read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.training.program.run import run_program

ROOT = Path(__file__).parents[3]

SAMPLER = """
import json, sys, numpy as np
from pathlib import Path
task = json.loads(Path(sys.argv[1]).read_text())
images = np.load(task["images"])
chosen = np.random.default_rng(task["seed"]).integers(0, len(images), task["num_samples"])
for snapshot in task["snapshots"]:
    np.save(snapshot["samples"], images[chosen])
"""


@pytest.fixture
def declare(tmp_path: Path):
    """Writes a program and its declaration; returns the path of the latter."""

    def write(code: str = SAMPLER, **changes: Any) -> str:
        (tmp_path / "toy.py").write_text(code)
        command = f"{sys.executable} {{folder}}/toy.py {{task}}"
        declared = {"title": "Toy", "summary": "real images, drawn anew", "command": command, **changes}
        (tmp_path / "toy.yaml").write_text(yaml.safe_dump(declared))
        return str(tmp_path / "toy.yaml")

    return write


@pytest.fixture
def spec(tiny_run, tmp_path: Path):
    """The specification of a run of toy.yaml."""

    def make(**changes: Any) -> RunSpec:
        method = {"name": str(tmp_path / "toy.yaml"), "options": changes.pop("options", {}), "num_samples": 30}
        return tiny_run(**{"method": method, **changes})

    return make


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path / "run")


def go(spec: RunSpec, run: RunPaths, dataset: Path) -> dict[str, Any]:
    return run_program(spec, run, dataset, threads=1, device="cpu")


def files(run: RunPaths) -> set[str]:
    return {str(path.relative_to(run.root)) for path in run.root.rglob("*") if path.is_file()}


def test_what_a_complete_run_has(declare, spec, run: RunPaths, tiny_images: Path):
    declare(snapshots="study")
    status = go(spec(), run, tiny_images)
    arrays = {"samples/00000007.npy", "samples/00000024.npy", "samples/final.npy", "samples/progress.npy"}
    assert files(run) == arrays | {"spec.json", "status.json", "resume/lock"}
    assert read_json_record(run.status, "") == status
    known = Status.model_validate(status)
    assert (known.state, known.steps_done, known.steps_total, known.spec_digest) == ("ok", 24, 24, spec().digest())
    assert [(s.steps, s.images_seen) for s in known.snapshots] == [(7, 56), (24, 192)]  # batches of 8
    assert [s.sha256 for s in known.snapshots] == [file_sha256(run.external_samples(steps)) for steps in (7, 24)]
    assert status["dataset_sha256"] == PreparedData.open(tiny_images).sha256
    assert status["versions"]["numpy"] == np.__version__
    assert status["device"]["type"] == "cpu"
    assert np.load(run.samples / "final.npy").shape == (30, 16, 16, 1)
    assert np.load(run.samples / "progress.npy").shape == (2, 16, 16, 16, 1)


def test_only_an_end(declare, spec, run: RunPaths, tiny_images: Path):
    declare()
    status = go(spec(), run, tiny_images)
    assert [(s["steps"], s["images_seen"]) for s in status["snapshots"]] == [(24, 50)]
    assert len(np.load(run.samples / "progress.npy")) == 1


def test_the_input_of_a_program(declare, spec, run: RunPaths, tiny_images: Path):
    extra = """
        task.update(shown=images.shape, labels=np.load(task["labels"]).tolist(), words=sys.argv[2:])
        import os
        task["threads_allowed"] = os.environ["OMP_NUM_THREADS"]
        print(json.dumps(task), file=open(Path(sys.argv[0]).parent / "input.json", "w"))
        """
    code = SAMPLER + "\n".join(line.strip() for line in extra.splitlines())
    command = f"{sys.executable} {{folder}}/toy.py {{task}} {{k}} {{seed}} {{steps}} {{height}}x{{channels}} {{n_dis}}"
    path = declare(code, command=command, options={"k": 5}, settings=True)
    go(spec(options={"k": 6}), run, tiny_images)
    found = read_json(Path(path).parent / "input.json")
    assert found["shown"] == [50, 16, 16, 1]  # the training images and none of the 20 others
    assert found["labels"] == [k % 2 for k in range(50)]
    assert found["words"] == ["6", "3", "24", "16x1", "1"]
    assert found["options"] == {"k": 6}
    assert found["setting"] == {"lr_d": 0.002, "lr_g": 0.002, "beta1": 0.5, "beta2": 0.9, "n_dis": 1}
    assert found["snapshots"] == [{"steps": 24, "samples": found["samples"]}]
    assert (found["num_train"], found["num_samples"], found["threads_allowed"]) == (50, 30, "1")
    assert found["classes"] == ["even", "odd"]


def test_what_the_program_alone_knows(declare, spec, run: RunPaths, tiny_images: Path):
    status = {"images_seen": 999, "versions": {"R": "4.4"}, "num_parameters": {"generator": 12}, "device": "cuda"}
    declare(SAMPLER + f"Path(task['status']).write_text({json.dumps(status)!r})")
    found = go(spec(), run, tiny_images)
    assert found["images_seen"] == found["snapshots"][-1]["images_seen"] == 999
    assert (found["versions"], found["num_parameters"]) == ({"R": "4.4"}, {"generator": 12})
    assert found["device"] == {"type": "cuda", "name": "GPU", "threads": 1}


def test_a_divergence_is_a_result(declare, spec, run: RunPaths, tiny_images: Path):
    code = SAMPLER.replace('task["snapshots"]', 'task["snapshots"][:1]')
    status = '{"state": "diverged", "reason": "non-finite weights", "diverged_at": 11}'
    declare(code + f"Path(task['status']).write_text('{status}')", snapshots="study")
    found = Status.model_validate(go(spec(), run, tiny_images))
    assert (found.state, found.diverged_at, found.reason, found.steps_done) == (
        "diverged",
        11,
        "non-finite weights",
        11,
    )
    assert [(s.steps, s.last_finite) for s in found.snapshots] == [(7, True)]


def test_columns_first_become_rows_first(declare, spec, run: RunPaths, tiny_images: Path):
    declare(SAMPLER.replace("images[chosen]", "np.asfortranarray(images[chosen])"))
    go(spec(), run, tiny_images)
    stored = np.load(run.external_samples(24))
    assert stored.flags.c_contiguous
    chosen = np.random.default_rng(3).integers(0, 50, 30)
    assert np.array_equal(stored, PreparedData.open(tiny_images).images("train")[chosen])


FAILURES = {
    "a crash": ("raise SystemExit(3)", "toy-digits-16px-d3139fc0-seed3-"),
    "a kill": ("import os; os.kill(os.getpid(), 9)", "failed (SIGKILL); its output is above"),
    "nothing written": ("pass", "00000024.npy: missing; the program must write it (samples after 24 updates)"),
    "a wrong shape": (
        SAMPLER.replace("images[chosen]", "images[chosen].transpose(0, 3, 1, 2)"),
        "found uint8 (30, 1, 16, 16); needed: uint8 (at least 30, 16, 16, 1), images x height x width x channels; "
        "the channels come last: transpose(0, 2, 3, 1)",
    ),
    "a wrong status": (
        SAMPLER + "Path(task['status']).write_text('{\"state\": \"good\"}')",
        "status.json: state: Input should be 'ok' or 'diverged'; found 'good'",
    ),
}


@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.slow
def test_a_failure_leaves_no_results(what: str, declare, spec, run: RunPaths, tiny_images: Path):
    declare()
    go(spec(), run, tiny_images)
    run.scores.write_text("{}")
    code, words = FAILURES[what]
    declare(code)
    with pytest.raises(ConfigError) as caught:
        go(spec(), run, tiny_images)
    assert words in str(caught.value)
    assert not run.status.exists()
    assert not run.scores.exists()
    assert not run.samples.exists()
    assert (run.program / "task.json").exists()  # to look at
    declare()
    assert go(spec(), run, tiny_images)["state"] == "ok"
    assert not run.program.exists()


def test_a_command_that_does_not_exist(declare, spec, run: RunPaths, tiny_images: Path):
    declare(command="no-such-interpreter {task}")
    with pytest.raises(
        ConfigError, match=r"toy.yaml: command: 'no-such-interpreter' cannot be run: No such file or di"
    ):
        go(spec(), run, tiny_images)


RESUMING = """
state = Path(task["state"]) / "done"
if not state.exists():
    state.write_text(sys.argv[1])
    Path(task["samples"]).unlink()
    import os
    os.kill(os.getpid(), {signal})
"""


@pytest.mark.slow
def test_its_state_outlives_a_kill_but_no_failure_and_no_edit(declare, spec, run: RunPaths, tiny_images: Path):
    declare(SAMPLER + RESUMING.format(signal=9))
    with pytest.raises(ConfigError, match="SIGKILL"):
        go(spec(), run, tiny_images)
    assert go(spec(), run, tiny_images)["state"] == "ok"

    declare(SAMPLER + RESUMING.format(signal=9))
    with pytest.raises(ConfigError, match="SIGKILL"):
        go(spec(seed=4), run, tiny_images)
    with pytest.raises(ConfigError, match="SIGKILL"):
        go(spec(seed=5), run, tiny_images)  # another specification: nothing to go on from
    declare(SAMPLER + RESUMING.format(signal=9) + "# edited")
    with pytest.raises(ConfigError, match="SIGKILL"):
        go(spec(seed=5), run, tiny_images)

    code = RESUMING.replace("os.kill(os.getpid(), {signal})", "sys.exit(1)")
    declare(SAMPLER + code)
    for _ in range(2):
        with pytest.raises(ConfigError, match="exit code 1"):
            go(spec(), run, tiny_images)


def test_a_signal_reaches_the_program_and_its_children(declare, spec, run: RunPaths, tiny_images: Path, tmp_path: Path):
    code = "import os, time; open('{}', 'w').write(str(os.getpid())); time.sleep(600)".format(tmp_path / "pid")
    declare(command=f"sh -c '{sys.executable} {{folder}}/toy.py; true'", code=code)
    command = [sys.executable, "-m", "sngan_repro", "run-program", "--spec", spec().to_json(), "--run", str(run.root)]
    process = subprocess.Popen([*command, "--dataset", str(tiny_images)], cwd=ROOT)
    end = time.monotonic() + 60
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    child = int((tmp_path / "pid").read_text())
    while _is_running(child):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert not run.status.exists()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # an orphan that ended may wait for its reaper
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_from_the_command_line_a_failure_is_one_message(declare, spec, run: RunPaths, tiny_images: Path):
    declare("print('what the program says'); raise SystemExit(4)")
    command = [sys.executable, "-m", "sngan_repro", "run-program", "--spec", spec().to_json(), "--run", str(run.root)]
    result = subprocess.run(
        [*command, "--dataset", str(tiny_images)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "what the program says" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("error: toy-digits-16px-d3139fc0-seed3-")
    assert "failed (exit code 4)" in result.stdout
    assert "Traceback" not in result.stdout
