"""A Slurm of one node in a scratch folder, and a clone of the repository that runs on it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.study.load import load_study

ROOT = Path(__file__).parents[2]
COMMAND = ["snakemake", "--cores", "all", "--profile", "slurm"]
"""What a user types; everything below runs exactly this, with options behind it at most."""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
NUM_GPUS = 2

SLURM_CONF = """\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/slurmctld
SlurmdSpoolDir={folder}/slurmd
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,defer,bf_interval=2
MpiDefault=none
ReturnToService=2
MinJobAge=7200
KillWait=10
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=localhost CPUs=32 RealMemory=200000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=gpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why no Slurm can be started here; None when it can."""
    if os.geteuid() != 0:
        return "starting a Slurm of one node needs root"
    search = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "not installed: snakemake-executor-plugin-slurm (pip install -c constraints.txt -e '.[slurm]')"
    missing = [program for program in PROGRAMS if shutil.which(program, path=search) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: apt-get install munge slurmctld slurmd slurm-client)"
    return None


class Cluster:
    """slurmctld, slurmd and munged as children of this process, with everything they write in one folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # short, for the socket's path
        self.folder.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        for name in ("slurmctld", "slurmd", "bin", "home"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        devices = ["/dev/null", "/dev/zero"]
        gres = [f"NodeName=localhost Name=gpu File={device}" for device in devices[:NUM_GPUS]]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *gres, ""]))
        conf = SLURM_CONF.format(folder=self.folder, ports=free_ports(2), gpus=NUM_GPUS)
        (self.folder / "slurm.conf").write_text(conf)
        # The plugin's job step drops SLURM_CONF before it calls srun; a real site has its file in /etc.
        srun = shutil.which("srun")
        self.script("srun", f'SLURM_CONF={self.folder}/slurm.conf exec {srun} "$@"')
        self.script("nvidia-smi", "exit 0")  # a node with GPUs, as far as `device: auto` is concerned
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SNAKEMAKE"))},
            "PATH": f"{self.folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.folder / "home"),
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }
        self.environment.pop("PYTHONPATH", None)

    def script(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def start(self) -> None:
        places = ("socket", "pid-file", "log-file", "seed-file", "key-file")
        options = [f"--{place}={self.folder}/munge.{place.split('-')[0]}" for place in places]
        self.daemon("munged", "--foreground", "--force", *options)
        wait_for(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.daemon("slurmctld", "-D", "-c")
        self.daemon("slurmd", "-D", "-N", "localhost")
        wait_for(lambda: "idle" in self.run("sinfo", "-h", "-o", "%t", check=False), "an idle node")

    def daemon(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as out:
            process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.processes.append(process)

    def stop(self) -> None:
        """Stop what was started, by process id: jobs first, the daemons in reverse."""
        try:
            self.cancel_all()
        finally:
            for process in reversed(self.processes):
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def cancel_all(self) -> None:
        """End all jobs."""
        if self.jobs():
            self.run("scancel", "--user=root", check=False)
            wait_for(lambda: not self.jobs(), "the end of all jobs", 40)

    def run(self, *command: str, check: bool = True) -> str:
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or result.returncode == 0, result.stderr
        return result.stdout

    def jobs(self, *options: str, states: str = "RUNNING,PENDING,COMPLETING") -> list[str]:
        """Ids of jobs in the queue."""
        return self.run("squeue", "-h", "-o", "%i", f"--states={states}", *options, check=False).split()

    def all_jobs(self) -> list[dict[str, str]]:
        """What scontrol knows of every job that Slurm still remembers, the oldest first."""
        lines = self.run("scontrol", "-o", "show", "jobs", check=False).splitlines()
        found = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        return sorted((job for job in found if "JobId" in job), key=lambda job: int(job["JobId"]))


class Clone:
    """A fresh clone of the repository, with a tiny study in place of the one that the profile names."""

    def __init__(self, folder: Path, cluster: Cluster, study: dict[str, Any]) -> None:
        self.folder, self.cluster = folder, cluster
        self.processes: list[subprocess.Popen[str]] = []
        ignored = (".git", ".venv", ".snakemake", "data", "results", "tests", "*cache*")
        shutil.copytree(
            ROOT, folder, ignore=lambda where, names: shutil.ignore_patterns(*ignored)(where, names) & top(where, names)
        )
        self.write_study(study)
        # What an impatient site with one-minute jobs would edit: shorter waits, and the device that is there.
        self.edit("slurm/config.yaml", "status-checks: 20", "status-checks: 3")
        self.edit("slurm/machine.yaml", "device: cuda", "device: auto")

    @property
    def results(self) -> Path:
        return self.folder / "results" / "southampton"

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def write_study(self, study: dict[str, Any]) -> None:
        (self.folder / "config/studies/southampton.yaml").write_text(yaml.safe_dump(study, sort_keys=False))

    def start(self, *arguments: str, command: list[str] = COMMAND) -> subprocess.Popen[str]:
        self.output = self.folder / f"output{len(self.processes)}.txt"
        with self.output.open("w") as out:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=self.folder,
                env=self.cluster.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Kill what still runs of this clone, and its jobs."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.cluster.cancel_all()

    def run(self, *arguments: str, command: list[str] = COMMAND, timeout: float = 600) -> tuple[int, str]:
        process, output = self.start(*arguments, command=command), self.output
        try:
            process.wait(timeout)
        finally:
            process.kill()
        return process.returncode, output.read_text()

    def run_paths(self, method: str, seed: int) -> RunPaths:
        runs = load_study(str(self.folder / "config/studies/southampton.yaml")).runs()
        (run,) = (run for run in runs if run.id == f"digits/{method}/A/seed{seed}")
        return RunPaths(self.folder / "results/runs" / run.name)


def top(where: str, names: list[str]) -> set[str]:
    """Only what lies at the top of the repository, or caches anywhere, is left out of a clone."""
    return set(names) if Path(where) == ROOT else {name for name in names if "cache" in name}


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until a condition holds; AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
