"""The record of a job: how a command that ran, failed or was interrupted leaves it, and who may read it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.workflow.jobs import Job, job_record, read_job

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "job.log"
    path.parent.mkdir()
    path.write_text("the last line\n")
    return path


def job_of(log: Path) -> Job:
    job = read_job(log)
    assert job is not None
    return job


def test_the_states_of_a_job(log: Path):
    assert read_job(log.with_name("absent.log")) is None
    with job_record(log):
        job = job_of(log)
        assert (job.state, job.recorded) == ("running", True)
        assert read_json(log.with_suffix(".json"))["pid"] == os.getpid()
    job = job_of(log)
    assert (job.state, job.reason) == ("done", "the last line")


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (ConfigError("no such device\nmore"), "failed", "error: no such device"),
        (ValueError("first line\nsecond line"), "failed", "ValueError: first line"),
        (SystemExit(3), "failed", "exit code 3"),
        (SystemExit(75), "interrupted", "exit code 75"),
        (SystemExit(143), "interrupted", "SIGTERM"),
        (KeyboardInterrupt(), "interrupted", "SIGINT"),
        (SystemExit(0), "done", "the last line"),
    ],
)
def test_the_end_of_a_job(error: BaseException, state: str, reason: str, log: Path):
    with pytest.raises(type(error)), job_record(log):
        raise error
    job = job_of(log)
    assert (job.state, job.reason) == (state, reason)


def test_a_record_that_cannot_be_written_is_no_failure(log: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sngan_repro.workflow.jobs.write_json", full)
    with job_record(log):
        pass
    assert not job_of(log).recorded


def test_the_log_of_the_next_job_has_no_record_yet(log: Path):
    with pytest.raises(ValueError, match="x"), job_record(log):
        raise ValueError("x")
    later = time.time() + 60
    os.utime(log, (later, later))
    job = job_of(log)
    assert (job.state, job.recorded) == ("running", False)


def test_a_failing_command(log: Path):
    command = [sys.executable, "-m", "sngan_repro", "fetch", "--source", "absent", "--downloads", "x", "--log", log]
    with log.open("w") as stream:
        assert subprocess.run(command, cwd=ROOT, stdout=stream, stderr=stream, check=False).returncode == 2
    assert job_of(log).state == "failed"
    assert job_of(log).reason.startswith("error: unknown data source 'absent'")


ANY_COMMAND = """
import dataclasses, sys, time
from sngan_repro.cli.main import COMMANDS, main
def wait(given):
    print("begun", flush=True)
    time.sleep(600)
COMMANDS["fetch"] = dataclasses.replace(COMMANDS["fetch"], function=wait)
main(["fetch", "--source", "mnist", "--downloads", "x", "--log", sys.argv[1]])
"""
"""A command that waits in place of its work."""


@pytest.mark.parametrize(
    ("number", "code", "state", "reason"),
    [
        (signal.SIGTERM, 143, "interrupted", "SIGTERM"),
        (signal.SIGINT, -signal.SIGINT, "interrupted", "SIGINT"),
        (signal.SIGKILL, -signal.SIGKILL, "running", ""),
    ],
)
def test_a_command_that_a_signal_ends(number: int, code: int, state: str, reason: str, log: Path):
    words = [sys.executable, "-c", ANY_COMMAND, log]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start the tests without SIGINT
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait() == code
    log.write_text("")
    assert (job_of(log).state, job_of(log).reason) == (state, reason)
    assert job_of(log).pid == process.pid


def test_the_handler_of_signals_is_the_earlier_one_afterwards(log: Path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit), job_record(log):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_every_rule_passes_its_log():
    shells = re.findall(
        r"python -m sngan_repro.*?2>&1", "".join(map(Path.read_text, ROOT.glob("workflow/rules/*.smk"))), re.S
    )
    assert len(shells) == 17
    assert all("--log {log:q} > {log:q} 2>&1" in shell for shell in shells)
