"""The literal command on a real Slurm of one node with two fake GPUs: results, interruptions, messages."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from slurm_support import COMMAND, NUM_GPUS, ROOT, Clone, Cluster, wait_for, why_not
from workplace import TINY

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.load import make_study
from sngan_repro.workflow.cluster import check_resources

pytestmark = [pytest.mark.workflow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]
LOCAL = ["snakemake", "--cores", "2", "--config", "study=southampton", "device=cpu"]
LONG = {**TINY, "methods": ["sngan"], "seeds": [0, 1, 2], "budget": {"steps": 500}, "title": "Interrupted"}
TARGETS = [f"results/runs/{run.name}/status.json" for run in make_study({**LONG, "name": "southampton"}).runs()]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def local(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The scores of the tiny study on this machine, without Slurm."""
    clone = Clone(tmp_path_factory.mktemp("local") / "clone", cluster, TINY)
    code, output = clone.run("--until", "aggregate", command=LOCAL)
    assert code == 0, output[-5000:]
    return clone


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, local: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Three longer trainings on this machine, without Slurm."""
    clone = Clone(tmp_path_factory.mktemp("undisturbed") / "clone", cluster, LONG)
    shutil.copytree(local.folder / "data", clone.folder / "data")
    code, output = clone.run(*LOCAL[3:], command=[*LOCAL[:3], *TARGETS])
    assert code == 0, output[-5000:]
    return clone


@pytest.fixture
def clone(cluster: Cluster, local: Clone, tmp_path: Path) -> Iterator[Clone]:
    """A clone with prepared images and evaluators, so that a test begins with what it is about."""
    clone = Clone(tmp_path / "clone", cluster, TINY)
    shutil.copytree(local.folder / "data", clone.folder / "data")
    yield clone
    clone.stop()


def snapshots(clone: Clone) -> dict[str, bytes]:
    runs = clone.folder / "results/runs"
    return {str(file.relative_to(runs)): file.read_bytes() for file in runs.glob("*/snapshots/*.safetensors")}


def overlaps(jobs: list[dict[str, str]]) -> int:
    """The most jobs that ran at the same time."""
    return max((sum(j["StartTime"] <= i["StartTime"] < j["EndTime"] for j in jobs) for i in jobs), default=0)


def of(jobs: list[dict[str, str]], *rules: str) -> list[dict[str, str]]:
    return [job for job in jobs if job["Comment"].startswith(tuple(f"rule_{rule}_" for rule in rules))]


def test_the_literal_command_gives_what_one_machine_gives(cluster: Cluster, local: Clone, tmp_path: Path):
    clone = Clone(tmp_path / "clone", cluster, TINY)
    code, output = clone.run()
    assert code == 0, output[-5000:]
    assert "Study 'southampton' is complete" in output
    assert (clone.results / "report.html").exists()

    jobs = cluster.all_jobs()
    assert all(job["JobState"] == "COMPLETED" for job in jobs)
    # One job per training and per scoring; fetching, checks, tables, figures and report stay on the submit node.
    assert {
        rule: len(of(jobs, rule)) for rule in ("prepare", "evaluator", "train", "score_wildcards", "score_real")
    } == {
        "prepare": 1,
        "evaluator": 1,
        "train": 4,
        "score_wildcards": 4,
        "score_real": 1,
    }
    assert len(jobs) == 11
    on_gpu = of(jobs, "train", "score_wildcards", "evaluator")
    assert {job["TresPerJob"] for job in on_gpu} == {"gres:gpu:1"}
    assert all("TresPerJob" not in job for job in of(jobs, "prepare", "score_real"))
    assert overlaps(on_gpu) == NUM_GPUS
    assert overlaps(of(jobs, "train")) == NUM_GPUS
    assert {job["JobName"].split("_")[0] for job in jobs} == {"sngan"}

    assert snapshots(clone) == snapshots(local) != {}
    scores = [pd.read_csv(each.results / "tables/scores.csv") for each in (clone, local)]
    columns = ["label", "setting", "seed", "steps", "metric", "value"]
    pd.testing.assert_frame_equal(*[table[columns] for table in scores], check_exact=True)


def test_cancelled_out_of_time_and_orphaned_trainings_end_as_if_undisturbed(clone: Clone, undisturbed: Clone):
    cluster, earlier = clone.cluster, len(clone.cluster.all_jobs())
    clone.write_study(LONG)
    runs = [clone.run_paths("SNGAN", seed) for seed in LONG["seeds"]]
    command = [*COMMAND, *TARGETS, "--config", "checkpoint_seconds=0.2"]

    def jobs_of(seed: int) -> list[dict[str, str]]:
        return [job for job in cluster.all_jobs()[earlier:] if job["Comment"].endswith(f"_{runs[seed].root.name}")]

    first = clone.start(command=command)
    wait_for(lambda: sum((run.resume / "state.pt").exists() for run in runs) >= 2, "two trainings", 180)
    started = [seed for seed, run in enumerate(runs) if (run.resume / "state.pt").exists()]
    cancelled, late = started[:2]
    # A limit shorter than the notice: Slurm tells the training at its next look, within half a minute. It is stopped
    # meanwhile, so that it does not end by itself before.
    stopped = holder(runs[late])
    os.kill(stopped, signal.SIGSTOP)
    cluster.run("scontrol", "update", f"JobId={jobs_of(late)[0]['JobId']}", "TimeLimit=1")
    cluster.run("scancel", jobs_of(cancelled)[0]["JobId"])
    wait_for(lambda: was_told(stopped, signal.SIGTERM), "the notice of the time limit", 180)
    with contextlib.suppress(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)

    # Both are tried again; while the second attempt of one is at work, Snakemake is killed and its jobs live on. The
    # attempt is stopped meanwhile, so that it does not end by itself before the second Snakemake sees it.
    wait_for(lambda: len(jobs_of(late)) == 2, "the second attempt", 120)
    state = runs[late].resume / "state.pt"
    saved = state.stat().st_mtime_ns
    wait_for(lambda: state.stat().st_mtime_ns > saved or runs[late].status.exists(), "work of the second attempt", 120)
    os.kill(holder(runs[late]), signal.SIGSTOP)  # scancel continues it
    first.kill()
    first.wait()
    assert cluster.jobs(), "jobs were to outlive Snakemake"

    second = clone.start(command=command)
    log = clone.output
    wait_for(lambda: "Select jobs" in log.read_text(), "the second Snakemake", 120)
    code, output = clone.run(command=command)
    assert code != 0
    assert "another Snakemake works on this study" in output
    assert second.wait(480) == 0, log.read_text()[-5000:]
    assert "jobs of an earlier Snakemake that was killed" in log.read_text()

    for seed in LONG["seeds"]:
        jobs = jobs_of(seed)
        assert overlaps(jobs) == 1, "two jobs trained the same run at once"
        assert [job["JobState"] for job in jobs].count("COMPLETED") <= 1  # none if cancelled in its last second
        assert read_json(runs[seed].status)["state"] == "ok"
    assert jobs_of(cancelled)[0]["JobState"] == "CANCELLED"
    assert jobs_of(late)[0]["JobState"] == "FAILED"
    for seed in (cancelled, late):
        (first_time, first_memory), (time, memory) = [
            (minutes(job["TimeLimit"]), int(job["MinMemoryNode"].rstrip("M"))) for job in jobs_of(seed)[:2]
        ]
        assert memory == 2 * first_memory
        assert time == 2 * (11 if seed == late else first_time)
        assert read_json(runs[seed].status)["resumed"] >= 1

    assert snapshots(clone) == snapshots(undisturbed) != {}


def test_what_was_finished_without_snakemake_is_not_repeated(clone: Clone):
    """Snakemake is killed, its jobs go on to their end, and the same command goes on from there."""
    cluster, earlier = clone.cluster, len(clone.cluster.all_jobs())
    clone.write_study({**LONG, "seeds": [0]})
    run = clone.run_paths("SNGAN", 0)
    process = clone.start(TARGETS[0])
    wait_for(lambda: run.progress.exists(), "a training", 180)
    process.kill()
    process.wait()
    wait_for(lambda: not cluster.jobs(), "the end of the job", 240)
    finished = run.status.read_bytes()
    code, output = clone.run(TARGETS[0])
    assert code == 0, output[-5000:]
    assert len(cluster.all_jobs()) - earlier == 1
    assert run.status.read_bytes() == finished


def test_trainings_that_share_a_gpu(clone: Clone, undisturbed: Clone):
    """Three at once in one process of one job, which is cancelled in the middle."""
    cluster, earlier = clone.cluster, len(clone.cluster.all_jobs())
    clone.write_study(LONG)
    clone.edit("slurm/machine.yaml", "runs_per_gpu: 1", "runs_per_gpu: 3")
    process = clone.start(*TARGETS, "--config", "checkpoint_seconds=0.2")
    runs = [clone.run_paths("SNGAN", seed) for seed in LONG["seeds"]]
    wait_for(lambda: all((run.resume / "state.pt").exists() for run in runs), "three trainings", 180)
    assert len({holder(run) for run in runs}) == 1
    (job,) = cluster.all_jobs()[earlier:]
    assert (job["TresPerJob"], job["NumCPUs"], job["MinMemoryNode"]) == ("gres:gpu:1", "6", "24000M")
    cluster.run("scancel", job["JobId"])
    assert process.wait(480) == 0, clone.output.read_text()[-5000:]
    assert [job["JobState"] for job in cluster.all_jobs()[earlier:]] == ["CANCELLED", "COMPLETED"]
    assert all(read_json(run.status)["resumed"] >= 1 for run in runs)
    assert snapshots(clone) == snapshots(undisturbed) != {}


def holder(run: RunPaths) -> int:
    """The process that trains a run."""
    return int((run.resume / "lock").read_text().split()[-1])


def was_told(pid: int, number: int) -> bool:
    """Whether a signal waits for a stopped process, or has ended it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in lines if line.startswith(("SigPnd", "ShdPnd")))


