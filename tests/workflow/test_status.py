"""The status of a study from files: every state, a training that is killed, words and counts, and nothing touched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from sngan_repro.cli import status_text
from sngan_repro.cli.main import main
from sngan_repro.cli.status_text import follow, study_lines
from sngan_repro.config.specs import RunSpec, StudyRun
from sngan_repro.core.files import read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.text import duration
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study
from sngan_repro.training.checkpoint import run_lock
from sngan_repro.training.files import TrainingFiles
from sngan_repro.training.job import train
from sngan_repro.training.log import Progress
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.progress import Heartbeat
from sngan_repro.training.trainer import Trainer
from sngan_repro.workflow.status import RunStatus, StudyStatus, read_run, read_study

ROOT = Path(__file__).parents[2]
NOW = 1_700_000_000.0
TINY_STUDY = {
    "title": "A tiny study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", "bn"],
    "settings": {"A": {"lr": 0.001}, "B": {"lr": 0.002}},
    "seeds": [0, 1],
    "budget": {"steps": 24},
    "scores": [{"evaluator": "classifier", "num_fake": 20, "is_splits": 2, "metrics": ["is"]}],
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("tiny", tmp_path / "results", tmp_path / "data")


def write_old(path: Path, content: Any, age: float) -> Path:
    """A file of text or JSON that was written ``age`` seconds before NOW."""
    if isinstance(content, str):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    else:
        write_json(path, content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def progress_of(spec: RunSpec, **changes: Any) -> dict[str, Any]:
    return {
        "state": "running",
        "spec_digest": spec.digest(),
        "steps": 12,
        "steps_total": 24,
        "updates_per_second": 2.0,
        "images_per_second": 16.0,
        "host": "elsewhere",
        "pid": 1,
        **changes,
    }


def status_of(spec: RunSpec, **changes: Any) -> dict[str, Any]:
    common = {"state": "ok", "spec_digest": spec.digest(), "steps_total": 24, "steps_done": 24, "seconds": 75.0}
    return {**common, "reason": None, **changes}


def line_of(run: RunStatus) -> str:
    return status_text.run_lines([run])[0].removeprefix(run.id).strip()


class OneRun:
    """A run folder in the making."""

    def __init__(self, spec: StudyRun, layout: Layout) -> None:
        self.spec, self.layout, self.paths = spec, layout, layout.stored(spec)
        self.log_path = layout.run_log("train", spec)

    def progress(self, age: float, **changes: Any) -> OneRun:
        write_old(self.paths.progress, progress_of(self.spec, **changes), age)
        return self

    def log(self, age: float, text: str = "") -> OneRun:
        """A log without a record."""
        write_old(self.log_path, text, age)
        self.log_path.with_suffix(".json").unlink(missing_ok=True)
        return self

    def job(
        self, age: float, state: str, reason: str | None = None, log_age: float | None = None, **process: Any
    ) -> OneRun:
        """A log, and the record that the job wrote ``age`` seconds ago."""
        self.log(age if log_age is None else log_age, "tiny/seed3: starting from update 0\n")
        write_old(self.log_path.with_suffix(".json"), {"state": state, "reason": reason, **process}, age)
        return self

    def status(self, **changes: Any) -> OneRun:
        write_old(self.paths.status, status_of(self.spec, **changes), 1000)
        return self

    def read(self) -> RunStatus:
        return read_run(self.spec, self.layout, 50, NOW)

    @property
    def line(self) -> str:
        return line_of(self.read())


def named(spec: RunSpec) -> StudyRun:
    """A run with the names of a study."""
    return StudyRun.model_validate({**spec.to_dict(), "dataset": "blobs", "label": "SNGAN", "setting": "A"})


@pytest.fixture
def one(tiny_run, layout: Layout) -> OneRun:
    return OneRun(named(tiny_run()), layout)


def test_waiting_and_done(one: OneRun):
    assert one.line == "waiting"
    assert one.read().steps_total == 24
    one.status()
    assert one.line == "done      24 updates in 1 min 15 s, not scored"
    score_log = write_old(one.layout.run_log("score", one.spec), "error: no such evaluator\n", 10)
    assert one.line.endswith(f"scoring failed: error: no such evaluator (log: {score_log})")
    write_json(one.paths.scores, {})
    assert one.line == "done      24 updates in 1 min 15 s, scored"


def test_diverged_and_trained_by_another_program(one: OneRun):
    one.status(state="diverged", steps_done=7, reason="non-finite d_loss")
    assert one.line == "diverged  at update 7: non-finite d_loss, not scored"
    write_json(one.paths.status, {"state": "ok", "snapshots": [{"steps": 24}]})
    assert one.read().state == "done"


def test_running(one: OneRun):
    one.progress(age=3).log(age=30, text="tiny/seed3: starting from update 0\n")
    assert one.line == "running   update 12 of 24 (50 %), 16 images/s, 6 s left, last heartbeat 3 s ago"
    one.progress(age=3, updates_per_second=None, images_per_second=None, steps=0)
    assert one.line == "running   update 0 of 24 (0 %), last heartbeat 3 s ago"


def test_a_job_that_starts_or_resumes(one: OneRun):
    assert one.log(age=20).line == "running   starting, update 0 of 24 (0 %), last heartbeat 20 s ago"
    one.progress(age=5000)  # of a job before
    assert one.line == "running   starting, update 12 of 24 (50 %), last heartbeat 20 s ago"
    assert one.log(age=500).read().state == "stale"
    assert one.log(age=10, text="slow.py: UserWarning: an import that warns\n").read().state == "running"


def test_results_that_were_removed(one: OneRun):
    assert one.job(age=500, state="done").line == "waiting   trained before; status.json was removed"


def test_a_training_that_cannot_write_heartbeats(one: OneRun):
    """Its log is written every ten seconds."""
    assert one.job(age=500, state="running", log_age=5).line.startswith("running   without progress.json, update 0")
    assert one.job(age=50, state="running", log_age=5).line.startswith("running   starting, update 0")
    assert one.job(age=500, state="running").line.startswith("stale     starting, last heartbeat 8 min 20 s")


def test_stale(one: OneRun):
    """The log, which is written every ten seconds, keeps no dead run alive; an age in the future proves nothing."""
    one.progress(age=3000).job(age=3100, state="running", log_age=2990)
    assert one.line == "stale     update 12 of 24 (50 %), last heartbeat 50 min ago"
    assert one.log(age=2990).line == "stale     update 12 of 24 (50 %), last heartbeat 50 min ago"  # without a record
    assert one.progress(age=-3000).line.endswith("last heartbeat 50 min in the future (the clocks differ)")
    assert one.progress(age=-5).read().state == "running"
    assert one.progress(age=110).read().state == "running"
    assert one.progress(age=130).read().state == "stale"
    assert one.progress(age=130, updates_per_second=0.01).read().state == "running"  # 100 s an update


def test_a_process_that_is_gone_from_this_machine(one: OneRun):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = {"host": platform.node(), "pid": ended.pid}
    one.log(age=30, text="update 12/24 (50 %)\n")
    assert one.progress(age=20, **here).read().state == "stale"
    assert one.progress(age=20, host=platform.node(), pid=os.getpid()).read().state == "running"
    assert one.progress(age=20, host="another machine", pid=ended.pid).read().state == "running"
    one.paths.progress.unlink()  # the job was killed before its first heartbeat
    for record, state in (
        (here, "stale"),
        ({**here, "pid": os.getpid()}, "running"),
        ({**here, "host": "x"}, "running"),
    ):
        assert one.job(age=20, state="running", **record).read().state == state


def test_stopped_by_a_signal(one: OneRun):
    one.progress(age=3600, state="interrupted").log(age=3605, text="tiny/seed3: starting from update 0\n")
    assert one.line == "stopped   by a signal at update 12 of 24 (50 %), 1 h ago; the same command goes on"
    assert one.log(age=5).read().state == "running"  # it does


def test_failed(one: OneRun):
    reason = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    one.progress(age=3).job(age=2, state="failed", reason=reason)
    assert one.line == f"failed    {reason} (log: {one.log_path})"
    assert one.read().steps == 12
    one.job(age=9000, state="failed", reason="error: no such device")
    assert one.read().state == "running"  # another job has written a heartbeat since
    assert one.progress(age=9999).line == f"failed    error: no such device (log: {one.log_path})"
    assert one.job(age=9000, state="failed", log_age=20).read().state == "running"  # the log is of the next job


def test_a_program_that_was_interrupted(one: OneRun):
    """It writes the heartbeat "running" to the end; the record of its job counts."""
    one.progress(age=3).job(age=2, state="interrupted")
    assert one.line == "stopped   by a signal at update 12 of 24 (50 %), 3 s ago; the same command goes on"
    one.paths.progress.unlink()
    assert one.read().state == "stopped"


@pytest.mark.parametrize(
    "line",
    [
        "Fatal Python error: Aborted",
        "/bin/sh: 1: exec: python: not found",
        "sngan-repro train: error: --run",
        "slurmstepd: error: Exceeded memory limit",
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_failures_that_no_command_can_record(recorded: bool, line: str, one: OneRun):
    """The shell and the batch system write to the log; a record, if any, says that the job runs."""
    if recorded:
        one.job(age=30, state="running")
    write_old(one.log_path, f"\x1b[31mbar\r\x1b]0;title\x07more\n{line}\n", 1)
    assert (one.read().state, one.read().reason) == ("failed", line)
    assert one.line.isprintable()
    write_old(one.log_path, "\x1b[31mbar\r\x1b]0;title\x07error\nslurmstepd: error: \x1b[31mkilled", 1)
    assert one.line.isprintable()


def test_long_lines_are_read_quickly_and_clipped(one: OneRun):
    start = time.perf_counter()
    assert one.log(age=1, text="word " * 20_000).read().state == "running"
    assert time.perf_counter() - start < 1
    assert len(one.log(age=1, text="error: " + "x" * 5000).line) < 400


def test_an_edited_study_file(one: OneRun):
    """Runs of an earlier form of the study file are trained again, so their updates do not count."""
    one.status(spec_digest="0" * 16)
    assert one.line == "waiting   trained under an earlier form of the study file"
    one.paths.status.unlink()
    one.progress(age=5000, spec_digest="0" * 16)
    assert one.line == "waiting   begun under an earlier form of the study file"
    assert one.read().steps == 0
    one.progress(age=5, spec_digest="0" * 16)
    assert one.line.startswith("running   under an earlier form of the study file, update 0 of 24")


def test_files_that_are_not_whole_or_vanish(one: OneRun):
    write_old(one.paths.progress, "{", 5)
    assert one.line == "waiting"


def tiny_study(folder: Path, **changes: Any) -> tuple[Study, str]:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY_STUDY, **changes}))
    return load_study(str(path)), str(path)


def every_state(study: Study, layout: Layout) -> list[StudyRun]:
    """The 8 runs of TINY_STUDY: 2 done, and one of each other state."""
    runs = study.runs()
    made = [OneRun(spec, layout) for spec in runs]
    made[0].status()
    write_json(made[0].paths.scores, {})
    made[1].status()
    made[2].status(state="diverged", steps_done=4, reason="non-finite weights")
    made[3].progress(age=2)
    made[4].progress(age=50, state="interrupted")
    made[5].progress(age=5000, steps=6)
    made[6].job(age=50, state="failed", reason="torch.OutOfMemoryError: CUDA out of memory")
    return runs


def test_summary_of_a_study(tmp_path: Path, layout: Layout):
    study, _ = tiny_study(tmp_path)
    runs = every_state(study, layout)
    write_old(layout.data_dir / "logs" / f"prepare-{study.datasets['digits'].id}.log", "error: no images\n", 9)
    status = read_study(study, layout, runs, NOW)
    assert list(status.counts.values()) == [2, 1, 1, 1, 1, 1, 1]
    made, planned = 24 + 24 + 4 + 12 + 12 + 6, 7 * 24 + 4
    assert status.steps == (made, planned, 0)
    assert status.seconds_left == (planned - made) / 2.0
    first, second, third, *_ = study_lines(status)
    counts = "2 done, 1 diverged, 1 running, 1 stopped, 1 stale, 1 failed, 1 waiting"
    assert first == f"study tiny, 8 runs: {counts}; 1 scored"
    assert second == (
        f"{made} of {planned} updates ({100 * made // planned} %); "
        "about 45 s of training left at the rate of the run in progress (2 updates/s)"
    )
    assert third.startswith("failed: ")
    assert third.endswith(".log: error: no images")
    assert len(study_lines(status)) == 4 + len(runs)
    assert not status.complete


def test_time_left_is_never_less_than_the_slowest_run_needs():
    known: dict[str, Any] = {"dataset": "d", "label": "m", "setting": "s", "seed": 0, "state": "running"}
    slow = RunStatus(id="a", steps=0, steps_total=100, updates_per_second=1, **known)
    fast = RunStatus(id="b", steps=90, steps_total=100, updates_per_second=99, **known)
    assert StudyStatus("x", "y", [slow, fast]).seconds_left == 100


def test_large_studies_are_counted(tmp_path: Path, layout: Layout):
    study, _ = tiny_study(tmp_path, seeds=list(range(225)))
    runs = study.runs()
    for spec in runs[:225]:
        OneRun(spec, layout).status()
    for spec in runs[225:255]:
        OneRun(spec, layout).progress(age=1)
    start = time.perf_counter()
    status = read_study(study, layout, runs, NOW)
    lines = study_lines(status)
    assert time.perf_counter() - start < 10
    assert lines[3:6] == [
        "method  setting  runs  done  running  waiting  scored  updates",
        "SNGAN   A         225   225        -        -       -    100 %",
        "SNGAN   B         225     -       30      195       -      6 %",
    ]
    assert len([line for line in lines if "  running   update 12" in line]) == 20
    assert lines[-1] == "... and 10 more; --all lists every run"
    assert len(study_lines(status, show_all=True)) == 3 + 900


def command(study: str, layout: Layout, *more: str) -> list[str]:
    folders = ["--results-dir", str(layout.results_dir), "--data-dir", str(layout.data_dir)]
    return ["status", "--study", study, *folders, *more]


def test_command_needs_neither_torch_nor_snakemake_and_writes_nothing(tmp_path: Path, layout: Layout):
    study, path = tiny_study(tmp_path)
    runs = every_state(study, layout)
    before = {file: file.stat().st_mtime_ns for file in layout.results_dir.rglob("*")}
    code = (
        "import sys; sys.modules['torch'] = sys.modules['snakemake'] = None; import sngan_repro.cli.main as c; c.main()"
    )
    arguments = [sys.executable, "-c", code, *command(path, layout, "--json")]
    result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = json.loads(result.stdout)
    assert printed["counts"]["diverged"] == 1
    assert [run["id"] for run in printed["runs"]] == [spec.id for spec in runs]
    assert printed["runs"][6]["reason"].startswith("torch.OutOfMemoryError")
    assert {file: file.stat().st_mtime_ns for file in layout.results_dir.rglob("*")} == before
    assert not layout.data_dir.exists()


def test_exit_codes(tmp_path: Path, layout: Layout, capsys: pytest.CaptureFixture[str]):
    _, path = tiny_study(tmp_path)
    main(command(path, layout))  # returns
    with pytest.raises(SystemExit) as stopped:
        main(command(path, layout, "--fail"))
    assert stopped.value.code == 1
    with pytest.raises(SystemExit) as stopped:
        main(command("nowhere.yaml", layout))
    assert stopped.value.code == 2
    with pytest.raises(SystemExit):
        main(command(path, layout, "--watch", "0"))
    assert "0 is not a number of seconds from 1 on" in capsys.readouterr().err


def test_watch_ends_when_all_is_scored(tmp_path: Path, layout: Layout, monkeypatch, capsys):
    study, _ = tiny_study(tmp_path)
    layout, slept = replace(layout, scoring=study.evaluations[0]), []

    def finish_runs(seconds: float) -> None:
        slept.append(seconds)
        for spec in study.runs():
            write_json(layout.stored(spec).status, status_of(spec))
            if len(slept) == 2:
                write_json(layout.stored(spec).scores, {})

    monkeypatch.setattr(time, "sleep", finish_runs)
    follow(study, layout, 7.0, show_all=False, as_json=True)
    assert slept == [7.0, 7.0]
    assert [json.loads(line)["scored"] for line in capsys.readouterr().out.splitlines()] == [0, 0, 8]
    main(command(str(tmp_path / "tiny.yaml"), layout, "--fail"))  # returns: every run is scored


def test_watch_ends_with_ctrl_c(tmp_path: Path, layout: Layout, monkeypatch, capsys):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    follow(tiny_study(tmp_path)[0], layout, 5.0, show_all=False, as_json=False)
    assert "8 runs: 8 waiting" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_watch_renews_the_terminal_in_place(tmp_path: Path, layout: Layout, monkeypatch):
    terminal, times = Terminal(), iter([None, KeyboardInterrupt()])

    def sleep(seconds: float) -> None:
        if error := next(times):
            raise error

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(status_text.shutil, "get_terminal_size", lambda: os.terminal_size((30, 8)))
    with contextlib.redirect_stdout(terminal):
        follow(tiny_study(tmp_path)[0], layout, 5.0, show_all=True, as_json=False)
    _, first, second = terminal.getvalue().split("\x1b[H\x1b[2J")[1].split("\x1b[H")
    assert first == second.removesuffix("\n")
    assert first.count("\n") == 7
    assert max(len(line.removesuffix("\x1b[K")) for line in first.splitlines()) < 30
    assert "... 6 more lines; a higher w" in first


def test_progress_file_of_a_training(tiny_run, tiny_images: Path, layout: Layout, monkeypatch):
    """Written while it trains, gone at the end; a training that cannot write it goes on."""
    spec = named(tiny_run())
    run, seen = layout.stored(spec), []
    step, beat = Trainer.advance, TrainingFiles.beat

    def watched(self):
        seen.append(read_run(spec, layout, 50, time.time()))
        return step(self)

    def written(self, *given):
        beat(self, *given)
        self.wait()  # a thread writes it

    monkeypatch.setattr("sngan_repro.training.progress.BEAT_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", watched)
        patch.setattr(TrainingFiles, "beat", written)
        train(spec, run, tiny_images, torch.device("cpu"), TrainOptions(tensorboard=False))
    assert [(status.state, status.steps) for status in seen] == [("running", steps) for steps in range(24)]
    assert seen[-1].images_per_second == pytest.approx(8 * seen[-1].updates_per_second)
    assert read_run(spec, layout, 50, time.time()).state == "done"
    assert [file.name for file in run.resume.iterdir()] == ["lock"]

    def full(path: Path, value: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sngan_repro.training.progress.write_json", full)
    run.status.unlink()
    assert train(spec, run, tiny_images, torch.device("cpu"), TrainOptions(tensorboard=False))["state"] == "ok"


def test_an_interrupted_training_says_so(tiny_run, tiny_images: Path, layout: Layout, monkeypatch):
    spec = named(tiny_run())
    step = Trainer.advance

    def stopped(self):
        signal.raise_signal(signal.SIGTERM)
        return step(self)

    monkeypatch.setattr(Trainer, "advance", stopped)
    with pytest.raises(SystemExit):
        train(spec, layout.stored(spec), tiny_images, torch.device("cpu"), TrainOptions(tensorboard=False))
    assert line_of(read_run(spec, layout, 50, time.time())).startswith("stopped   by a signal at update 1 of 24 (4 %)")


def test_rate_is_of_the_last_minutes(tiny_run, layout: Layout, monkeypatch):
    run = layout.stored("x")
    life, clock = Heartbeat(run, tiny_run(), 1000), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for steps in range(600):
        clock[0] += 1.0 if steps < 200 else 0.5
        life.write(steps)
    progress = read_json(run.progress)
    assert progress["updates_per_second"] == pytest.approx(2.0)
    assert progress["steps"] >= 589  # not at every update


@pytest.mark.slow
def test_status_of_a_training_that_runs_and_is_killed(tiny_run, tiny_images: Path, layout: Layout):
    spec = named(tiny_run(budget={"steps": 1_000_000}, snapshots={"count": 1}))
    run, log = layout.stored(spec), layout.run_log("train", spec)
    log.parent.mkdir(parents=True)
    given = ["--spec", spec.to_json(), "--run", str(run.root), "--dataset", str(tiny_images), "--threads", "1"]
    arguments = [sys.executable, "-m", "sngan_repro", "train", *given, "--device", "cpu", "--no-tensorboard"]
    with log.open("wb") as stream:
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=stream, stderr=stream)
    try:
        assert read_run(spec, layout, 50, time.time()).reason == "starting"
        deadline = time.monotonic() + 120
        while not (status := read_run(spec, layout, 50, time.time())).images_per_second:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            assert status.state == "running"
            time.sleep(0.1)
        assert 0 < status.steps < 1_000_000
        assert status.seconds_left is not None
        assert status.age_seconds < 60
        with pytest.raises(ConfigError, match="being trained already"), run_lock(run):
            pass  # reading took no lock away
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read_run(spec, layout, 50, time.time() + 30).state == "stale"
    assert "\r" not in log.read_text()
    files = sorted(run.resume.iterdir())
    assert read_run(spec, layout, 50, time.time() + 7200).state == "stale"
    assert sorted(run.resume.iterdir()) == files


def test_training_shows_lines_in_a_file_and_a_bar_on_a_terminal(capsys):
    progress = Progress(200, seconds=0)
    progress.show(50, 10.0, {"d_loss": 1.25})
    progress.close()
    assert capsys.readouterr().err == "update 50/200 (25 %), 10.0 updates/s, 15 s left, d_loss 1.25\n"
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal):
        progress = Progress(200)
        progress.show(50, 10.0, {"d_loss": 1.25})
        progress.show(200, 10.0, {"d_loss": 1.25})
        progress.close()
        progress.close()
    last = terminal.getvalue().rstrip("\n").split("\r")[-1]
    assert "100%" in last
    assert "200/200" in last
    assert "d_loss 1.25" in last
    assert terminal.getvalue().endswith("\n")


def test_logs_are_where_the_workflow_puts_them(layout: Layout):
    for step in ("train", "score"):
        rule = (ROOT / f"workflow/rules/{step}.smk").read_text()
        assert f'LAYOUT.logs / "{step}" / f"{{RUN_PATTERN}}.log"' in rule
        assert layout.run_log(step, "sngan-seed0") == layout.logs / step / "sngan-seed0.log"


def test_durations_in_words():
    found = [duration(seconds) for seconds in (0, 59.4, 59.6, 3599.7, 3660, 90061, float("inf"), float("nan"), -1)]
    assert found == ["0 s", "59 s", "1 min", "1 h", "1 h 1 min", "1 d 1 h", "?", "?", "0 s"]
