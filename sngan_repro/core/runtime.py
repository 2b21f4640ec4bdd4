"""The process and its machine: device, threads, allocator, versions."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import DEVICE_PATTERN, ConfigError
from sngan_repro.core.version import __version__


def setup(device: str, threads: int | None = None) -> torch.device:
    """Set up torch in this process and return its device.

    device: auto | cpu | cuda | cuda:N; "auto" is CUDA if there is a GPU. threads: CPU threads. Set them for parallel
    jobs: torch's default is all cores, and two jobs with it are several times slower than one after the other. Raises
    ConfigError if the device does not exist.
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


@contextmanager
def cpu_threads(number: int) -> Iterator[None]:
    """A number of CPU threads within the block. Sums, and so results, depend on it to float rounding."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_precision(precision: str, device: torch.device) -> None:
    """Allow TF32 in convolutions and matrix products on a GPU if ``precision`` is "tf32", else forbid it.

    On a GPU this also turns on cuDNN's benchmark mode, which is faster for repeated shapes.
    """
    allowed = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = device.type == "cuda"


def repeatable() -> AbstractContextManager[None]:
    """A context in which cuDNN uses deterministic algorithms in full float32.

    For samples and features: TF32 changes the third digit of the FID, and cuDNN's benchmark mode changes pixels.
    """
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _raise_malloc_thresholds() -> None:
    """Let glibc keep freed memory. By default it maps and unmaps each tensor above 32 MiB."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def device_info(device: torch.device) -> dict[str, Any]:
    """Type, name and CPU threads of a device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    return {"type": device.type, "name": name, "threads": torch.get_num_threads()}


def host_info(threads: int, kind: str = "cpu", name: str | None = None) -> dict[str, Any]:
    """:func:`device_info` for a process without torch. kind: cpu or cuda. name: by default that of the CPU."""
    return {"type": kind, "name": name or _cpu_name(), "threads": threads}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    packages = ("numpy", "torch", "torchvision", "torch-fidelity", "pillow", "scipy", "sngan-repro")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def package_version() -> str:
    """The version of this package."""
    return __version__


def git_revision() -> str | None:
    """The git revision of this package, with "-dirty" if files differ from it; None outside a git checkout."""
    root = Path(__file__).resolve().parents[2]
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def max_rss_mb(children: bool = False) -> float:
    """The peak memory of this process, or the largest peak of its ended children, in MB."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
