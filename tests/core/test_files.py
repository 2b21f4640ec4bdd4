"""Locks and atomic writes."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sngan_repro.core.files import LockedError, atomic_path, file_lock, process_name, remove_temporaries, write_json
from sngan_repro.core.schema import ConfigError

HOLDER = """
import sys, time
from pathlib import Path
from sngan_repro.core.files import file_lock
with file_lock(Path(sys.argv[1]), wait=False):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


class TestLock:
    def test_the_error_names_the_holder(self, holder, tmp_path):
        for _ in range(2):  # an attempt does not remove the name
            with pytest.raises(LockedError, match=rf"^{os.uname().nodename} process {holder.pid}$"):
                file_lock(tmp_path / "lock", wait=False).__enter__()

    def test_a_killed_process_releases_it(self, holder, tmp_path):
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with file_lock(tmp_path / "lock", wait=False):
            assert (tmp_path / "lock").read_text() == process_name()

    def test_waiting(self, holder, tmp_path):
        started = time.monotonic()
        threading.Timer(0.5, holder.kill).start()
        with file_lock(tmp_path / "lock", wait=True):
            assert time.monotonic() - started > 0.4

    def test_an_error_in_the_block_releases_it(self, tmp_path):
        with pytest.raises(RuntimeError), file_lock(tmp_path / "new/lock", wait=False):
            raise RuntimeError
        with file_lock(tmp_path / "new/lock", wait=False):
            pass

    def test_a_system_without_locks(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
        with pytest.raises(ConfigError, match="Linux and macOS are supported"), file_lock(tmp_path / "lock", False):
            pass
        assert not (tmp_path / "lock").exists()

    @pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
    def test_a_file_system_without_locks(self, code, tmp_path, monkeypatch):
        def flock(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(fcntl, "flock", flock)
        with (
            pytest.raises(ConfigError, match=r"lock: the file system has no locks \(.*\)"),
            file_lock(tmp_path / "lock", wait=False),
        ):
            pass


class TestAtomicPath:
    def test_an_error_keeps_the_old_file(self, tmp_path):
        write_json(tmp_path / "a.json", 1)
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(tmp_path / "a.json", float("nan"))
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
        assert (tmp_path / "a.json").read_text() == "1\n"

    def test_temporary_files_are_recognised(self, tmp_path):
        (tmp_path / ".kept").touch()
        with atomic_path(tmp_path / "sub/a.tar") as temporary:
            assert temporary.suffix == ".tar"
            remove_temporaries(tmp_path)
            assert not temporary.exists()
            temporary.touch()
        assert (tmp_path / "sub/a.tar").exists()
        assert (tmp_path / ".kept").exists()