def minutes(limit: str) -> int:
    """[days-]hours:minutes:seconds as minutes."""
    days, _, clock = limit.rpartition("-")
    hours, rest, _ = clock.split(":")
    return int(days or 0) * 1440 + int(hours) * 60 + int(rest)


@pytest.mark.parametrize(
    ("options", "study", "message"),
    [
        (["--default-resources", "slurm_partition=nope"], {}, "specified: nope(?s:.*)partitions here: gpu"),
        (
            ["--config", "study=mnist", "download=false"],
            {},
            "data/downloads/mnist/MNIST/raw/train-images-idx3-ubyte.gz",
        ),
        (
            ["--config", "download=false"],
            {"scores": [{"evaluator": "inception", "metrics": ["is"], "num_fake": 100}]},
            "the weights of an evaluator are missing and `download` is false",
        ),
        (["--config", "device=gpu"], {}, "device: String should match pattern"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_submitted(
    clone: Clone, options: list[str], study: dict[str, Any], message: str
):
    before = len(clone.cluster.all_jobs())
    clone.write_study({**TINY, **study})
    code, output = clone.run(*options)
    assert code != 0
    assert re.search(message, output)
    assert "Traceback" not in output
    assert len(clone.cluster.all_jobs()) == before


@pytest.mark.parametrize(
    ("options", "variables", "prepared"),
    [
        (["--profile", "slurm"], {}, "cifar10-28px"),
        (["--workflow-profile", "slurm"], {}, "cifar10-28px"),
        ([], {"SNAKEMAKE_PROFILE": "slurm"}, "cifar10-28px"),
        (["--profile", "slurm"], {"config": "results_dir=elsewhere"}, "cifar10-28px"),
        (["--profile", "slurm"], {"config": "study=quick"}, "digits-16px"),
    ],
)
def test_the_profile_names_the_study_unless_another_is_named(cluster: Cluster, options, variables, prepared, tmp_path):
    """With the files of the repository, but without its results and data; nothing is submitted."""
    for item in ROOT.iterdir():
        if item.name not in ("results", "data", ".snakemake"):
            (tmp_path / item.name).symlink_to(item)
    config = ["--config", variables["config"]] if "config" in variables else []
    command = ["snakemake", "--cores", "all", *options, "--dry-run", "data", *config]
    result = subprocess.run(
        command, cwd=tmp_path, env={**cluster.environment, **variables}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert f"Prepare {prepared}" in result.stdout + result.stderr


def test_nodes_that_are_down_for_a_while_are_no_refusal(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, cluster.environment[name])
    cluster.run("scontrol", "update", "NodeName=localhost", "State=DRAIN", "Reason=test")
    try:
        check_resources({"train": {"gpu": 1, "mem_mb": 8000, "runtime": 60}})
    finally:
        cluster.run("scontrol", "update", "NodeName=localhost", "State=RESUME")
    assert not cluster.jobs(), "the job submitted for the question is gone"
    with pytest.raises(ConfigError, match=r"rule 'train'(?s:.*)Requested node configuration is not available"):
        check_resources({"train": {"gpu": NUM_GPUS + 1}})
