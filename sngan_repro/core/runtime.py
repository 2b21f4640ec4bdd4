"""The process and the machine it runs on: device, threads, allocator, provenance."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import re
import resource
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import DEVICE_PATTERN, ConfigError
from sngan_repro.core.version import __version__


def setup(device: str, threads: int | None = None) -> torch.device:
    """Prepare this process for computing and return its device.

    device: auto | cpu | cuda | cuda:N; "auto" is CUDA when there is a GPU. threads: CPU threads (never leave two
    jobs with torch's default of all cores: they run several times slower than one). Raises ConfigError for a device
    that is not there.
    """
    if threads:
        torch.set_num_threads(threads)
    _raise_malloc_thresholds()
    set_precision("fp32", torch.device("cpu"))
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(DEVICE_PATTERN, device):
        raise ConfigError(f"device '{device}' is not known (known: auto, cpu, cuda, cuda:N)")
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device '{device}' is not available here ({torch.cuda.device_count()} CUDA devices); "
            "set `device: cpu` or `device: auto` in config/config.yaml"
        )
    return chosen


def set_precision(precision: str, device: torch.device) -> None:
    """Let convolutions and products on a GPU round their inputs to 10 bits ("tf32"), or not: fp32 means fp32.

    On a GPU cuDNN also tries its algorithms from now on, which pays when the same shapes come again and again.
    """
    allowed = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = device.type == "cuda"


def repeatable() -> AbstractContextManager[None]:
    """Within it cuDNN uses algorithms that give the same bits every time, in full float32.

    For samples and features: TF32 moves FID in the third digit, and algorithms chosen by a race move pixels.
    """
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _raise_malloc_thresholds() -> None:
    """Keep freed blocks in the process: glibc maps and unmaps tensors above 32 MiB at every use otherwise."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def device_info(device: torch.device) -> dict[str, Any]:
    """Type, name and CPU threads of the device that did the work."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    return {"type": device.type, "name": name, "threads": torch.get_num_threads()}


def host_info(threads: int, kind: str = "cpu", name: str | None = None) -> dict[str, Any]:
    """The same for a process that has no torch: the CPU, unless a name is given. kind: cpu or cuda."""
    return {"type": kind, "name": name or _cpu_name(), "threads": threads}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("numpy", "torch", "torchvision", "torch-fidelity", "pillow", "scipy", "sngan-repro")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def package_version() -> str:
    """The version of this package, installed or not."""
    return __version__


def git_revision() -> str | None:
    """Revision of the checkout this package is used from, "-dirty" appended when files differ; None outside git."""
    root = Path(__file__).resolve().parents[2]
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def max_rss_mb(children: bool = False) -> float:
    """The largest memory that this process, or the largest of its ended children, has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
